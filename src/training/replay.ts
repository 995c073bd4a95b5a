/**
 * Replay: trains again from the record of a run, and holds the weights after each epoch against the digest on record.
 * Where all are the same, this recipe makes these weights, bit for bit; who says otherwise has to explain 2^256 odds.
 *
 * That holds for `wasm` alone, whose arithmetic is the same on every machine, whatever its number of threads; its binaries
 * with and without SIMD differ from each other. Every random draw comes from the recorded seed, so an epoch is reached by
 * training all before it.
 */
import type { Digest } from '../core/digest.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { RunBody } from '../core/registry/run.ts';
import type { Tensor } from '../core/weights/safetensors.ts';
import { writeSafetensors } from '../core/weights/safetensors.ts';
import { sha256 } from '../platform/crypto.ts';
import type { BackendInfo, ChosenBackend } from './backends/index.ts';
import { chooseBackend, sameArithmetic } from './backends/index.ts';
import { parseHyperparameters } from './hyperparameters.ts';
import type { ImageDataset } from './idx.ts';
import type { Progress } from './progress.ts';
import type { RecordedEpoch } from './record.ts';
import { artifactMetadata, recordedEpoch } from './record.ts';
import type { Checkpoint } from './trainer.ts';
import { train } from './trainer.ts';

export interface ReplayOptions {
  run: string;
  record: RunBody;
  dataset: Pick<ImageDataset, 'classes' | 'test' | 'train'>;
  /** The last epoch to replay; all at default */
  to?: number;
  /** Where an earlier replay of the same run ended: what it compared, and its weights after the last of these epochs. */
  resumeFrom?: { epochs: readonly ReplayedEpoch[]; checkpoint: Checkpoint };
  onProgress?: (progress: Progress) => void;
  /** Awaited before the next epoch begins, so that a checkpoint is stored before it is relied on. */
  onEpoch?: (epoch: ReplayedEpoch, checkpoint: Checkpoint) => Promise<void> | void;
  signal?: AbortSignal;
}

/** What is computed; how many seconds it took is not. */
const FIGURES = ['weightDigest', 'loss', 'trainAccuracy', 'validationAccuracy', 'testAccuracy'] as const;

export interface ReplayedEpoch {
  epoch: number;
  recorded: RecordedEpoch;
  replayed: RecordedEpoch;
  /** Which figures on record are not those of the replay */
  differing: (typeof FIGURES)[number][];
}

export interface Replay {
  /** `bit-exact`: each epoch that was replayed has the weights and the figures on record, and the file its digest */
  outcome: 'bit-exact' | 'differs';
  /** The first epoch that differs. Where its weights do, the replay ends with it. */
  firstDifference: number | null;
  epochs: ReplayedEpoch[];
  /** Of the file of weights, after the last epoch of the run */
  file: { recorded: Digest; replayed: Digest } | null;
  environment: BackendInfo;
}

/**
 * @throws RegistryError `backend_unavailable` where the arithmetic of the run is not to be had here; what `replayOn` throws
 */
export async function replay({ threads, ...options }: ReplayOptions & { threads?: number }): Promise<Replay> {
  const backend = await openReplayBackend(options.record, threads);
  try {
    return await replayOn(backend, options);
  } finally {
    backend.dispose();
  }
}

