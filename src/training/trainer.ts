/**
 * Trains a recipe on a dataset, epoch by epoch. Every random draw comes from the recorded seed, one stream a purpose and
 * an epoch, so a run that is resumed from the checkpoint of epoch k ends with the very weights it would have had.
 *
 * What is counted as accuracy is kept apart: `trainAccuracy` runs along on the training batches, before each update;
 * `validation` on the held-out training images; `testAccuracy` on the test images, which no gradient ever saw.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { RegistryError } from '../core/errors.ts';
import { permutation } from '../core/random.ts';
import type { Tensor as StoredTensor } from '../core/weights/safetensors.ts';
import type { LoadedBackend } from './backends/backend.ts';
import { BatchFeed, labelsOf, splitImages } from './batches.ts';
import { evaluate, Tally } from './evaluation.ts';
import type { Score } from './evaluation.ts';
import type { Hyperparameters } from './hyperparameters.ts';
import type { ImageDataset } from './idx.ts';
import { createOptimizer } from './optimizers.ts';
import { measureCompute, ProgressMeter } from './progress.ts';
import type { ComputeUsed, Progress } from './progress.ts';
import { randomStream } from './random.ts';
import { createRecipe, initialValues } from './recipes/index.ts';
import type { Recipe } from './recipes/index.ts';
import { loadTensors, storeTensors } from './tensors.ts';

export interface TrainOptions {
  hyperparameters: Hyperparameters;
  dataset: Pick<ImageDataset, 'train' | 'test' | 'classes'>;
  backend: LoadedBackend;
  /** The network to train from `resumeFrom` on, where it is not the one that the hyperparameters ask for. */
  recipe?: Recipe;
  /** The epoch result of an earlier run of the same hyperparameters, dataset and backend. */
  resumeFrom?: Checkpoint;
  onProgress?: (progress: Progress) => void;
  /** Awaited before the next epoch begins, so that a checkpoint is stored before it is relied on. */
  onEpoch?: (result: EpochResult) => void | Promise<void>;
  /** Ends the run between two batches with `cancelled`. */
  signal?: AbortSignal;
  /** Milliseconds, never going back; decides when progress is due. Default: `performance.now`. */
  clock?: () => number;
  /** Least time between two calls of `onProgress`, 250 by default; an epoch's last batch is always told. */
  progressEveryMs?: number;
}

/** Where a run can go on: the weights and the optimizer's state after a whole epoch. */
export interface Checkpoint {
  /** The last finished epoch, from 1. */
  epoch: number;
  tensors: readonly StoredTensor[];
  optimizerTensors: readonly StoredTensor[];
}

export interface EpochMetrics {
  /** From 1. */
  epoch: number;
  loss: number;
  trainAccuracy: number;
  /** On the held-out training images; absent when `validationSplit` is 0. */
  validation?: Score;
  testLoss: number;
  testAccuracy: number;
  /** Training and evaluation, without `onEpoch`. */
  seconds: number;
}

export interface EpochResult extends EpochMetrics {
  tensors: StoredTensor[];
  /** Empty for `sgd`, which has no state. */
  optimizerTensors: StoredTensor[];
}

export interface TrainingResult {
  /** The epochs that this call trained: fewer than asked for when it resumed. */
  epochs: EpochMetrics[];
  tensors: StoredTensor[];
  trainImages: number;
  validationImages: number;
  testImages: number;
  imagesPerSecond: number;
  compute: ComputeUsed;
}

/** Longest stretch of computing before the event loop gets its turn. */
const YIELD_MS = 10;

/**
 * @throws RegistryError `cancelled` when the signal aborts; `invalid_input` when the checkpoint does not fit, the
 * pictures are too small for the architecture, or the loss stops being a number; and whatever `onEpoch` throws
 */
