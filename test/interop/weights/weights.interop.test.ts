/**
 * Artifacts in strangers' hands: PyPI's safetensors reads what Muniment writes and writes what Muniment reads, a second
 * implementation of the weight digest agrees with the first, and PyTorch reaches the accuracy on record.
 * Needs Python. Without it the tests are reported as skipped, except in CI, where they fail.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type { Digest } from '../../../src/core/digest.ts';
import { bytesSource } from '../../../src/core/weights/byte-source.ts';
import { weightDigestOf } from '../../../src/core/weights/digest.ts';
import { DTYPES, tensorBytes } from '../../../src/core/weights/dtype.ts';
import { inspectWeights } from '../../../src/core/weights/inspect.ts';
import type { Tensor } from '../../../src/core/weights/safetensors.ts';
import { readSafetensorsHeader, writeSafetensors } from '../../../src/core/weights/safetensors.ts';
import { hashFile } from '../../../src/platform/storage/hash-file.ts';
import { chooseBackend } from '../../../src/training/backends/index.ts';
import { parseHyperparameters } from '../../../src/training/hyperparameters.ts';
import { mnistFolder, readMnist } from '../../../src/training/mnist.ts';
import { train } from '../../../src/training/trainer.ts';
import { containerOf, sha256, vectors } from '../../unit/core/weights/fixture.ts';
import { inCi, preparePython } from './python.ts';

const MINUTE_MS = 60_000;
jest.setTimeout(10 * MINUTE_MS);

const here = fileURLToPath(new URL('.', import.meta.url));
const python = preparePython();
if (python.lacking !== undefined && !inCi) process.stderr.write(`SKIPPED: ${python.lacking}\n`);
const whenPython = python.interpreter !== undefined || inCi ? test : test.skip;
const whenTorch = python.hasTorch || inCi ? test : test.skip;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-weights-'));
});

afterAll(() => rm(folder, { recursive: true }));

function run(script: string, ...args: string[]): string {
  if (python.interpreter === undefined) throw new Error(python.lacking);
  const options = { cwd: here, encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
  const { status, stdout, stderr } = spawnSync(python.interpreter, ['-B', script, ...args], options);
  if (status !== 0) throw new Error(`${script} ended with ${status}: ${stderr}`);
  return stdout;
}

interface Report {
  fileDigest: Digest;
  weightDigest?: Digest;
  namelessDigest?: Digest;
  error?: string;
}

async function reportsOf(files: readonly Uint8Array[]): Promise<Report[]> {
  const paths = files.map((_, i) => join(folder, `${i}.safetensors`));
  for (const [i, path] of paths.entries()) await writeFile(path, files[i]!);
  const lines = run('weight_digest.py', ...paths)
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line) as Report);
}

const one = (dtype: Tensor['dtype'], name: string = dtype): Tensor => {
  const data = new Uint8Array(tensorBytes(dtype, [2, 4], name)).map((_, i) => (dtype === 'BOOL' ? i % 2 : i));
  return { name, dtype, shape: [2, 4], data };
};

describe('PyPI’s safetensors and a second implementation of the digest', () => {
  whenPython('read what Muniment writes, of every type, and find the same digests', async () => {
    const files = [
      writeSafetensors(
        DTYPES.map((dtype) => one(dtype)),
        { id: 'mdl_1', note: 'ä "quoted" \n 😀' },
      ),
      ...DTYPES.map((dtype) => writeSafetensors([one(dtype, 'layer/ü😀')])),
      ...vectors.map(({ tensors }) => writeSafetensors(tensors)),
    ];
    const reports = await reportsOf(files);
    for (const [i, file] of files.entries()) {
      const { weightDigest, namelessDigest } = await inspectWeights(bytesSource(file), sha256);
      expect(reports[i]).toMatchObject({ weightDigest, namelessDigest });
    }
    expect(reports.slice(-vectors.length)).toMatchObject(vectors.map(({ digests }) => digests));
  });

  whenPython('write the fixed vectors as they stand', () => {
    const written = readFileSync(new URL('../../vectors/weights/digest.json', import.meta.url), 'utf8');
    expect(run('make_vectors.py')).toBe(written);
  });

  whenPython('write files that Muniment reads, and the very bytes that it writes', async () => {
    const names: string[] = JSON.parse(run('write_samples.py', folder)) as string[];
    expect(names.length).toBeGreaterThan(4);
    for (const name of names) {
      const path = join(folder, name);
      const [report, theirs] = [await hashFile(path), JSON.parse(run('weight_digest.py', path)) as Report];
      const { fileDigest, weightDigest, namelessDigest } = report;
      expect({ fileDigest, weightDigest, namelessDigest }).toEqual(theirs);
      const bytes = new Uint8Array(readFileSync(path));
      const { tensors, metadata } = await readSafetensorsHeader(bytesSource(bytes));
      const again = writeSafetensors(
        tensors.map(({ offset, byteLength, ...head }) => ({
          ...head,
          data: bytes.subarray(offset, offset + byteLength),
        })),
        metadata,
      );
      expect(Buffer.from(again).equals(bytes)).toBe(true);
    }
  });

  whenPython('refuse, or find another digest, after any one flipped bit, and Muniment with them', async () => {
    const tensors = [one('F32', 'a'), one('U8', 'b'), { ...one('I64', 'c'), shape: [8] }];
    const good = writeSafetensors(tensors, { id: 'mdl_1' });
    const { weightDigest } = weightDigestOf(sha256, tensors);
    const flipped = Array.from({ length: good.length }, (_, place) => {
      const bad = good.slice();
      bad[place]! ^= 1 << ((place * 5) % 8);
      return bad;
    });
    const header = 8 + Number(new DataView(good.buffer).getBigUint64(0, true));
    const seen = { refused: 0, other: 0, same: 0 };
    for (const [place, theirs] of (await reportsOf(flipped)).entries()) {
      const report = inspectWeights(bytesSource(flipped[place]!), sha256, { container: 'safetensors' });
      const ours = await report.then(
        (found) => found,
        (error: { code: string }) => error.code,
      );
      if (typeof ours === 'string') {
        // Muniment may be the stricter one, never the laxer, and refuses nothing that is only other data.
        expect(ours).toBe('malformed_container');
        expect(place).toBeLessThan(header);
        seen.refused++;
        continue;
      }
      expect(theirs).toMatchObject({ weightDigest: ours.weightDigest, namelessDigest: ours.namelessDigest });
      // A bit of the metadata or of a blank changes the file, not the weights.
      if (ours.weightDigest === weightDigest) expect(place).toBeLessThan(header);
      seen[ours.weightDigest === weightDigest ? 'same' : 'other']++;
    }
    expect(seen.refused).toBeGreaterThan(50);
    expect(seen.other).toBeGreaterThanOrEqual(good.length - header);
    expect(seen.same).toBeGreaterThan(0);
  });

  whenPython('refuse the hostile headers that Muniment refuses', async () => {
    const entry = (shape: string, offsets: string) => `{"dtype":"U8","shape":${shape},"data_offsets":${offsets}}`;
    const hostile = [
      containerOf('{}', 0, 2n ** 63n),
      containerOf('{}', 0, 100_000_001n),
      containerOf('{"a":', 0),
      containerOf(`{"a":${entry('[2]', '[0,2]')},"b":${entry('[2]', '[1,3]')}}`, 3),
      containerOf(`{"a":${entry('[1]', '[0,1]')},"b":${entry('[1]', '[2,3]')}}`, 3),
      containerOf(`{"a":${entry('[4]', '[0,4]')}}`, 3),
      containerOf(`{"a":${entry('[1]', '[0,1]')}}`, 3),
      containerOf(`{"a":${entry('[4294967296,4294967297]', '[0,1]')}}`, 1),
      containerOf(`{"a":${entry('[-1]', '[0,1]')}}`, 1),
      containerOf('{"a":{"dtype":"F128","shape":[1],"data_offsets":[0,1]}}', 1),
    ];
    for (const [i, report] of (await reportsOf(hostile)).entries()) {
      expect(report.error).toEqual(expect.any(String));
      await expect(readSafetensorsHeader(bytesSource(hostile[i]!))).rejects.toMatchObject({
        code: 'malformed_container',
      });
    }
  });
});

describe('NumPy', () => {
  whenPython('writes .npy and .npz files that Muniment finds the same digests in', async () => {
    const { read, refused } = JSON.parse(run('write_numpy.py', folder)) as { read: string[]; refused: string[] };
    expect(read.length).toBeGreaterThan(60);
    const paths = read.map((name) => join(folder, name));
    const theirs = run('weight_digest.py', ...paths)
      .trim()
      .split('\n');
    for (const [i, path] of paths.entries()) {
      const { fileDigest, weightDigest, namelessDigest } = await hashFile(path);
      expect([read[i], { fileDigest, weightDigest, namelessDigest }]).toEqual([read[i], JSON.parse(theirs[i]!)]);
    }
    expect(refused.length).toBeGreaterThan(12);
    for (const name of refused) {
      await expect(hashFile(join(folder, name))).rejects.toMatchObject({ code: 'unsupported_container' });
    }
  });
});

describe('TensorFlow.js', () => {
  whenPython('of PyPI writes models that have the digests of the same arrays in NumPy', async () => {
    const models = JSON.parse(run('write_tfjs.py', folder)) as string[];
    expect(models.length).toBeGreaterThan(6);
    for (const model of models) {
      const theirs = JSON.parse(run('weight_digest.py', join(folder, `${model}.npz`))) as Report;
      const { weightDigest, namelessDigest } = await hashFile(join(folder, model, 'model.json'));
      const { weightDigest: weights, namelessDigest: nameless } = theirs;
      expect([model, weightDigest, namelessDigest]).toEqual([model, weights, nameless]);
    }
  });

  test('of npm writes weights that have the digests of the same tensors in safetensors', async () => {
    const kernel = Float32Array.from({ length: 600 }, (_, i) => i / 7);
    const steps = Int32Array.of(1, -2, 3);
    const named = [
      { name: 'dense/kernel', tensor: tf.tensor(kernel, [20, 30]) },
      { name: 'steps', tensor: tf.tensor(steps, [3], 'int32') },
    ];
    const { data, specs } = await tf.io.encodeWeights(named);
    for (const { tensor } of named) tensor.dispose();
    const bytes = new Uint8Array(data);
    const paths = ['group1-shard1of2.bin', 'group1-shard2of2.bin'];
    await writeFile(join(folder, paths[0]!), bytes.subarray(0, 333));
    await writeFile(join(folder, paths[1]!), bytes.subarray(333));
    await writeFile(join(folder, 'model.json'), JSON.stringify({ weightsManifest: [{ paths, weights: specs }] }));
    const tensors: Tensor[] = [
      { name: 'dense/kernel', dtype: 'F32', shape: [20, 30], data: new Uint8Array(kernel.buffer) },
      { name: 'steps', dtype: 'I32', shape: [3], data: new Uint8Array(steps.buffer) },
    ];
    const report = await hashFile(join(folder, 'model.json'));
    expect(report).toMatchObject({ container: 'tfjs', files: 3, ...weightDigestOf(sha256, tensors) });
  });
});

describe('PyTorch', () => {
  whenTorch.each([
    { arch: 'mlp', epochs: 1, learningRate: 0.1 },
    { arch: 'mlp', epochs: 1, learningRate: 0.1, hidden: [64, 32] },
    { arch: 'cnn', epochs: 1, learningRate: 0.1, batchSize: 128 },
  ])('reaches the test accuracy on record with the artifact of %j', async (recipe) => {
    const backend = await chooseBackend('wasm');
    const hyperparameters = parseHyperparameters(recipe);
    const trained = await train({ hyperparameters, dataset: await readMnist(), backend });
    backend.dispose();
    const artifact = join(folder, 'artifact.safetensors');
    await writeFile(artifact, writeSafetensors(trained.tensors, { id: 'run_1' }));
    const theirs = JSON.parse(run('accuracy.py', artifact, mnistFolder())) as { arch: string; accuracy: number };
    const recorded = trained.epochs.at(-1)!.testAccuracy;
    process.stderr.write(`${JSON.stringify(recipe)}: recorded ${recorded}, PyTorch ${theirs.accuracy}\n`);
    expect(theirs).toMatchObject({ arch: recipe.arch, images: 10_000 });
    // Two pictures on the border between two classes may fall to either side by another order of summation.
    expect(Math.abs(theirs.accuracy - recorded)).toBeLessThanOrEqual(0.0002);
    expect(theirs.accuracy).toBeGreaterThan(0.85);
  });
});
