/**
 * Watermarks on this machine: the key, the marking and the looking. Keys and weights stay here; what the registry gets is a
 * sealed commitment to the key, and from its place in the log follows since when the key cannot have been made to fit.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Digest } from '../core/digest.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { stackOfRun, tensorsOfRun } from '../core/fingerprint/run-stack.ts';
import type { Spoken } from '../core/registry/kind.ts';
import { sealCommitment, sealed } from '../core/registry/sealed.ts';
import type { SealedBody } from '../core/registry/sealed.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { embedMark } from '../core/watermark/embed.ts';
import type { SealedKey } from '../core/watermark/key.ts';
import { commitmentOf, formatKey, KEY_BYTES, parseKey, sealedSecretOf } from '../core/watermark/key.ts';
import type { Reading } from '../core/watermark/read.ts';
import { FOUND_BELOW, readMark } from '../core/watermark/read.ts';
import { weightDigestOf } from '../core/weights/digest.ts';
import { writeSafetensors } from '../core/weights/safetensors.ts';
import { newId, newNonce, sha256 } from '../platform/crypto.ts';
import type { Context } from './context.ts';
import { readPrivate, writeNew } from './profile.ts';
import { record } from './seal.ts';
import { checkReceipts } from './verify.ts';

export interface MadeKey {
  file: string;
  party: string;
  sealed: string;
  receipt: Receipt;
}

/** The key is on disk before its commitment is sent. @throws RegistryError `already_exists`, and as a write */
export async function makeKey(context: Context, out: string): Promise<MadeKey> {
  const session = await context.session();
  const by = { origin: session.log.origin, maker: session.me.party.id };
  const file = resolve(out);
  const key: SealedKey = {
    party: by.maker,
    origin: by.origin,
    sealed: newId('sealed'),
    salt: newNonce(),
    secret: new Uint8Array(randomBytes(KEY_BYTES)),
  };
  await writeNew(file, formatKey(key));
  const secret = sealedSecretOf(sha256, key);
  const commitment = sealCommitment(sha256, by, secret);
  const { receipt } = await record(context, session, { ...by, sealed: key.sealed, commitment, ...secret });
  return { file, party: key.party, sealed: key.sealed, receipt };
}

export interface Marked {
  file: string;
  layer: string;
  margin: number;
  change: number;
  fileDigest: Digest;
  weightDigest: Digest;
}

/** Writes a marked copy, which says nothing of the mark. @throws RegistryError `watermark_unfit`, `already_exists` */
export async function markModel(path: string, keyFile: string, out: string): Promise<Marked> {
  const key = await readKeyFile(keyFile);
  const { readTensors } = await import('../platform/storage/tensors-file.ts');
  const { stack, index, margin, change } = embedMark(sha256, stackOfRun(await readTensors(path)), key);
  const tensors = tensorsOfRun(stack);
  const bytes = writeSafetensors(tensors);
  const file = resolve(out);
  try {
    await writeFile(file, bytes, { flag: 'wx' });
  } catch (cause) {
    const taken = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new RegistryError(
      taken ? 'already_exists' : 'unreachable',
      taken ? `There is a file "${file}" already.` : `The file "${file}" cannot be written.`,
      { field: 'out', fix: 'Name another one with --out.', cause },
    );
  }
  const { weightDigest } = weightDigestOf(sha256, tensors);
  return {
    file,
    layer: stack.layers[index]!.name,
    margin,
    change,
    fileDigest: formatDigest(sha256(bytes)),
    weightDigest,
  };
}

/** Where the commitment to the key stands, proved. */
export interface KeyRecord {
  sealed: string;
  maker: string;
  index: number;
  commitment: Digest;
}

export interface MarkReport extends Reading {
  found: boolean;
  party: string;
  /** Null where it was not asked for */
  record: KeyRecord | null;
}

/** @throws RegistryError `not_found` where the record cannot be seen; `proof_invalid` where it is of another key */
export async function lookForMark(
  context: Context,
  path: string,
  keyFile: string,
  { offline }: { offline: boolean },
): Promise<MarkReport> {
  const key = await readKeyFile(keyFile);
  const { stackOfFile } = await import('../platform/storage/stack-file.ts');
  const reading = readMark(sha256, await stackOfFile(path), key);
  const found = reading.pValue < FOUND_BELOW;
  return { ...reading, found, party: key.party, record: offline ? null : await recordOf(context, key) };
}

/** What was sealed is seen by its maker, and by everybody once it is open. */
async function recordOf(context: Context, key: SealedKey): Promise<KeyRecord> {
  const client = await context.client();
  const { statement } = await client.get<{ statement: Digest }>(`/v1/sealed/${key.sealed}`);
  const receipt = await client.get<Receipt>(`/v1/receipts/${statement}`);
  const [spoken] = (await checkReceipts(context, [receipt])) as [Spoken<SealedBody>];
  const { kind, common, body } = spoken;
  const commitment = sealCommitment(sha256, { origin: key.origin, maker: key.party }, sealedSecretOf(sha256, key));
  const isKeys = kind.kind === sealed.kind && common.id === key.sealed && common.maker === key.party;
  if (isKeys && body.commitment === commitment) {
    return { sealed: key.sealed, maker: key.party, index: receipt.index, commitment: commitmentOf(sha256, key) };
  }
  throw new RegistryError('proof_invalid', `The record ${key.sealed} does not commit to this key.`, {
    field: 'mark-key',
    fix: 'Name the key file as "muniment watermark keygen" wrote it.',
  });
}

async function readKeyFile(path: string): Promise<SealedKey> {
  const text = await readPrivate(path);
  if (text !== undefined) return parseKey(text);
  throw new RegistryError('unreachable', `There is no key file "${path}".`, {
    field: 'mark-key',
    fix: 'Make a key with "muniment watermark keygen".',
  });
}
