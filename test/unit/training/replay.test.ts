import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { RunBody } from '../../../src/core/registry/run.ts';
import { formatDigest } from '../../../src/core/digest.ts';
import { weightDigestOf } from '../../../src/core/weights/digest.ts';
import { writeSafetensors } from '../../../src/core/weights/safetensors.ts';
import { sha256 } from '../../../src/platform/crypto.ts';
import { chooseBackend } from '../../../src/training/backends/index.ts';
import { parseHyperparameters } from '../../../src/training/hyperparameters.ts';
import type { ImageDataset } from '../../../src/training/idx.ts';
import { readIdxFolder } from '../../../src/training/idx.ts';
import type { RecordedEpoch } from '../../../src/training/record.ts';
import { artifactMetadata, recordedEpoch } from '../../../src/training/record.ts';
import type { ReplayedEpoch } from '../../../src/training/replay.ts';
import { replay } from '../../../src/training/replay.ts';
import type { Checkpoint } from '../../../src/training/trainer.ts';
import { train } from '../../../src/training/trainer.ts';
import { removeFolders, smallMnist } from './fixture.ts';

jest.setTimeout(60_000);

const RUN = 'run_00000000000000000000000001';
const EPOCHS = 3;
const other = `sha256:${'0'.repeat(64)}` as const;

let dataset: ImageDataset;
let record: RunBody;

beforeAll(async () => {
  dataset = await readIdxFolder(await smallMnist(992, 200));
  record = await recordOf({ epochs: EPOCHS, hidden: [16], optimizer: 'adam', dropout: 0.1, validationSplit: 0.1 });
});
afterAll(removeFolders);

/** The parts of a run's record that a replay reads, as a worker with one thread makes them. */
async function recordOf(asked: object, simd = true): Promise<RunBody> {
  const backend = await chooseBackend('wasm', { threads: 1, simd });
  const epochs: RecordedEpoch[] = [];
  const { tensors } = await train({
    hyperparameters: parseHyperparameters(asked),
    dataset,
    backend,
    onEpoch: (epoch) => void epochs.push(recordedEpoch(epoch)),
  });
  backend.dispose();
  const fileDigest = formatDigest(sha256(writeSafetensors(tensors, artifactMetadata(RUN))));
  return {
    hyperparameters: asked,
    environment: { ...backend.info },
    epochs,
    result: { ...weightDigestOf(sha256, tensors), fileDigest },
  } as unknown as RunBody;
}

const replayed = (changed: Partial<RunBody> = {}, options: Partial<Parameters<typeof replay>[0]> = {}) =>
  replay({ run: RUN, record: { ...record, ...changed }, dataset, threads: 2, ...options });

const withEpoch = (epoch: number, change: Partial<RecordedEpoch>): Pick<RunBody, 'epochs'> => ({
  epochs: record.epochs.map((one) => (one.epoch === epoch ? { ...one, ...change } : one)),
});

