import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { chooseBackend } from '../../../src/training/backends/index.ts';
import { parseHyperparameters } from '../../../src/training/hyperparameters.ts';
import { readIdxFolder } from '../../../src/training/idx.ts';
import { train } from '../../../src/training/trainer.ts';
import type { ChosenBackend } from '../../../src/training/backends/index.ts';
import type { ImageDataset } from '../../../src/training/idx.ts';
import type { Progress } from '../../../src/training/progress.ts';
import type { EpochResult, TrainOptions } from '../../../src/training/trainer.ts';
import { emptyFolder, hashTensors, idx, NAMES, removeFolders, smallMnist, trainInChild } from './fixture.ts';

/** Two threads on cores that are busy with other tests wait for each other. */
jest.setTimeout(60_000);

const IMAGES = 1984;
let folder: string;
let dataset: ImageDataset;
let backend: ChosenBackend;

beforeAll(async () => {
  folder = await smallMnist(IMAGES, 500);
  dataset = await readIdxFolder(folder);
});
afterAll(removeFolders);
afterEach(() => backend?.dispose());

const RECIPE = { epochs: 3, hidden: [32] };

async function trainHere(
  hyperparameters: object,
  options: Partial<TrainOptions> = {},
  threads = 1,
): Promise<{ epochs: EpochResult[]; digests: string[] } & Awaited<ReturnType<typeof train>>> {
  backend = await chooseBackend('wasm', { threads });
  const results: EpochResult[] = [];
  const parsed = parseHyperparameters({ ...RECIPE, ...hyperparameters });
  const onEpoch = (result: EpochResult) => void results.push(result);
  const trained = await train({ hyperparameters: parsed, dataset, backend, onEpoch, ...options });
  backend.dispose();
  return { ...trained, epochs: results, digests: results.map(({ tensors }) => hashTensors(tensors)) };
}

describe('the weights of every epoch are the same bits', () => {
  it.each([{}, { arch: 'cnn', epochs: 1, batchSize: 250 }])('on 1 and 2 threads: %j', async (hyperparameters) => {
    const one = await trainHere(hyperparameters, {}, 1);
    const two = await trainHere(hyperparameters, {}, 2);
    expect(two.digests).toEqual(one.digests);
  });

  it('in another process', async () => {
    const here = await trainHere({});
    const child = await trainInChild({ folder, backend: 'wasm', threads: 2, hyperparameters: RECIPE });
    expect(child.epochs.map(({ digest }) => digest)).toEqual(here.digests);
  });

  it.each([
    { optimizer: 'sgd' },
    { optimizer: 'momentum', dropout: 0.25, validationSplit: 0.1 },
    { optimizer: 'adam', learningRate: 0.001, dropout: 0.25 },
  ])('after resuming from epoch 1: %j', async (hyperparameters) => {
    const whole = await trainHere(hyperparameters);
    const [first] = whole.epochs;
    const resumed = await trainHere(hyperparameters, { resumeFrom: first as EpochResult });
    expect(resumed.digests).toEqual(whole.digests.slice(1));
    expect(resumed.epochs.map(({ optimizerTensors }) => hashTensors(optimizerTensors))).toEqual(
      whole.epochs.slice(1).map(({ optimizerTensors }) => hashTensors(optimizerTensors)),
    );
  });
});

describe('another seed, order, split or dropout', () => {
  it('makes other weights', async () => {
    const base = { epochs: 1 };
    const variations = [{}, { seed: 2 }, { validationSplit: 0.1 }, { dropout: 0.1 }, { batchSize: 32 }];
    const digests = [];
    for (const variation of variations) digests.push((await trainHere({ ...base, ...variation })).digests[0]);
    expect(new Set(digests).size).toBe(variations.length);
  });
});

describe('what a run measures', () => {
  it('learns, and counts training, held-out and test images apart', async () => {
    const run = await trainHere({ epochs: 8, learningRate: 0.1, validationSplit: 0.25 });
    const last = run.epochs.at(-1) as EpochResult;
    expect(last.testAccuracy).toBeGreaterThan(0.75);
    expect(last.validation?.accuracy).toBeGreaterThan(0.75);
    expect(last.loss).toBeLessThan((run.epochs[0] as EpochResult).loss);
    expect([run.trainImages, run.validationImages, run.testImages]).toEqual([1488, 496, 500]);
    expect(run.compute.wallSeconds).toBeGreaterThan(0);
    expect(run.compute.coreSeconds).toBeGreaterThan(0);
    expect(run.compute.deviceSeconds).toBeUndefined();
    expect(run.imagesPerSecond).toBeGreaterThan(0);
  });

  it('measures test accuracy on the test images, never on the training images', async () => {
    // Test labels that no picture deserves: whoever trains right scores low here, and high in training.
    const { test } = dataset;
    const wrong = { ...test, labels: test.labels.map((label) => (label + 5) % 10) };
    const run = await trainHere({ epochs: 5, learningRate: 0.1 }, { dataset: { ...dataset, test: wrong } });
    const last = run.epochs.at(-1) as EpochResult;
    expect(last.trainAccuracy).toBeGreaterThan(0.7);
    expect(last.testAccuracy).toBeLessThan(0.2);
  });

  it('does not let the held-out images train', async () => {
    const hyperparameters = { epochs: 1, validationSplit: 0.25 };
    const run = await trainHere(hyperparameters);
    const { splitImages } = await import('../../../src/training/batches.ts');
    const { validation } = splitImages(IMAGES, parseHyperparameters(hyperparameters));
    const pixels = Uint8Array.from(dataset.train.pixels);
    for (const image of validation) pixels.fill(255, image * 784, (image + 1) * 784);
    const blanked = { ...dataset, train: { ...dataset.train, pixels } };
    expect((await trainHere(hyperparameters, { dataset: blanked })).digests).toEqual(run.digests);
  });

  it('tells progress when the clock says it is due, and at the end of every epoch', async () => {
    let now = 0;
    const told: Progress[] = [];
    const onProgress = (progress: Progress) => void told.push(progress);
    await trainHere({ epochs: 2 }, { onProgress, clock: () => (now += 1), progressEveryMs: 20 });
    expect(told.length).toBeGreaterThan(4);
    expect(told.length).toBeLessThan(62);
    const last = told.at(-1) as Progress;
    expect(last).toMatchObject({ epoch: 2, epochs: 2, batch: 31, batches: 31, etaSeconds: 0 });
    expect(told.filter(({ batch }) => batch === 31).map(({ epoch }) => epoch)).toEqual([1, 2]);
    for (const progress of told) {
      const left = (62 - 31 * (progress.epoch - 1) - progress.batch) * 64;
      expect(progress.etaSeconds).toBeCloseTo(left / progress.imagesPerSecond, 6);
      expect(progress.accuracy >= 0 && progress.accuracy <= 1).toBe(true);
      expect(progress.loss).toBeGreaterThan(0);
    }
  });

  it('lets the event loop run while it trains', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const { compute } = await trainHere({ epochs: 4, hidden: [256] });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(Math.floor((compute.wallSeconds * 1000) / 100));
  });
});

