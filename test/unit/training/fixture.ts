/** Small MNIST-shaped data, real IDX files in a folder of their own, and training in a process of its own. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Tensor } from '../../../src/core/weights/safetensors.ts';
import type { BackendInfo } from '../../../src/training/backends/index.ts';
import { readMnist } from '../../../src/training/mnist.ts';
import type { ImageSet } from '../../../src/training/idx.ts';

export const NAMES = {
  trainImages: 'train-images-idx3-ubyte',
  trainLabels: 'train-labels-idx1-ubyte',
  testImages: 't10k-images-idx3-ubyte',
  testLabels: 't10k-labels-idx1-ubyte',
} as const;

/** An IDX file of unsigned bytes; `dimensions` may lie. */
export function idx(dimensions: readonly number[], elements: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * dimensions.length);
  header.writeUInt32BE(0x0800 + dimensions.length);
  dimensions.forEach((dimension, i) => header.writeUInt32BE(dimension, 4 + 4 * i));
  return Buffer.concat([header, elements]);
}

const folders: string[] = [];

export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'muniment-training-'));
  folders.push(folder);
  return folder;
}

export async function removeFolders(): Promise<void> {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
}

/** The first pictures of MNIST as a folder of IDX files. */
export async function smallMnist(trainCount: number, testCount: number): Promise<string> {
  const folder = await emptyFolder();
  const { train, test } = await readMnist();
  const write = async (set: ImageSet, count: number, images: string, labels: string) => {
    const size = set.height * set.width;
    await writeFile(join(folder, images), idx([count, set.height, set.width], set.pixels.subarray(0, count * size)));
    await writeFile(join(folder, labels), idx([count], set.labels.subarray(0, count)));
  };
  await write(train, trainCount, NAMES.trainImages, NAMES.trainLabels);
  await write(test, testCount, NAMES.testImages, NAMES.testLabels);
  return folder;
}

/** Names, shapes and bytes of all tensors in one hash. */
export function hashTensors(tensors: readonly Tensor[]): string {
  const hash = createHash('sha256');
  for (const { name, shape, data } of tensors) hash.update(`${name} ${shape.join()}\n`).update(data);
  return hash.digest('hex');
}

export interface ChildRequest {
  folder: string;
  backend: string;
  threads?: number;
  hyperparameters: Record<string, unknown>;
}

export interface ChildAnswer {
  info: BackendInfo;
  skipped: string[];
  epochs: { epoch: number; loss: number; testAccuracy: number; digest: string }[];
  /** Of the last epoch, base64 of the bytes. */
  tensors: { name: string; shape: number[]; data: string }[];
}

/** Trains in a process of its own. Its own errors come back as a rejection with what it wrote to stderr. */
export async function trainInChild(request: ChildRequest, env: NodeJS.ProcessEnv = {}): Promise<ChildAnswer> {
  const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', path('../../support/typescript-loader.js'), path('train-child.ts'), JSON.stringify(request)],
    { env: { ...process.env, NODE_OPTIONS: '', ...env }, maxBuffer: 2 ** 28 },
  );
  return JSON.parse(stdout) as ChildAnswer;
}
