/**
 * Weights that one binary of wasm trained, replayed on the other: without SIMD and with it, they differ in their last
 * bits as two backends do.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { RunBody } from '../../../src/core/registry/run.ts';
import { weightDigestOf } from '../../../src/core/weights/digest.ts';
import { sha256 } from '../../../src/platform/crypto.ts';
import type { ApproximateReplayOptions } from '../../../src/training/approximate-replay.ts';
import { distanceOf, replayApproximately, TOLERANCE } from '../../../src/training/approximate-replay.ts';
import { chooseBackend } from '../../../src/training/backends/index.ts';
import { parseHyperparameters } from '../../../src/training/hyperparameters.ts';
import type { ImageDataset } from '../../../src/training/idx.ts';
import { readIdxFolder } from '../../../src/training/idx.ts';
import type { RecordedEpoch } from '../../../src/training/record.ts';
import { recordedEpoch } from '../../../src/training/record.ts';
import type { Checkpoint } from '../../../src/training/trainer.ts';
import { train } from '../../../src/training/trainer.ts';
import { removeFolders, smallMnist } from './fixture.ts';

jest.setTimeout(120_000);

let dataset: ImageDataset;
afterAll(removeFolders);

interface Trained {
  record: RunBody;
  kept: Map<number, Checkpoint>;
}

/** A run on the binary without SIMD, and what it leaves behind each epoch. */
async function trained(asked: object): Promise<Trained> {
  const backend = await chooseBackend('wasm', { threads: 1, simd: false });
  const epochs: RecordedEpoch[] = [];
  const kept = new Map<number, Checkpoint>();
  const { tensors } = await train({
    hyperparameters: parseHyperparameters(asked),
    dataset,
    backend,
    onEpoch: (epoch) => {
      epochs.push(recordedEpoch(epoch));
      kept.set(epoch.epoch, epoch);
    },
  });
  backend.dispose();
  const result = weightDigestOf(sha256, tensors);
  return { record: { hyperparameters: asked, environment: {}, epochs, result } as unknown as RunBody, kept };
}

async function replayed({ record, kept }: Trained, options: Partial<ApproximateReplayOptions> = {}) {
  const backend = await chooseBackend('wasm', { threads: 1 });
  try {
    return await replayApproximately(backend, {
      record,
      dataset,
      from: 1,
      to: record.epochs.length,
      checkpoint: (epoch) => Promise.resolve(kept.get(epoch)!),
      ...options,
    });
  } finally {
    backend.dispose();
  }
}

let run: Trained;
beforeAll(async () => {
  dataset = await readIdxFolder(await smallMnist(992, 200));
  run = await trained({ epochs: 3, hidden: [16], optimizer: 'adam', learningRate: 0.003, dropout: 0.1 });
});