describe('a replay', () => {
  it('makes the weights, the figures and the file on record, with another number of threads', async () => {
    const seen: number[] = [];
    const report = await replayed({}, { onEpoch: ({ epoch }) => void seen.push(epoch) });
    expect(report).toMatchObject({ outcome: 'bit-exact', firstDifference: null });
    expect(report.epochs.map(({ replayed, differing }) => [replayed.weightDigest, differing])).toEqual(
      record.epochs.map(({ weightDigest }) => [weightDigest, []]),
    );
    expect(report.file).toEqual({ recorded: record.result.fileDigest, replayed: record.result.fileDigest });
    expect(seen).toEqual([1, 2, 3]);
  });

  it('of a part ends where it is told, and says nothing of the file', async () => {
    const report = await replayed({}, { to: 2 });
    expect(report).toMatchObject({ outcome: 'bit-exact', file: null });
    expect(report.epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
  });

  it.each([
    ['the seed', () => ({ hyperparameters: { ...record.hyperparameters, seed: 7 } }), 1],
    ['the learning rate', () => ({ hyperparameters: { ...record.hyperparameters, learningRate: 0.0101 } }), 1],
    ['the dropout', () => ({ hyperparameters: { ...record.hyperparameters, dropout: 0.2 } }), 1],
    ['the weights of the second epoch', () => withEpoch(2, { weightDigest: other }), 2],
  ])('of a record in which %s was altered fails, names the epoch and ends with it', async (_, change, epoch) => {
    const report = await replayed(change());
    expect(report).toMatchObject({ outcome: 'differs', firstDifference: epoch, file: null });
    expect(report.epochs.at(-1)).toMatchObject({
      epoch,
      differing: expect.arrayContaining(['weightDigest']) as unknown,
    });
  });

  it.each(['loss', 'trainAccuracy', 'validationAccuracy', 'testAccuracy'] as const)(
    'of a record whose %s was made better fails, names the epoch, and goes on',
    async (figure) => {
      const report = await replayed(withEpoch(2, { [figure]: 0.9999 }));
      expect(report).toMatchObject({ outcome: 'differs', firstDifference: 2 });
      expect(report.epochs.map(({ differing }) => differing)).toEqual([[], [figure], []]);
      expect(report.file!.replayed).toBe(record.result.fileDigest);
    },
  );

  it('of other data fails in the first epoch', async () => {
    const labels = Uint8Array.from(dataset.train.labels);
    labels[0] = (labels[0]! + 1) % 10;
    const report = await replayed({}, { dataset: { ...dataset, train: { ...dataset.train, labels } } });
    expect(report).toMatchObject({ outcome: 'differs', firstDifference: 1 });
  });

  it('of another file fails after the last epoch', async () => {
    const report = await replayed({ result: { ...record.result, fileDigest: other } });
    expect(report).toMatchObject({ outcome: 'differs', firstDifference: null, file: { recorded: other } });
  });

  it.each([
    [
      'a result that its last epoch did not make',
      () => ({ result: { ...record.result, weightDigest: other } }),
      'result.weightDigest',
    ],
    [
      'fewer epochs than its recipe',
      () => ({ epochs: record.epochs.slice(1).map((e, i) => ({ ...e, epoch: i + 1 })) }),
      'epochs',
    ],
    ['an epoch in the wrong place', () => ({ epochs: record.epochs.toReversed() }), 'epochs'],
  ])('refuses a record of %s', async (_, change, field) => {
    await expect(replayed(change())).rejects.toMatchObject({ code: 'invalid_input', field });
  });

  it('of a run that was trained without SIMD uses none, and makes its weights', async () => {
    const plain = await recordOf({ epochs: 1, hidden: [16], seed: 3 }, false);
    expect(plain.environment['variant']).toBe('plain');
    const other = await recordOf({ epochs: 1, hidden: [16], seed: 3 });
    expect(other.result.weightDigest).not.toBe(plain.result.weightDigest);
    expect(await replayed(plain)).toMatchObject({ outcome: 'bit-exact', environment: { variant: 'plain' } });
    expect(await replayed({ ...plain, environment: other.environment })).toMatchObject({ outcome: 'differs' });
  });

  it('says that what was trained on a graphics card cannot be replayed here', async () => {
    const environment = { ...record.environment, backend: 'webgpu' };
    await expect(replayed({ environment })).rejects.toMatchObject({ code: 'backend_unavailable', field: 'backend' });
  });

  it('goes on behind the epoch where an earlier one ended, with the same end', async () => {
    const ends: { epochs: ReplayedEpoch[]; checkpoint: Checkpoint }[] = [];
    const compared: ReplayedEpoch[] = [];
    const whole = await replayed(
      {},
      {
        onEpoch: (epoch, checkpoint) => {
          compared.push(epoch);
          ends.push({ epochs: [...compared], checkpoint });
        },
      },
    );
    const trained: number[] = [];
    const rest = await replayed({}, { resumeFrom: ends[1]!, onEpoch: ({ epoch }) => void trained.push(epoch) });
    expect(trained).toEqual([3]);
    expect([rest.outcome, rest.file]).toEqual(['bit-exact', whole.file]);
    expect(rest.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  });

  it('is ended by its signal', async () => {
    const signal = AbortSignal.abort();
    await expect(replayed({}, { signal })).rejects.toMatchObject({ code: 'cancelled' });
  });
});
