/**
 * Sealing and opening. What is sealed is hashed here, salt and digests stay in a file here (mode 0600), and the registry
 * gets a commitment. Without that file nobody can open it, so the file is on disk before anything is sent, and it stays
 * when the sending fails.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Digest } from '../core/digest.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { manifestOf } from '../core/registry/dataset.ts';
import {
  opening as openingKind,
  sealCommitment,
  sealed as sealedKind,
  SEALED_SUBJECTS,
  secretShape,
} from '../core/registry/sealed.ts';
import type { SealedSubject } from '../core/registry/sealed.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { digest, id } from '../core/statement/statement.ts';
import { newId, newNonce, sha256 } from '../platform/crypto.ts';
import type { Context } from './context.ts';
import { hashModel, sizeOf } from './hash-model.ts';
import { readPrivate, writeNew } from './profile.ts';
import { write } from './sign.ts';

const secretSchema = z.strictObject({
  origin: z.string(),
  maker: id('party'),
  sealed: id('sealed'),
  commitment: digest,
  ...secretShape,
});
type Secret = z.infer<typeof secretSchema>;

/** @returns the receipt, and the file that alone can open what was sealed */
export async function seal(
  context: Context,
  path: string,
  subjectText: string,
): Promise<{ receipt: Receipt; secret: Secret; file: string }> {
  const subject = subjectOf(subjectText);
  const digests = [...new Set(await digestsOf(context, path, subject))].sort();
  const session = await context.session();
  const names = { origin: session.log.origin, maker: session.me.party.id };
  const secret = { subject, salt: newNonce(), digests };
  const commitment = sealCommitment(sha256, names, secret);
  const sealed = newId('sealed');
  const kept: Secret = { ...names, sealed, commitment, ...secret };
  const file = await fileOf(context, sealed);
  await writeNew(file, `${JSON.stringify(kept, null, 2)}\n`);
  const body = { subject, commitment };
  const receipt = await write(context, session, { kind: sealedKind, path: '/v1/sealed', id: sealed, body, basis: [] });
  return { receipt, secret: kept, file };
}

/** @param sealed id of a sealed record, or the file with its secret */
export async function open(context: Context, sealed: string): Promise<{ receipt: Receipt; secret: Secret }> {
  const file = /^sealed_[0-9a-z]{26}$/.test(sealed) ? await fileOf(context, sealed) : resolve(sealed);
  const secret = await readSecret(file);
  const session = await context.session();
  if (secret.origin !== session.log.origin || secret.maker !== session.me.party.id) {
    throw new RegistryError('forbidden', `"${file}" opens what ${secret.maker} sealed in the log ${secret.origin}.`, {
      fix: 'Act as that party at that registry.',
    });
  }
  const { statement } = await session.client.get<{ statement: Digest }>(`/v1/sealed/${secret.sealed}`);
  const { subject, salt, digests, commitment } = secret;
  const receipt = await write(context, session, {
    kind: openingKind,
    path: `/v1/sealed/${secret.sealed}/open`,
    body: { sealed: secret.sealed, commitment, subject, salt, digests },
    basis: [statement],
  });
  return { receipt, secret };
}

/** By which digests it will be found once it is open. */
async function digestsOf(context: Context, path: string, subject: SealedSubject): Promise<Digest[]> {
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
  if (subject === 'evidence') {
    await sizeOf(path);
    const hash = createHash('sha256');
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
    return [formatDigest(hash.digest())];
  }
  const { fileDigest, weightDigest, namelessDigest } = await hashModel(context.io, path);
  return [fileDigest, weightDigest, namelessDigest].filter((each) => each !== null);
}

async function readSecret(file: string): Promise<Secret> {
  const text = await readPrivate(file);
  if (text === undefined) {
    throw new RegistryError('unreachable', `There is no file "${file}" with salt and digests.`, {
      field: 'sealed',
      fix: 'Name the file that "muniment register --sealed" wrote.',
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RegistryError('invalid_input', `The file "${file}" is not JSON.`, { cause });
  }
  const read = secretSchema.safeParse(value);
  if (read.success) return read.data;
  throw new RegistryError('invalid_input', `The file "${file}" opens nothing.`, { cause: read.error });
}

async function fileOf(context: Context, sealed: string): Promise<string> {
  const { home } = await context.settings();
  return join(home, 'sealed', `${sealed}.json`);
}

function subjectOf(text: string): SealedSubject {
  const found = SEALED_SUBJECTS.find((subject) => subject === text);
  if (found !== undefined) return found;
  throw new RegistryError('usage', `"${text.slice(0, 80)}" cannot be sealed.`, {
    field: 'as',
    fix: `Use ${SEALED_SUBJECTS.join(', ')}.`,
  });
}
