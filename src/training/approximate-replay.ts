/**
 * Replay of a run whose arithmetic is not to be had again, bit for bit: a graphics device, or another library. Each epoch
 * is trained from the weights on record before it, and what comes out is held against those on record after it.
 *
 * How near is near enough? A difference in the last bit, where it makes one unit of a ReLU fall on its other side, grows:
 * between two backends most epochs end 10^-6 apart, as a share of the way that the epoch went, and some 0.4. So the
 * measure is another training: the same epoch from the same weights with other random draws. The distance of the record
 * from the replay, as a share of its distance from that control, is about 1 for whoever trained in another order or
 * copied the weights, and was at most 0.42 between backends (docs/decisions/039). What moves an epoch less than rounding
 * may, such as a learning rate that is off by a hundredth, is not found.
 *
 * What the weights on record score is measured on themselves and must fit to a few images. Whoever makes up all weights
 * at once would have to find ones that training leads from each to the next; the first epoch begins with the seed.
 */
import { RegistryError } from '../core/errors.ts';
import type { RunBody } from '../core/registry/run.ts';
import type { Tensor } from '../core/weights/safetensors.ts';
import type { BackendInfo, ChosenBackend } from './backends/index.ts';
import type { ImageDataset } from './idx.ts';
import type { Hyperparameters } from './hyperparameters.ts';
import { parseHyperparameters } from './hyperparameters.ts';
import type { Progress } from './progress.ts';
import type { RecordedEpoch } from './record.ts';
import { recordedEpoch } from './record.ts';
import type { ReplayedEpoch } from './replay.ts';
import { requireWholeRecord } from './replay.ts';
import type { Checkpoint, EpochResult } from './trainer.ts';
import { initialCheckpoint, scoreCheckpoint, train } from './trainer.ts';

/** The largest distance that is taken for the same training: above what rounding was seen to make, below the control's 1. */
export const TOLERANCE = 0.6;
/** Loss and accuracy along the training follow the weights. Seen between backends: a loss off by 0.004 of itself. */
const LOSS_TOLERANCE = 0.05;
const TRAIN_ACCURACY_TOLERANCE = 0.02;
/** Of a set of images, how many may change sides when the very weights on record are scored on another backend. */
const SCORE_TOLERANCE = 0.001;

export interface Distance {
  /** From the replayed weights, where 1 is that from the control */
  distance: number;
  /** The same as a share of the norm of the weights on record */
  relative: number;
  /** The largest difference of one weight */
  largest: number;
}

export type ApproximateEpoch = ReplayedEpoch & Distance;

export interface ApproximateReplayOptions {
  record: RunBody;
  dataset: Pick<ImageDataset, 'classes' | 'test' | 'train'>;
  from: number;
  to: number;
  /** The weights on record after an epoch; must hold them to their digest. */
  checkpoint: (epoch: number) => Promise<Checkpoint>;
  /** What an earlier replay has compared, from `from` on */
  done?: readonly ApproximateEpoch[];
  onProgress?: (progress: Progress) => void;
  onEpoch?: (epoch: ApproximateEpoch) => Promise<void> | void;
  signal?: AbortSignal;
}

export interface ApproximateReplay {
  outcome: 'differs' | 'within-tolerance';
  /** The first epoch beyond the tolerance, or whose figures are others; the replay ends with it. */
  firstDifference: number | null;
  tolerance: number;
  epochs: ApproximateEpoch[];
  environment: BackendInfo;
}

/** @throws RegistryError `invalid_input` for a record that no run can have made; what `checkpoint` and `train` throw */
export async function replayApproximately(
  backend: ChosenBackend,
  { record, dataset, from, to, ...options }: ApproximateReplayOptions,
): Promise<ApproximateReplay> {
  const recorded = requireWholeRecord(record);
  const hyperparameters = parseHyperparameters(record.hyperparameters);
  const base = { hyperparameters, dataset, backend };
  const epochs = [...(options.done ?? [])];
  let before =
    from + epochs.length === 1 ? await initialCheckpoint(base) : await options.checkpoint(from + epochs.length - 1);
  for (let epoch = from + epochs.length; epoch <= to && epochs.every(isClose); epoch++) {
    const after = await options.checkpoint(epoch);
    const again = (change: Partial<Hyperparameters>, onProgress?: (progress: Progress) => void) =>
      trainEpoch({ ...base, hyperparameters: { ...hyperparameters, ...change, epochs: epoch } }, before, {
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        ...(onProgress === undefined ? {} : { onProgress }),
      });
    const replayed = await again({}, (progress) => options.onProgress?.(ofAll(progress, to, dataset.train.count)));
    const control = await again({ seed: (hyperparameters.seed + 1) >>> 0 });
    const scores = await scoreCheckpoint({ ...base, resumeFrom: after });
    const figures = recordedEpoch({ ...replayed, ...scores, testAccuracy: scores.test.accuracy });
    const compared: ApproximateEpoch = {
      ...compare(recorded[epoch - 1]!, figures, dataset.test.count),
      ...distanceOf(after.tensors, { before: before.tensors, replayed: replayed.tensors, control: control.tensors }),
    };
    if (compared.distance > TOLERANCE) compared.differing.unshift('weightDigest');
    epochs.push(compared);
    await options.onEpoch?.(compared);
    before = after;
  }
  const firstDifference = epochs.find((epoch) => !isClose(epoch))?.epoch ?? null;
  const outcome = firstDifference === null ? 'within-tolerance' : 'differs';
  return { outcome, firstDifference, tolerance: TOLERANCE, epochs, environment: backend.info };
}