describe('memory', () => {
  it('holds no more tensors after the third epoch than after the first, and none after the run', async () => {
    const counts: number[] = [];
    for (const hyperparameters of [
      { optimizer: 'adam', dropout: 0.1, validationSplit: 0.1 },
      { arch: 'cnn', epochs: 2 },
    ]) {
      backend = await chooseBackend('wasm', { threads: 1 });
      const { tf } = backend;
      const before = tf.memory().numTensors;
      counts.length = 0;
      await train({
        hyperparameters: parseHyperparameters({ ...RECIPE, ...hyperparameters }),
        dataset,
        backend,
        onEpoch: () => void counts.push(tf.memory().numTensors),
      });
      expect(new Set(counts).size).toBe(1);
      expect(tf.memory().numTensors).toBe(before);
      backend.dispose();
    }
  });
});

describe('a run that ends early', () => {
  it('is cancelled between two batches and leaves no tensor behind', async () => {
    backend = await chooseBackend('wasm', { threads: 1 });
    const before = backend.tf.memory().numTensors;
    const controller = new AbortController();
    const told: Progress[] = [];
    const run = train({
      hyperparameters: parseHyperparameters(RECIPE),
      dataset,
      backend,
      signal: controller.signal,
      progressEveryMs: 0,
      onProgress: (progress) => {
        told.push(progress);
        if (progress.epoch === 2 && progress.batch === 3) controller.abort();
      },
    });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    expect(told.at(-1)).toMatchObject({ epoch: 2, batch: 3 });
    expect(backend.tf.memory().numTensors).toBe(before);
  });

  it('does not begin the next epoch when its checkpoint could not be stored', async () => {
    backend = await chooseBackend('wasm', { threads: 1 });
    const before = backend.tf.memory().numTensors;
    let epochs = 0;
    const run = train({
      hyperparameters: parseHyperparameters(RECIPE),
      dataset,
      backend,
      onEpoch: async () => {
        epochs++;
        await Promise.reject(new Error('the disk is full'));
      },
    });
    await expect(run).rejects.toThrow('the disk is full');
    expect(epochs).toBe(1);
    expect(backend.tf.memory().numTensors).toBe(before);
  });

  it('names the learning rate when the loss stops being a number', async () => {
    await expect(trainHere({ learningRate: 10, hidden: [256, 256, 256, 256] })).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'hyperparameters.learningRate',
    });
  });

  it('refuses a checkpoint of another recipe', async () => {
    const run = await trainHere({ epochs: 1 });
    const [first] = run.epochs as [EpochResult];
    await expect(trainHere({ hidden: [16] }, { resumeFrom: first })).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'resumeFrom.tensors',
    });
    await expect(trainHere({ optimizer: 'momentum' }, { resumeFrom: first })).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'resumeFrom.optimizerTensors',
    });
    const renamed = first.tensors.map((tensor, i) => (i === 0 ? { ...tensor, name: 'dense9/kernel' } : tensor));
    await expect(trainHere({}, { resumeFrom: { ...first, tensors: renamed } })).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });
});

describe('any IDX-shaped data', () => {
  it('trains: here 3 classes of 6×5 pixels, told apart by their brightness', async () => {
    const other = await emptyFolder();
    const make = (count: number) => ({
      labels: Uint8Array.from({ length: count }, (_, i) => i % 3),
      pixels: Uint8Array.from({ length: count * 30 }, (_, i) => (Math.floor(i / 30) % 3) * 100 + (i % 7)),
    });
    for (const [images, labels, { pixels, labels: values }] of [
      [NAMES.trainImages, NAMES.trainLabels, make(300)],
      [NAMES.testImages, NAMES.testLabels, make(31)],
    ] as const) {
      await writeFile(join(other, images), idx([values.length, 6, 5], pixels));
      await writeFile(join(other, labels), idx([values.length], values));
    }
    const run = await trainHere(
      { epochs: 60, hidden: [16], learningRate: 0.1, batchSize: 50 },
      { dataset: await readIdxFolder(other) },
    );
    expect(run.epochs.at(-1)?.testAccuracy).toBe(1);
    expect(run.tensors.map(({ name, shape }) => [name, ...shape])).toEqual([
      ['dense1/kernel', 30, 16],
      ['dense1/bias', 16],
      ['dense2/kernel', 16, 3],
      ['dense2/bias', 3],
    ]);
  });
});
