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
import { verifyConsistency } from '../core/merkle/tree.ts';
import type { Checkpoint } from '../core/note/checkpoint.ts';
import { openCheckpoint, parseCheckpoint } from '../core/note/checkpoint.ts';
import { parseNote } from '../core/note/note.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { receiptSchema, verifyReceipt } from '../core/statement/receipt.ts';
import { zodProblem } from '../core/statement/zod-problem.ts';
import { sha256, verifyP256 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { keepCheckpoint, keptCheckpoint } from './kept-checkpoints.ts';
import { findTrusted, offerToPin } from './trust-store.ts';

export const PROVED = 'proved';
export const UNPROVEN = 'consistent, origin unproven';
export type Verdict = typeof PROVED | typeof UNPROVEN;

export interface JudgedCheckpoint {
  readonly verdict: Verdict;
  readonly checkpoint: Checkpoint;
  readonly note: string;
}

/**
 * Opens a checkpoint under the pinned key of its log; where none is pinned, it is read and nothing vouches for it.
 * @throws RegistryError `signature_invalid`, `checkpoint_untrusted`, `malformed_note`
 */
export async function judgeCheckpoint(context: Context, note: string): Promise<JudgedCheckpoint> {
  const checkpoint = parseCheckpoint(parseNote(note).text);
  const { trustFile } = await context.settings();
  const verifiers = await findTrusted(trustFile, checkpoint.origin);
  if (verifiers === undefined) return { verdict: UNPROVEN, checkpoint, note };
  await openCheckpoint(note, checkpoint.origin, verifiers);
  return { verdict: PROVED, checkpoint, note };
}

/**
 * Receipts as a write gets them back: each proves its statement's place in the tree of its checkpoint.
 * @returns the statements, in the order of the receipts
 * @throws RegistryError `proof_invalid`, `signature_invalid`, `malformed_statement`, `checkpoint_untrusted`
 */
export async function checkReceipts(context: Context, receipts: readonly Receipt[]): Promise<Spoken[]> {
  const judged = new Map<string, JudgedCheckpoint>();
  const spoken: Spoken[] = [];
  for (const receipt of receipts) {
    const read = receiptSchema.safeParse(receipt);
    if (!read.success) throw zodProblem(read.error, 'malformed_proof', 'receipt');
    const { checkpoint } = judged.get(receipt.checkpoint) ?? (await judgeCheckpoint(context, receipt.checkpoint));
    judged.set(receipt.checkpoint, { verdict: UNPROVEN, checkpoint, note: receipt.checkpoint });
    spoken.push(verifyReceipt(sha256, verifyP256, read.data, checkpoint));
    const { origin } = spoken.at(-1)!.common;
    if (origin !== checkpoint.origin) {
      throw new RegistryError('proof_invalid', `The record was made for "${origin}", not for "${checkpoint.origin}".`);
    }
  }
  return spoken;
}

/**
 * A published checkpoint held against the newest one kept of its log: it must extend it, or be extended by it while the
 * log has not shrunk. The newer of the two is kept.
 * @throws RegistryError `checkpoint_rolled_back` for a log that became shorter, `proof_invalid` for one that forked
 */
export async function holdAgainstKept(context: Context, client: Client, judged: JudgedCheckpoint): Promise<void> {
  const { home } = await context.settings();
  const { checkpoint } = judged;
  const kept = await keptCheckpoint(home, checkpoint.origin);
  if (kept === undefined) {
    await keepCheckpoint(home, judged);
    return;
  }
  const before = parseCheckpoint(parseNote(kept).text);
  if (checkpoint.size < before.size) {
    await requireNoRollback(client, before);
    await requireConsistent(client, checkpoint, before);
    return;
  }
  await requireConsistent(client, before, checkpoint);
  if (checkpoint.size > before.size) await keepCheckpoint(home, judged);
}

/**
 * Judges the checkpoint of a log that is met for the first time, asking a person at a terminal whether to pin its key.
 * @throws RegistryError as `judgeCheckpoint`
 */
export async function judgeOrPin(context: Context, client: Client, note: string): Promise<JudgedCheckpoint> {
  const judged = await judgeCheckpoint(context, note);
  if (judged.verdict === PROVED) return judged;
  return (await offerToPin(context, client, judged.checkpoint.origin)) ? judgeCheckpoint(context, note) : judged;
}

/** @throws RegistryError `proof_invalid` unless the second tree extends the first */
export async function requireConsistent(client: Client, first: Checkpoint, second: Checkpoint): Promise<void> {
  const { proof } =
    first.size === 0 || first.size === second.size
      ? { proof: [] }
      : await client.get<{ proof: string[] }>(`/v1/log/consistency?first=${first.size}&second=${second.size}`);
  verifyConsistency(sha256, {
    firstSize: first.size,
    firstRoot: first.root,
    secondSize: second.size,
    secondRoot: second.root,
    proof: proof.map(fromBase64),
  });
}

/** Replicas publish within their interval, so an older checkpoint gets a little time to be followed by a newer one. */
const PATIENCE_MS = 3000;

async function requireNoRollback(client: Client, before: Checkpoint): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  let size = 0;
  do {
    ({ size } = parseCheckpoint(parseNote(await client.text('/checkpoint')).text));
    if (size >= before.size) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  } while (Date.now() < until);
  throw new RegistryError(
    'checkpoint_rolled_back',
    `The log "${before.origin}" has ${size} entries now; you have seen it with ${before.size}.`,
    { fix: 'Keep both checkpoints as evidence and ask the registrar.' },
  );
}