export async function train(options: TrainOptions): Promise<TrainingResult> {
  const { hyperparameters, dataset, backend, resumeFrom, onEpoch, clock = () => performance.now() } = options;
  const used = measureCompute(backend);
  const { run, meter, training, validation, score } = prepare(options, clock);

  const epochs: EpochMetrics[] = [];
  try {
    for (let epoch = (resumeFrom?.epoch ?? 0) + 1; epoch <= hyperparameters.epochs; epoch++) {
      const began = clock();
      const { loss, accuracy: trainAccuracy } = await run.epoch(epoch);
      const { test, ...held } = await score();
      const { loss: testLoss, accuracy: testAccuracy } = test;
      const seconds = (clock() - began) / 1000;
      epochs.push({ epoch, loss, trainAccuracy, ...held, testLoss, testAccuracy, seconds });
      await onEpoch?.({ ...(epochs.at(-1) as EpochMetrics), ...(await run.checkpoint()) });
    }
    return {
      epochs,
      tensors: (await run.checkpoint()).tensors,
      trainImages: training.length,
      validationImages: validation.length,
      testImages: dataset.test.count,
      imagesPerSecond: meter.imagesPerSecond,
      compute: used(),
    };
  } finally {
    run.dispose();
  }
}

/** The weights and the optimizer's state before the first epoch. @throws RegistryError `invalid_input` as `train` does */
export async function initialCheckpoint(options: TrainOptions): Promise<Checkpoint> {
  const { run } = prepare(options);
  try {
    return { epoch: 0, ...(await run.checkpoint()) };
  } finally {
    run.dispose();
  }
}

/** What the weights of a checkpoint score. @throws RegistryError `invalid_input` when the checkpoint does not fit */
export async function scoreCheckpoint(options: TrainOptions & { resumeFrom: Checkpoint }): Promise<Scores> {
  const { run, score } = prepare(options);
  try {
    return await score();
  } finally {
    run.dispose();
  }
}

export interface Scores {
  test: Score;
  /** Absent when `validationSplit` is 0. */
  validation?: Score;
}

function prepare(options: TrainOptions, clock = () => performance.now()) {
  const { hyperparameters, dataset, backend } = options;
  const { tf } = backend;
  const { training, validation } = splitImages(dataset.train.count, hyperparameters);
  const feed = new BatchFeed(tf, dataset.classes, hyperparameters);
  const meter = new ProgressMeter(clock, options.progressEveryMs ?? 250);
  const run = new Run(options, feed, training, meter, clock);
  const scoreOf = (set: 'train' | 'test', members?: Uint32Array) =>
    evaluate(tf, feed, dataset.classes, dataset[set], members, (images) => run.predict(images));
  const score = async (): Promise<Scores> => {
    const held = validation.length === 0 ? {} : { validation: await scoreOf('train', validation) };
    return { ...held, test: await scoreOf('test') };
  };
  return { run, meter, training, validation, score };
}

/** The weights on their way from epoch to epoch. */
class Run {
  readonly #options: TrainOptions;
  readonly #feed: BatchFeed;
  readonly #training: Uint32Array;
  readonly #meter: ProgressMeter;
  readonly #clock: () => number;
  readonly #recipe: Recipe;
  readonly #optimizer;
  readonly #slots: { name: string; shape: number[] }[];
  #weights: Tensor[] = [];
  #state: Tensor[] = [];
  #yieldedAt = -Infinity;

