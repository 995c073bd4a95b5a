/** The log read as outsiders read it: checkpoint and tiles. What is not proved to be in it is not believed. */
import { fromUtf8 } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { proveInclusion } from '../core/merkle/proof.ts';
import type { TileReader } from '../core/merkle/proof.ts';
import { leafHash, verifyInclusion } from '../core/merkle/tree.ts';
import { parseCheckpoint } from '../core/note/checkpoint.ts';
import { parseNote } from '../core/note/note.ts';
import { formatTlogProof } from '../core/note/tlog-proof.ts';
import { mentionsOf } from '../core/registry/mentions.ts';
import { parseEnvelope } from '../core/statement/dsse.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { PROVED, UNWITNESSED } from '../core/trust/index.ts';
import { keptCheckpoint } from './kept-checkpoints.ts';
import { digestOf, wholeNumberOf } from './parse.ts';
import type { JudgedCheckpoint } from '../core/trust/index.ts';
import { checkReceipts, holdAgainstKept, judgeCheckpoint, judgeOrPin } from './verify.ts';
import { readBytes } from './settings.ts';
import { readEntry, tileReader } from './tiles.ts';
import type { Provenance } from './views.ts';

/**
 * The newest checkpoint, judged and held against the last one seen. Where the reader wants witnesses and they have not
 * seen it yet, the newest one that they have seen stands for it, which the newest must extend.
 * @returns with the size of the newest, and of that last one, null when the log is seen for the first time
 * @throws RegistryError `checkpoint_rolled_back`, `proof_invalid`, `checkpoint_untrusted`, `signature_invalid`
 */
export async function readLog(
  context: Context,
  given?: Client,
): Promise<{ client: Client; judged: JudgedCheckpoint; newest: number; since: number | null }> {
  const client = given ?? (await context.client());
  const judged = await judgeOrPin(context, client, await client.text('/checkpoint'));
  const { home } = await context.settings();
  const kept = await keptCheckpoint(home, judged.origin);
  await holdAgainstKept(context, client, judged);
  return {
    client,
    judged: judged.verdict === UNWITNESSED ? await witnessedInstead(context, client, judged) : judged,
    newest: judged.size,
    since: kept === undefined ? null : parseCheckpoint(parseNote(kept).text).size,
  };
}

async function witnessedInstead(context: Context, client: Client, newest: JudgedCheckpoint): Promise<JudgedCheckpoint> {
  let note: string;
  try {
    note = await client.text('/checkpoint/witnessed');
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'not_found') return newest;
    throw error;
  }
  const witnessed = await judgeCheckpoint(context, note);
  if (witnessed.verdict !== PROVED || witnessed.origin !== newest.origin) return newest;
  await holdAgainstKept(context, client, witnessed);
  return witnessed;
}

export interface ProvedEntry {
  verdict: JudgedCheckpoint['verdict'];
  origin: string;
  index: number;
  treeSize: number;
  /** Text of a tlog-proof file. */
  proof: string;
  entry: Uint8Array;
  entryText: string;
}

/**
 * The proof of one entry, computed from tiles and verified against the checkpoint before it is given out.
 * @param which index; digest of a statement or of a model; file that holds a receipt or a model
 * @throws RegistryError `not_found`, `unreachable` and as `readLog`
 */
export async function proveEntry(context: Context, which: string): Promise<ProvedEntry> {
  const asked = /^-?\d+$/.test(which) ? [wholeNumberOf(which)] : await digestsFor(context, which);
  const { client, judged } = await readLog(context);
  const { origin, size, root } = judged;
  const index = await indexOf(context, client, asked);
  if (index >= size) {
    throw new RegistryError('not_found', `There is no entry ${index} in a log of ${size}.`, { field: 'index' });
  }
  const reader: TileReader = tileReader(client, size);
  const [proof, entry] = await Promise.all([
    proveInclusion(sha256, index, size, reader),
    readEntry(client, index, size),
  ]);
  verifyInclusion(sha256, { index, size, root, leafHash: leafHash(sha256, entry), proof });
  return {
    verdict: judged.verdict,
    origin,
    index,
    treeSize: size,
    proof: formatTlogProof({ index, proof, checkpoint: judged.note }),
    entry,
    entryText: fromUtf8(entry),
  };
}

/** What may lead to the entry, most telling first. */
async function digestsFor(context: Context, which: string): Promise<Digest[]> {
  const digest = digestOf(which);
  if (digest !== undefined) return [digest];
  const receipt = await statementIn(which);
  if (receipt !== undefined) return [receipt];
  const { hashModel } = await import('./hash-model.ts');
  const { fileDigest, weightDigest, namelessDigest } = await hashModel(context.io, which);
  return [fileDigest, weightDigest, namelessDigest].filter((each) => each !== null);
}

/** A receipt is text of some kilobytes, a model is not read as text to find out. */
async function statementIn(path: string): Promise<Digest | undefined> {
  const { sizeOf } = await import('./hash-model.ts');
  if ((await sizeOf(path)) > MAX_RECEIPT_FILE) return undefined;
  const { receiptsIn } = await import('./verify-file.ts');
  const bytes = await readBytes(path);
  if (bytes[0] !== OPENING_BRACE) return undefined;
  return receiptsIn(bytes.toString('utf8'))[0]?.statement;
}

const MAX_RECEIPT_FILE = 16 * 1024 * 1024;
const OPENING_BRACE = 0x7b;

async function indexOf(context: Context, client: Client, asked: readonly (Digest | number)[]): Promise<number> {
  for (const each of asked) {
    if (typeof each === 'number') return each;
    const index = (await indexOfStatement(context, client, each)) ?? (await indexOfModel(context, client, each));
    if (index !== undefined) return index;
  }
  throw new RegistryError('not_found', `Nothing is on record about ${asked.join(' or ')}.`);
}

async function indexOfStatement(context: Context, client: Client, digest: Digest): Promise<number | undefined> {
  const receipt = await orUndefined(client.get<Receipt>(`/v1/receipts/${digest}`));
  if (receipt === undefined) return undefined;
  const [spoken] = await checkReceipts(context, [receipt]);
  if (spoken?.payloadDigest !== digest) {
    throw new RegistryError('proof_invalid', 'The receipt is for another record than the one that was asked for.');
  }
  return receipt.index;
}

/** The first registration of the model. */
async function indexOfModel(context: Context, client: Client, digest: Digest): Promise<number | undefined> {
  const answer = await orUndefined(client.get<Provenance>(`/v1/provenance/${digest}`));
  const receipt = answer?.matches[0]?.receipts.registration;
  if (receipt === undefined) return undefined;
  const [spoken] = await checkReceipts(context, [receipt]);
  if (spoken === undefined || !mentionsOf(sha256, parseEnvelope(receipt.envelope).payload).digests.has(digest)) {
    throw new RegistryError('proof_invalid', 'The receipt is for another model than the one that was asked for.');
  }
  return receipt.index;
}

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'not_found') return undefined;
    throw error;
  }
}
