/** What goes on record of a training, so that a replay makes the very same: the figures of an epoch, and the file's own words. */
import type { RunBody } from '../core/registry/run.ts';
import { weightDigestOf } from '../core/weights/digest.ts';
import { sha256 } from '../platform/crypto.ts';
import type { EpochResult } from './trainer.ts';

export type RecordedEpoch = RunBody['epochs'][number];

export function recordedEpoch(result: EpochResult): RecordedEpoch {
  const { epoch, loss, trainAccuracy, validation, testAccuracy, seconds, tensors } = result;
  return {
    epoch,
    loss: rounded(loss),
    trainAccuracy: rounded(trainAccuracy),
    validationAccuracy: validation === undefined ? null : rounded(validation.accuracy),
    testAccuracy: rounded(testAccuracy),
    weightDigest: weightDigestOf(sha256, tensors).weightDigest,
    seconds: rounded(seconds),
  };
}

/** Seven digits: what is measured in more is noise, and 1,000 epochs must fit one statement. */
const rounded = (value: number): number => Number(value.toPrecision(7));

/** What the file of a run's weights says of itself. */
export const artifactMetadata = (run: string): Record<string, string> => ({ 'muniment.run': run });
