/**
 * What the runs must know of training, told by the training floor above: which hyperparameters there are, which of a
 * dataset's files a run reads, and which of them every worker has at hand. Injected by this class.
 */
import type { Digest } from '../core/digest.ts';

export interface DataFile {
  name: string;
  bytes: number;
  digest: Digest;
}

export abstract class TrainingRules {
  /**
   * The hyperparameters with every default written out.
   * @throws RegistryError `invalid_input`, with the field `hyperparameters.…`
   */
  abstract hyperparameters(input: unknown): Record<string, unknown>;
  /**
   * The files of a dataset that a training reads.
   * @throws RegistryError `dataset_malformed` when one is missing or there are two of a kind, `payload_too_large`
   */
  abstract filesOf(files: readonly DataFile[]): readonly DataFile[];
  /** Whether a file comes with the program, so that no copy need be stored. */
  abstract isBundled(digest: Digest): boolean;
}