describe('an approximate replay', () => {
  it.each([
    ['sgd', { epochs: 2, hidden: [16], learningRate: 0.1 }],
    ['momentum, with a held-out part', { epochs: 2, hidden: [16], optimizer: 'momentum', validationSplit: 0.1 }],
    ['convolutions', { arch: 'cnn', epochs: 1, hidden: [16], optimizer: 'adam', learningRate: 0.003 }],
    [
      'one batch an epoch, where other draws change nothing',
      { epochs: 1, hidden: [16], batchSize: 992, learningRate: 0.1 },
    ],
  ])('of another binary is within tolerance, and not bit-exact: %s', async (_, asked) => {
    const other = await trained(asked);
    const { outcome, firstDifference, epochs } = await replayed(other);
    expect([outcome, firstDifference]).toEqual(['within-tolerance', null]);
    expect(epochs.map(({ epoch }) => epoch)).toEqual(other.record.epochs.map(({ epoch }) => epoch));
    for (const { replayed, recorded, distance, largest } of epochs) {
      expect(replayed.weightDigest).not.toBe(recorded.weightDigest);
      expect(largest).toBeGreaterThan(0);
      expect(distance).toBeLessThan(TOLERANCE);
    }
  });

  it('takes any two adjacent epochs, and goes on where an earlier one ended', async () => {
    const [asked, progress]: [number[], [number, number][]] = [[], []];
    const checkpoint = (epoch: number) => {
      asked.push(epoch);
      return Promise.resolve(run.kept.get(epoch)!);
    };
    const onProgress = ({ epoch, epochs }: { epoch: number; epochs: number }) => void progress.push([epoch, epochs]);
    const { epochs } = await replayed(run, { from: 2, to: 2, checkpoint, onProgress });
    expect([epochs.map(({ epoch }) => epoch), asked, progress.at(-1)]).toEqual([[2], [1, 2], [2, 2]]);
    const whole = await replayed(run, { from: 2 });
    const rest = await replayed(run, { from: 2, done: epochs });
    const told = (report: typeof whole) =>
      report.epochs.map(({ epoch, distance, largest, replayed }) => [epoch, distance, largest, replayed.weightDigest]);
    expect(told(rest)).toEqual(told(whole));
  });

  it.each<[string, (other: Trained) => Partial<Trained>, number, string]>([
    [
      'the seed',
      ({ record }) => ({ record: { ...record, hyperparameters: { ...record.hyperparameters, seed: 9 } } }),
      1,
      'weightDigest',
    ],
    [
      'the batch size',
      ({ record }) => ({ record: { ...record, hyperparameters: { ...record.hyperparameters, batchSize: 32 } } }),
      1,
      'weightDigest',
    ],
    [
      'the weights of the second epoch, put in the place of the third',
      ({ kept }) => ({ kept: new Map(kept).set(3, kept.get(2)!) }),
      3,
      'weightDigest',
    ],
    [
      'the accuracy of the second epoch',
      ({ record }) => ({ record: withEpoch(record, 2, { testAccuracy: 0.99 }) }),
      2,
      'testAccuracy',
    ],
    ['the loss of the second epoch', ({ record }) => ({ record: withEpoch(record, 2, { loss: 0.1 }) }), 2, 'loss'],
  ])(
    'of a record in which was altered %s fails, names the epoch and ends with it',
    async (_, change, epoch, figure) => {
      const report = await replayed({ ...run, ...change(run) });
      expect(report).toMatchObject({ outcome: 'differs', firstDifference: epoch });
      expect(report.epochs.at(-1)).toMatchObject({ epoch, differing: expect.arrayContaining([figure]) as unknown });
    },
  );

  it('of other data fails in the first epoch', async () => {
    const labels = dataset.train.labels.map((label, i) => (i % 5 === 0 ? (label + 1) % 10 : label));
    const report = await replayed(run, { dataset: { ...dataset, train: { ...dataset.train, labels } } });
    expect(report).toMatchObject({ outcome: 'differs', firstDifference: 1 });
  });

  it('is ended by its signal', async () => {
    await expect(replayed(run, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
  });
});

const withEpoch = (record: RunBody, epoch: number, change: Partial<RecordedEpoch>): RunBody => ({
  ...record,
  epochs: record.epochs.map((one) => (one.epoch === epoch ? { ...one, ...change } : one)),
});

describe('a distance', () => {
  const weights = (...values: number[]) => [
    {
      name: 'a',
      dtype: 'F32' as const,
      shape: [values.length],
      data: new Uint8Array(Float32Array.from(values).buffer),
    },
  ];
  const of = (recorded: number[], before: number[], replayed: number[], control: number[]) =>
    distanceOf(weights(...recorded), {
      before: weights(...before),
      replayed: weights(...replayed),
      control: weights(...control),
    });

  it('is a share of that from the control', () => {
    expect(of([3, 4], [0, 0], [3, 4], [4, 4])).toEqual({ distance: 0, relative: 0, largest: 0 });
    expect(of([3, 4], [0, 0], [3, 4.5], [4, 4])).toEqual({ distance: 0.5, relative: 0.1, largest: 0.5 });
  });

  it('is a share of a thousandth of the way where the control ends at the record', () => {
    expect(of([3, 4], [0, 0], [3, 4.0005], [3, 4]).distance).toBeCloseTo(0.1, 2);
  });

  it('of weights that no training moved is as large as can be', () => {
    expect(of([3, 4], [3, 4], [3, 5], [3, 4]).distance).toBe(1e9);
  });

  it('of weights of other shapes is refused', () => {
    expect(() => of([3, 4], [0, 0], [3], [4, 4])).toThrow(expect.objectContaining({ code: 'invalid_input' }));
  });
});
