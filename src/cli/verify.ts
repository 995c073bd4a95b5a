/**
 * Judging what a registry answers: statement, signature, place in the log, and whether the log is one that the reader
 * believes. Without a pinned key the best verdict is `consistent, origin unproven`: everything fits together, but
 * whoever answered could have made all of it up.
 *
 * A registry may show different logs to different people, or take back what it showed: the newest checkpoint seen of
 * each log is kept, and a log that does not extend it is refused.
 */
import { fromBase64 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import type { Checkpoint } from '../core/note/checkpoint.ts';
import { parseCheckpoint } from '../core/note/checkpoint.ts';
import { parseNote } from '../core/note/note.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { JudgedCheckpoint } from '../core/trust/index.ts';
import { judgeProgress, UNPROVEN, verifyCheckpoint, verifyReceiptAgainst } from '../core/trust/index.ts';
import { sha256, verifyEd25519, verifyP256 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { contradiction } from './contradiction.ts';
import { keepCheckpoint, keptCheckpoint } from './kept-checkpoints.ts';
import { followRotation } from './follow-rotation.ts';
import { judgeSuccessor } from './succession.ts';
import { offerToPin, trustOf } from './trust-store.ts';

const CRYPTO = { sha256, verifyEd25519, verifyP256 };

/**
 * Opens a checkpoint under the pinned key of its log; where none is pinned, it is read and nothing vouches for it.
 * @throws RegistryError `signature_invalid`, `checkpoint_untrusted`, `malformed_note`
 */
export async function judgeCheckpoint(context: Context, note: string): Promise<JudgedCheckpoint> {
  return verifyCheckpoint(CRYPTO, note, await trustOf(context));
}

/**
 * Receipts as a write gets them back: each proves its statement's place in the tree of its checkpoint.
 * @returns the statements, in the order of the receipts
 * @throws RegistryError `proof_invalid`, `signature_invalid`, `malformed_statement`, `checkpoint_untrusted`
 */
export async function checkReceipts(context: Context, receipts: readonly Receipt[]): Promise<Spoken[]> {
  const client = await context.client();
  return followingKeys(context, client, receipts[0]?.checkpoint, () => checkReceiptsOffline(context, receipts));
}

/** The same without asking the registry whether it has replaced a key. */
export async function checkReceiptsOffline(context: Context, receipts: readonly Receipt[]): Promise<Spoken[]> {
  const trust = await trustOf(context);
  const judged = await Promise.all(receipts.map((receipt) => verifyReceiptAgainst(CRYPTO, receipt, trust)));
  return judged.map(({ spoken }) => spoken);
}

/**
 * A published checkpoint held against the newest one kept of its log: it must extend it, or be extended by it while the
 * log has not shrunk. The newer of the two is kept; two that contradict each other are both kept, as evidence.
 * @throws Contradiction `checkpoint_rolled_back` for a log that became shorter, `proof_invalid` for one that forked
 */
export async function holdAgainstKept(context: Context, client: Client, shown: JudgedCheckpoint): Promise<void> {
  const { home } = await context.settings();
  const note = await keptCheckpoint(home, shown.origin);
  if (note === undefined) return keepCheckpoint(home, shown);
  const kept = parseCheckpoint(parseNote(note).text);
  if (shown.size < kept.size) {
    const shorter = await stillShorter(client, kept.size);
    if (shorter !== undefined) throw await contradiction(home, note, shorter, rolledBack(kept, shorter));
  }
  const [first, second] = shown.size < kept.size ? [shown, kept] : [kept, shown];
  const proof = await consistencyProof(client, first, second);
  try {
    judgeProgress(sha256, first, second, proof);
  } catch (error) {
    throw error instanceof RegistryError ? await contradiction(home, note, shown.note, error) : error;
  }
  if (shown.size > kept.size) await keepCheckpoint(home, shown);
}

/**
 * Judges the checkpoint of a log that is met for the first time, asking a person at a terminal whether to pin its key.
 * @throws RegistryError as `judgeCheckpoint`
 */
export async function judgeOrPin(context: Context, client: Client, note: string): Promise<JudgedCheckpoint> {
  const found = await followingKeys(context, client, note, () => judgeCheckpoint(context, note));
  if (found.verdict !== UNPROVEN) return found;
  const judged = await judgeSuccessor(context, client, found);
  return (await offerToPin(context, client, judged.origin)) ? judgeCheckpoint(context, note) : judged;
}

/** Tries once more after a change of the log's keys that was followed; `note` names the log. */
async function followingKeys<T>(
  context: Context,
  client: Client,
  note: string | undefined,
  judge: () => Promise<T>,
): Promise<T> {
  try {
    return await judge();
  } catch (error) {
    if (!(error instanceof RegistryError && error.code === 'checkpoint_untrusted' && note !== undefined)) throw error;
    const { origin } = parseCheckpoint(parseNote(note).text);
    if (await followRotation(context, client, origin)) return judge();
    throw error;
  }
}

/** From the server, and worth nothing before it is judged; trees of equal size, or an empty one, need none. */
async function consistencyProof(client: Client, first: Checkpoint, second: Checkpoint): Promise<Uint8Array[]> {
  if (first.size === 0 || first.size === second.size) return [];
  const path = `/v1/log/consistency?first=${first.size}&second=${second.size}`;
  const { proof } = await client.get<{ proof: string[] }>(path);
  return proof.map(fromBase64);
}

/** Replicas publish within their interval, so an older checkpoint gets a little time to be followed by a newer one. */
const PATIENCE_MS = 3000;

/** @returns the note that stayed shorter to the end; undefined when one came that covers `size` */
async function stillShorter(client: Client, size: number): Promise<string | undefined> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const note = await client.text('/checkpoint');
    if (parseCheckpoint(parseNote(note).text).size >= size) return undefined;
    if (Date.now() >= until) return note;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

function rolledBack(kept: Checkpoint, shorter: string): RegistryError {
  const { size } = parseCheckpoint(parseNote(shorter).text);
  return new RegistryError(
    'checkpoint_rolled_back',
    `The log "${kept.origin}" has ${size} entries now; you have seen it with ${kept.size}.`,
  );
}