/** @throws RegistryError `invalid_input` for a record that no run can have made; what `train` throws */
export async function replayOn(
  backend: ChosenBackend,
  { run, record, dataset, ...options }: ReplayOptions,
): Promise<Replay> {
  const recorded = requireWholeRecord(record);
  const hyperparameters = parseHyperparameters(record.hyperparameters);
  const to = Math.min(options.to ?? recorded.length, recorded.length);
  const otherWeights = new AbortController();
  const { signal = otherWeights.signal, resumeFrom } = options;
  const epochs = [...(resumeFrom?.epochs ?? [])];
  const { tensors } = await train({
    // The number of epochs says when to end, and nothing that is computed depends on it.
    hyperparameters: { ...hyperparameters, epochs: to },
    dataset,
    backend,
    ...(resumeFrom === undefined ? {} : { resumeFrom: resumeFrom.checkpoint }),
    signal: AbortSignal.any([signal, otherWeights.signal]),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    onEpoch: async (result) => {
      const compared = compare(recorded[result.epoch - 1]!, recordedEpoch(result));
      epochs.push(compared);
      await options.onEpoch?.(compared, result);
      if (differsInWeights(compared)) otherWeights.abort();
    },
  }).catch((error: unknown) => {
    if (!otherWeights.signal.aborted) throw error;
    return { tensors: undefined };
  });
  const firstDifference = epochs.find(({ differing }) => differing.length > 0)?.epoch ?? null;
  const file =
    tensors === undefined || otherWeights.signal.aborted || to < recorded.length
      ? null
      : { recorded: record.result.fileDigest, replayed: fileDigestOf(run, tensors) };
  const same = firstDifference === null && file?.recorded === file?.replayed;
  return { outcome: same ? 'bit-exact' : 'differs', firstDifference, epochs, file, environment: backend.info };
}

/** A replay has nothing to go on from behind such an epoch: whatever follows has other weights, too. */
const differsInWeights = ({ differing }: ReplayedEpoch): boolean => differing.includes('weightDigest');

const compare = (recorded: RecordedEpoch, replayed: RecordedEpoch): ReplayedEpoch => ({
  epoch: recorded.epoch,
  recorded,
  replayed,
  differing: FIGURES.filter((figure) => recorded[figure] !== replayed[figure]),
});

/**
 * @returns the epochs 1, 2, …
 * @throws RegistryError `invalid_input` for a record that no run can have made
 */
export function requireWholeRecord({ hyperparameters, epochs, result }: RunBody): RecordedEpoch[] {
  const misplaced = epochs.find(({ epoch }, i) => epoch !== i + 1);
  if (misplaced !== undefined) {
    throw new RegistryError('invalid_input', `The record has the epoch ${misplaced.epoch} in the wrong place.`, {
      field: 'epochs',
    });
  }
  if (epochs.at(-1)!.weightDigest !== result.weightDigest) {
    throw new RegistryError('invalid_input', 'The result on record is not what the last epoch on record made.', {
      field: 'result.weightDigest',
    });
  }
  const asked = parseHyperparameters(hyperparameters).epochs;
  if (epochs.length !== asked) {
    throw new RegistryError(
      'invalid_input',
      `The record tells of ${epochs.length} epochs, and its hyperparameters of ${asked}.`,
      { field: 'epochs' },
    );
  }
  return epochs;
}

/** Whether a run is trained again from its seed, bit for bit. */
export const replaysFromSeed = ({ environment }: Pick<RunBody, 'environment'>): boolean =>
  environment['backend'] === 'wasm';

/** @throws RegistryError `backend_unavailable` */
export function requireFromSeed(record: RunBody): void {
  if (replaysFromSeed(record)) return;
  throw new RegistryError(
    'backend_unavailable',
    `The run was trained on ${JSON.stringify(record.environment['backend'])}, whose results differ from one device to the next.`,
    { field: 'backend', fix: 'Let the registry replay it, which keeps its weights after each epoch: --at-registry.' },
  );
}

/** @throws RegistryError `backend_unavailable` where the arithmetic of the run is not to be had here */
export async function openReplayBackend(record: RunBody, threads?: number): Promise<ChosenBackend> {
  requireFromSeed(record);
  const { environment } = record;
  // Of the two binaries, the one without SIMD runs on every processor.
  const simd = environment['variant'] !== 'plain';
  const backend = await chooseBackend('wasm', { simd, ...(threads === undefined ? {} : { threads }) });
  if (sameArithmetic(backend.info, environment)) return backend;
  backend.dispose();
  throw new RegistryError(
    'backend_unavailable',
    `The run was trained on the variant ${JSON.stringify(environment['variant'])} of wasm; here it is "${backend.info.variant}".`,
    { field: 'variant', fix: 'Replay it on a processor of the same kind.' },
  );
}

const fileDigestOf = (run: string, tensors: readonly Tensor[]): Digest =>
  formatDigest(sha256(writeSafetensors(tensors, artifactMetadata(run))));