  constructor(
    options: TrainOptions,
    feed: BatchFeed,
    training: Uint32Array,
    meter: ProgressMeter,
    clock: () => number,
  ) {
    const { hyperparameters, dataset, resumeFrom, backend } = options;
    const { tf } = backend;
    this.#options = options;
    this.#feed = feed;
    this.#training = training;
    this.#meter = meter;
    this.#clock = clock;
    this.#recipe = options.recipe ?? createRecipe(hyperparameters, { ...dataset.train, classes: dataset.classes });
    this.#optimizer = createOptimizer(hyperparameters);
    const { parameters } = this.#recipe;
    this.#slots = this.#optimizer.slots.flatMap((slot) =>
      parameters.map(({ name, shape }) => ({ name: `${name}/${slot}`, shape })),
    );
    if (resumeFrom === undefined) {
      const draws = (name: string) => randomStream(hyperparameters.seed, `init/${name}`);
      this.#weights = parameters.map((spec) => tf.tensor(initialValues(spec, draws(spec.name)), spec.shape));
      this.#state = this.#slots.map(({ shape }) => tf.zeros(shape));
    } else {
      this.#weights = loadTensors(tf, parameters, resumeFrom.tensors, 'resumeFrom.tensors');
      try {
        this.#state = loadTensors(tf, this.#slots, resumeFrom.optimizerTensors, 'resumeFrom.optimizerTensors');
      } catch (error) {
        this.dispose();
        throw error;
      }
    }
  }

  /** Loss and accuracy on the training batches, each taken before its update. */
  async epoch(epoch: number): Promise<Score> {
    const { hyperparameters, dataset, onProgress } = this.#options;
    const { batchSize, epochs, seed } = hyperparameters;
    const images = this.#training.length;
    const batches = Math.ceil(images / batchSize);
    const order = permutation(images, randomStream(seed, `shuffle/${epoch}`)).map((i) => this.#training[i] as number);
    const dropout = randomStream(seed, `dropout/${epoch}`);
    const tally = new Tally(dataset.classes);
    this.#meter.start();
    try {
      for (let batch = 1; batch <= batches; batch++) {
        this.#requireNotCancelled();
        const members = order.subarray((batch - 1) * batchSize, batch * batchSize);
        const logits = this.#step(members, dropout, (epoch - 1) * batches + batch);
        await tally.add(logits, labelsOf(dataset.train, members));
        this.#meter.count(members.length);
        if (onProgress !== undefined && (this.#meter.isDue() || batch === batches)) {
          const left = (epochs - epoch + 1) * images - Math.min(images, batch * batchSize);
          onProgress(this.#meter.progress({ epoch, epochs, batch, batches }, await tally.score(), left));
        }
        await this.#letOthersRun();
      }
      const score = await tally.score();
      if (Number.isFinite(score.loss)) return score;
      throw new RegistryError('invalid_input', `The training diverged in epoch ${epoch}: its loss is ${score.loss}.`, {
        field: 'hyperparameters.learningRate',
        fix: 'Train with a smaller learning rate.',
      });
    } finally {
      tally.dispose();
    }
  }

  predict(images: Tensor2D): Tensor2D {
    return this.#recipe.forward(this.#options.backend.tf, this.#weights, images);
  }

  async checkpoint(): Promise<Pick<EpochResult, 'tensors' | 'optimizerTensors'>> {
    return {
      tensors: await storeTensors(this.#recipe.parameters, this.#weights),
      optimizerTensors: await storeTensors(this.#slots, this.#state),
    };
  }

  dispose(): void {
    this.#options.backend.tf.dispose([this.#weights, this.#state]);
  }

  /** One update of the weights; the logits are those from before it. */
  #step(members: Uint32Array, dropout: ReturnType<typeof randomStream>, step: number): Tensor2D {
    const { backend, dataset } = this.#options;
    const { tf } = backend;
    const { logits, weights, state } = tf.tidy(() => {
      const batch = this.#feed.batch(dataset.train, members, dropout);
      const scale = this.#optimizer.scale / members.length;
      const { logits, gradients } = this.#recipe.step(tf, this.#weights, batch, scale);
      return { logits, ...this.#optimizer.apply(tf, this.#weights, gradients, this.#state, step) };
    });
    tf.dispose([this.#weights, this.#state]);
    this.#weights = weights;
    this.#state = state;
    return logits;
  }

  #requireNotCancelled(): void {
    const { signal } = this.#options;
    if (signal?.aborted) throw new RegistryError('cancelled', 'The run was cancelled.', { cause: signal.reason });
  }

  async #letOthersRun(): Promise<void> {
    if (this.#clock() - this.#yieldedAt < YIELD_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#yieldedAt = this.#clock();
  }
}
