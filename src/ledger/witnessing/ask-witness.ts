/**
 * Asks one witness to cosign a checkpoint: from the size that it is believed to hold, and once more from the one that it
 * tells. A witness that holds more than the log has, or another tree of one size, is either wrong or the proof that the
 * log was rewritten; both are for people to look at. What comes back counts only under the key that was configured.
 */
import { RegistryError } from '../../core/errors.ts';
import { cosignatureVerifier, parseCosignature } from '../../core/note/cosignature.ts';
import { openNote } from '../../core/note/note.ts';
import { formatAddCheckpoint } from '../../core/note/tlog-witness.ts';
import { parseVerifierKey } from '../../core/note/verifier-key.ts';
import { sha256, verifyEd25519 } from '../../platform/crypto.ts';
import type { PublishedCheckpoint } from '../log.store.ts';
import type { Reply } from './add-checkpoint.ts';
import type { CosignatureRow } from './witnessing.store.ts';

/** A size told by the witness may be overtaken by another asker, hardly ever twice. */
const ATTEMPTS = 3;

/** A witness whose clock runs further ahead than this is not believed. */
const MAX_AHEAD_SECONDS = 600;

export interface Asking {
  readonly checkpoint: PublishedCheckpoint;
  readonly verifierKey: string;
  /** What the witness is believed to have cosigned last. */
  readonly knownSize: number;
  readonly prove: (first: number, second: number) => Promise<readonly Uint8Array[]>;
  readonly post: (body: string) => Promise<Reply>;
  /** Seconds since 1970. */
  readonly now: number;
}

/**
 * @throws RegistryError `unreachable` as `post`, or for an answer that is not what was asked for; `ledger_inconsistent`
 * when the witness holds what the log does not have
 */
export async function askWitness({
  checkpoint,
  verifierKey,
  knownSize,
  prove,
  post,
  now,
}: Asking): Promise<CosignatureRow> {
  const { size, note } = checkpoint;
  let oldSize = knownSize <= size ? knownSize : 0;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const proof = oldSize === 0 || oldSize === size ? [] : await prove(oldSize, size);
    const reply = await post(formatAddCheckpoint({ oldSize, proof, checkpoint: note }));
    if (reply.kind === 'lines') return { size, verifierKey, ...(await judge(note, reply.lines, verifierKey, now)) };
    if (reply.size > size) {
      throw conflict(`It has cosigned ${reply.size} entries of this log, which has ${size}: the log lost its end.`);
    }
    if (reply.size === oldSize) {
      throw conflict(`It has cosigned another tree of ${oldSize} entries than this log has: the log has forked.`);
    }
    oldSize = reply.size;
  }
  throw new RegistryError('unreachable', 'It tells another size each time that it is asked.');
}

async function judge(
  note: string,
  lines: string,
  verifierKey: string,
  now: number,
): Promise<Pick<CosignatureRow, 'cosignedAt' | 'signature'>> {
  const verifier = cosignatureVerifier(sha256, parseVerifierKey(sha256, verifierKey), verifyEd25519);
  let payload: Uint8Array;
  try {
    const { verified } = await openNote(note + lines, [verifier]);
    payload = verified[0]!.signature;
  } catch (cause) {
    throw new RegistryError('unreachable', 'It answered with something else than its cosignature.', { cause });
  }
  const { time, signature } = parseCosignature(payload);
  if (time <= now + MAX_AHEAD_SECONDS) return { cosignedAt: time, signature };
  throw new RegistryError('unreachable', `Its clock is ${time - now} seconds ahead.`);
}

const conflict = (sentence: string): RegistryError => new RegistryError('ledger_inconsistent', sentence);
