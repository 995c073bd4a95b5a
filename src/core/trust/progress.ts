/**
 * What a log shows now against what it showed before. A log that is rewritten, or that shows different people different
 * trees, cannot extend every checkpoint it once signed; whoever keeps the newest one seen finds out at the next look.
 * Both notes are then evidence that anybody can check.
 */
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { verifyConsistency } from '../merkle/tree.ts';
import type { Checkpoint } from '../note/checkpoint.ts';

const EVIDENCE = { fix: 'Keep both checkpoints as evidence, and ask the registrar.' };

type Seen = Pick<Checkpoint, 'origin' | 'root' | 'size'>;

/**
 * Judges a checkpoint against the newest one kept of the same log.
 * @param proof consistency proof from `kept` to `shown`; empty for equal sizes
 * @returns which of the two to keep from now on
 * @throws RegistryError `invalid_input` for checkpoints of two logs, `checkpoint_rolled_back` when the log became
 * shorter, `proof_invalid` when it forked or the proof does not hold
 */
export function judgeProgress(sha256: Sha256, kept: Seen, shown: Seen, proof: readonly Uint8Array[]): 'kept' | 'shown' {
  if (kept.origin !== shown.origin) {
    throw new RegistryError(
      'invalid_input',
      `The checkpoints are of two logs, "${kept.origin}" and "${shown.origin}".`,
    );
  }
  if (shown.size < kept.size) {
    throw new RegistryError(
      'checkpoint_rolled_back',
      `The log "${kept.origin}" shows ${shown.size} entries; ${kept.size} were seen before.`,
      EVIDENCE,
    );
  }
  try {
    verifyConsistency(sha256, {
      firstSize: kept.size,
      firstRoot: kept.root,
      secondSize: shown.size,
      secondRoot: shown.root,
      proof,
    });
  } catch (cause) {
    throw new RegistryError(
      'proof_invalid',
      `The log "${kept.origin}" with ${shown.size} entries does not extend the one seen before with ${kept.size}: ` +
        (kept.size === shown.size ? 'it has forked.' : 'it has forked, or the proof is wrong.'),
      { ...EVIDENCE, cause },
    );
  }
  return shown.size > kept.size ? 'shown' : 'kept';
}