const isClose = ({ differing }: ApproximateEpoch): boolean => differing.length === 0;

async function trainEpoch(
  base: Parameters<typeof initialCheckpoint>[0],
  before: Checkpoint,
  options: { onProgress?: (progress: Progress) => void; signal?: AbortSignal },
): Promise<EpochResult> {
  let trained: EpochResult | undefined;
  await train({ ...base, ...options, resumeFrom: before, onEpoch: (result) => void (trained = result) });
  return trained!;
}

/** An epoch is trained twice: what is left is the control of this one and both trainings of those behind it. */
function ofAll(progress: Progress, to: number, images: number): Progress {
  const { epoch, imagesPerSecond, etaSeconds } = progress;
  const left = (2 * (to - epoch) + 1) * (images / imagesPerSecond);
  return { ...progress, epochs: to, etaSeconds: etaSeconds + left };
}

/** Which figures on record are further from those found than another backend may bring them. */
function compare(recorded: RecordedEpoch, replayed: RecordedEpoch, testImages: number): ReplayedEpoch {
  const near = (a: number | null, b: number | null, tolerance: number) =>
    a === null || b === null ? a === b : Math.abs(a - b) <= tolerance;
  const scored = SCORE_TOLERANCE + 1 / testImages;
  const differing: ReplayedEpoch['differing'] = [];
  if (!near(recorded.loss, replayed.loss, LOSS_TOLERANCE * Math.abs(replayed.loss))) differing.push('loss');
  for (const [figure, tolerance] of [
    ['trainAccuracy', TRAIN_ACCURACY_TOLERANCE],
    ['validationAccuracy', TRAIN_ACCURACY_TOLERANCE],
    ['testAccuracy', scored],
  ] as const) {
    if (!near(recorded[figure], replayed[figure], tolerance)) differing.push(figure);
  }
  return { epoch: recorded.epoch, recorded, replayed, differing };
}

/** Where other draws change next to nothing, as in an epoch of one batch, a share of the way that it went stands in. */
const LEAST_CONTROL = 0.001;

/** @throws RegistryError `invalid_input` for weights of other shapes */
export function distanceOf(
  recorded: readonly Tensor[],
  { before, replayed, control }: Record<'before' | 'control' | 'replayed', readonly Tensor[]>,
): Distance {
  const again = squares(recorded, replayed);
  const way = squares(recorded, before).difference * LEAST_CONTROL ** 2;
  return {
    distance: ratio(again.difference, Math.max(squares(recorded, control).difference, way)),
    relative: ratio(again.difference, again.norm),
    largest: rounded(again.largest),
  };
}

/** Weights that are not those on record, and that nothing is as far from, are as far as can be said. */
const ratio = (part: number, whole: number): number =>
  part === 0 ? 0 : rounded(Math.min(1e9, Math.sqrt(part / whole)));

function squares(recorded: readonly Tensor[], other: readonly Tensor[]) {
  const named = new Map(other.map((tensor) => [tensor.name, valuesOf(tensor)]));
  let [difference, norm, largest] = [0, 0, 0];
  for (const tensor of recorded) {
    const values = valuesOf(tensor);
    const against = named.get(tensor.name);
    if (against?.length !== values.length) {
      throw new RegistryError('invalid_input', `The weights on record have another "${tensor.name}".`);
    }
    values.forEach((value, i) => {
      const off = value - against[i]!;
      difference += off * off;
      norm += value * value;
      largest = Math.max(largest, Math.abs(off));
    });
  }
  return { difference, norm, largest };
}

const valuesOf = ({ data }: Tensor): Float32Array => new Float32Array(Uint8Array.from(data).buffer);

/** Three digits tell all that a distance tells. */
const rounded = (value: number): number => Number(value.toPrecision(3));
