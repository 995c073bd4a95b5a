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
import { keepCheckpoint, keptCheckpoint } from './kept-checkpoints.ts';
import { offerToPin, readTrust } from './trust-store.ts';

const CRYPTO = { sha256, verifyEd25519, verifyP256 };

/**
 * Opens a checkpoint under the pinned key of its log; where none is pinned, it is read and nothing vouches for it.
 * @throws RegistryError `signature_invalid`, `checkpoint_untrusted`, `malformed_note`
 */
export async function judgeCheckpoint(context: Context, note: string): Promise<JudgedCheckpoint> {
  const { trustFile } = await context.settings();
  return verifyCheckpoint(CRYPTO, note, await readTrust(trustFile));
}

/**
 * Receipts as a write gets them back: each proves its statement's place in the tree of its checkpoint.
 * @returns the statements, in the order of the receipts
 * @throws RegistryError `proof_invalid`, `signature_invalid`, `malformed_statement`, `checkpoint_untrusted`
 */
export async function checkReceipts(context: Context, receipts: readonly Receipt[]): Promise<Spoken[]> {
  const { trustFile } = await context.settings();
  const trust = await readTrust(trustFile);
  const judged = await Promise.all(receipts.map((receipt) => verifyReceiptAgainst(CRYPTO, receipt, trust)));
  return judged.map(({ spoken }) => spoken);
}

/**
 * A published checkpoint held against the newest one kept of its log: it must extend it, or be extended by it while the
 * log has not shrunk. The newer of the two is kept.
 * @throws RegistryError `checkpoint_rolled_back` for a log that became shorter, `proof_invalid` for one that forked
 */
export async function holdAgainstKept(context: Context, client: Client, shown: JudgedCheckpoint): Promise<void> {
  const { home } = await context.settings();
  const note = await keptCheckpoint(home, shown.origin);
  if (note === undefined) return keepCheckpoint(home, shown);
  const kept = parseCheckpoint(parseNote(note).text);
  if (shown.size < kept.size) {
    await requireNoRollback(client, kept);
    judgeProgress(sha256, shown, kept, await consistencyProof(client, shown, kept));
    return;
  }
  const newer = judgeProgress(sha256, kept, shown, await consistencyProof(client, kept, shown));
  if (newer === 'shown') await keepCheckpoint(home, shown);
}

/**
 * Judges the checkpoint of a log that is met for the first time, asking a person at a terminal whether to pin its key.
 * @throws RegistryError as `judgeCheckpoint`
 */
export async function judgeOrPin(context: Context, client: Client, note: string): Promise<JudgedCheckpoint> {
  const judged = await judgeCheckpoint(context, note);
  if (judged.verdict !== UNPROVEN) return judged;
  return (await offerToPin(context, client, judged.origin)) ? judgeCheckpoint(context, note) : judged;
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

async function requireNoRollback(client: Client, before: Checkpoint): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  let size = await newestSize(client);
  while (size < before.size && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    size = await newestSize(client);
  }
  if (size >= before.size) return;
  throw new RegistryError(
    'checkpoint_rolled_back',
    `The log "${before.origin}" has ${size} entries now; you have seen it with ${before.size}.`,
    { fix: 'Keep both checkpoints as evidence and ask the registrar.' },
  );
}

const newestSize = async (client: Client): Promise<number> =>
  parseCheckpoint(parseNote(await client.text('/checkpoint')).text).size;
