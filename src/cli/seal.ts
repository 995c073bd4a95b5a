/**
 * Sealing and opening. What is sealed is hashed here, salts and what they hide stay in a file here, and the registry gets a
 * commitment. An opening comes with the sealed record's receipt, so that whoever gets both needs nothing else.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Digest } from '../core/digest.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { manifestOf } from '../core/registry/dataset.ts';
import type { Kind } from '../core/registry/kind.ts';
import {
  DIGEST_SUBJECTS,
  opening as openingKind,
  sealCommitment,
  sealed as sealedKind,
} from '../core/registry/sealed.ts';
import type { DigestSubject } from '../core/registry/sealed.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { newId, newNonce, sha256 } from '../platform/crypto.ts';
import type { Context, Session } from './context.ts';
import { hashModel, sizeOf } from './hash-model.ts';
import type { JudgedPossession } from './judge-possession.ts';
import { judgeOpening } from './judge-possession.ts';
import type { DigestSecret, Secret } from './sealed-secret.ts';
import { keepSecret } from './sealed-secret.ts';
import { write } from './sign.ts';
import { checkReceipts } from './verify.ts';

/** @returns the receipt, and the file that alone can open what was sealed */
export async function seal(
  context: Context,
  path: string,
  subjectText: string,
): Promise<{ receipt: Receipt; secret: DigestSecret; file: string }> {
  const subject = subjectOf(subjectText);
  const digests = [...new Set(await digestsOf(context, path, subject))].sort();
  const session = await context.session();
  const by = { origin: session.log.origin, maker: session.me.party.id };
  const secret = { subject, salt: newNonce(), digests };
  const commitment = sealCommitment(sha256, by, secret);
  return record(context, session, { ...by, sealed: newId('sealed'), commitment, ...secret });
}

/** Keeps the secret, then puts its commitment on record. */
export async function record<S extends Secret>(
  context: Context,
  session: Session,
  secret: S,
): Promise<{ receipt: Receipt; secret: S; file: string }> {
  const file = await keepSecret(context, secret);
  const body = { subject: secret.subject, commitment: secret.commitment };
  const receipt = await write(context, session, {
    kind: sealedKind,
    path: '/v1/sealed',
    id: secret.sealed,
    body,
    basis: [],
  });
  return { receipt, secret, file };
}

/** What an opening gives whoever wants to check it. */
export interface Opened {
  receipt: Receipt;
  opened: JudgedPossession;
}

export function open(
  context: Context,
  session: Session,
  { sealed, commitment, subject, salt, digests }: DigestSecret,
): Promise<Opened> {
  const body = { sealed, commitment, subject, salt, digests };
  return reveal(context, session, openingKind, `/v1/sealed/${sealed}/open`, body);
}

/** @param path of the route that takes such an opening */
export async function reveal<Body extends { sealed: string }>(
  context: Context,
  session: Session,
  kind: Kind<Body>,
  path: string,
  body: Body,
): Promise<Opened> {
  const { client } = session;
  const { statement } = await client.get<{ statement: Digest }>(`/v1/sealed/${body.sealed}`);
  const sealed = await client.get<Receipt>(`/v1/receipts/${statement}`);
  const receipt = await write(context, session, { kind, path, body, basis: [statement] });
  const receipts = { sealed, opening: receipt, others: [] };
  return { receipt, opened: judgeOpening(receipts, await checkReceipts(context, [sealed, receipt])) };
}

/** By which digests it will be found once it is open. */
async function digestsOf(context: Context, path: string, subject: DigestSubject): Promise<Digest[]> {
  if (subject === 'dataset') {
    const { hashFolder } = await import('./add-dataset.ts');
    const files = await hashFolder(context, resolve(path));
    return [
      manifestOf(
        sha256,
        files.map(({ name, bytes, digest }) => ({ name, bytes, digest })),
      ).manifestDigest,
    ];
  }
  if (subject === 'evidence') return [await digestOfFile(path)];
  const { fileDigest, weightDigest, namelessDigest } = await hashModel(context.io, path);
  return [fileDigest, weightDigest, namelessDigest].filter((each) => each !== null);
}

/** @throws RegistryError `unreachable` */
export async function digestOfFile(path: string): Promise<Digest> {
  await sizeOf(path);
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
  return formatDigest(hash.digest());
}

function subjectOf(text: string): DigestSubject {
  const found = DIGEST_SUBJECTS.find((subject) => subject === text);
  if (found !== undefined) return found;
  throw new RegistryError('usage', `"${text.slice(0, 80)}" cannot be sealed.`, {
    field: 'as',
    fix: `Use ${DIGEST_SUBJECTS.join(', ')}; "muniment seal" also takes what you state of a model.`,
  });
}
