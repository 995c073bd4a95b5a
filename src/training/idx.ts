/**
 * IDX, the container of the MNIST family (http://yann.lecun.com/exdb/mnist): two zero bytes, the element type (0x08 is
 * an unsigned byte), the number of dimensions, each dimension as a big-endian uint32, then the elements, row-major.
 * Images are 3-dimensional unsigned bytes, labels 1-dimensional ones.
 *
 * Whoever supplies the file may lie in its header: the dimensions must multiply to exactly the bytes that follow, and
 * a file's size is bounded before it is read.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { formatDigest } from '../core/digest.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';

/** Larger files are refused unread; Fashion-MNIST's and EMNIST's largest have 47 and 548 MB. */
export const MAX_FILE_BYTES = 640 * 2 ** 20;
/** Larger pictures are refused: their first dense layer alone would not fit the worker. */
export const MAX_PIXELS = 256 * 256;

const UNSIGNED_BYTE = 0x08;

/** One set of labeled pictures; picture `i` is `pixels[i·height·width …]`, row-major, 0 black … 255 white. */
export interface ImageSet {
  count: number;
  height: number;
  width: number;
  pixels: Uint8Array;
  labels: Uint8Array;
}

export interface ImageDataset {
  train: ImageSet;
  test: ImageSet;
  /** Labels are 0 … classes−1. */
  classes: number;
  files: DatasetFile[];
}

export interface DatasetFile {
  name: string;
  bytes: number;
  digest: Digest;
}

export interface DatasetDescription {
  files: DatasetFile[];
  train: { count: number; height: number; width: number };
  test: { count: number; height: number; width: number };
  classes: number;
}

/** Expected digest of each file, by its name. */
export type FileDigests = Readonly<Record<string, Digest>>;

/**
 * Reads a folder of four IDX files named as MNIST names them (`train-images…`, `train-labels…`, and `t10k-…` or
 * `test-…`). With `expected`, the very bytes that are parsed are hashed and compared first.
 * @throws RegistryError `dataset_malformed`, `digest_mismatch`, `not_found`
 */
export async function readIdxFolder(folder: string, expected?: FileDigests): Promise<ImageDataset> {
  const paths = await findFiles(folder);
  const files: DatasetFile[] = [];
  const read = async (path: string): Promise<Uint8Array> => {
    const bytes = await readBounded(path);
    const file = describeFile(path, bytes);
    if (expected !== undefined) requireDigest(file, expected);
    files.push(file);
    return bytes;
  };
  const trainImages = parseIdx(await read(paths.trainImages), paths.trainImages, 3);
  const trainLabels = parseIdx(await read(paths.trainLabels), paths.trainLabels, 1);
  const testImages = parseIdx(await read(paths.testImages), paths.testImages, 3);
  const testLabels = parseIdx(await read(paths.testLabels), paths.testLabels, 1);

  const train = pair(trainImages, trainLabels, paths.trainImages, paths.trainLabels);
  const test = pair(testImages, testLabels, paths.testImages, paths.testLabels);
  if (test.height !== train.height || test.width !== train.width) {
    throw malformed(
      paths.testImages,
      `has pictures of ${test.height}×${test.width}, the training set of ${train.height}×${train.width}`,
      'Give training and test pictures the same size.',
    );
  }
  const classes = Math.max(2, largest(train.labels) + 1);
  const foreign = test.labels.findIndex((label) => label >= classes);
  if (foreign !== -1) {
    throw malformed(
      paths.testLabels,
      `has the label ${test.labels[foreign]} at ${foreign}, but the training set has only ${classes} classes`,
      `Use labels 0 to ${classes - 1}.`,
    );
  }
  return { train, test, classes, files };
}

/** What registering a folder as a dataset needs to know of it. @throws as `readIdxFolder` */
export async function describeIdxFolder(folder: string): Promise<DatasetDescription> {
  const { files, train, test, classes } = await readIdxFolder(folder);
  const shape = ({ count, height, width }: ImageSet) => ({ count, height, width });
  return { files, train: shape(train), test: shape(test), classes };
}

/**
 * Hashes the folder's four files and compares.
 * @throws RegistryError `digest_mismatch` naming the file that differs; `dataset_malformed`, `not_found`
 */
export async function verifyDataset(folder: string, expected: FileDigests): Promise<DatasetFile[]> {
  const files: DatasetFile[] = [];
  for (const path of Object.values(await findFiles(folder))) {
    const file = describeFile(path, await readBounded(path));
    requireDigest(file, expected);
    files.push(file);
  }
  return files;
}

export interface IdxArray {
  dimensions: number[];
  elements: Uint8Array;
}

/** Parses unsigned bytes of the given rank; `elements` is a view of `bytes`. @throws RegistryError `dataset_malformed` */
export function parseIdx(bytes: Uint8Array, path: string, rank: 1 | 3): IdxArray {
  const headerLength = 4 + 4 * rank;
  if (bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b) {
    throw malformed(path, 'is compressed with gzip', 'Unpack it with gunzip.');
  }
  if (bytes.length < headerLength) {
    throw malformed(path, `ends inside its header of ${headerLength} bytes`, 'Copy or download the file again.');
  }
  const magic = [bytes[0], bytes[1], bytes[2], bytes[3]];
  if (magic[0] !== 0 || magic[1] !== 0 || magic[2] !== UNSIGNED_BYTE || magic[3] !== rank) {
    throw malformed(
      path,
      `starts with ${magic.map((byte) => byte?.toString(16).padStart(2, '0')).join(' ')}, not with 00 00 08 0${rank}`,
      `Use IDX with unsigned bytes in ${rank} ${rank === 1 ? 'dimension for labels' : 'dimensions for pictures'}.`,
    );
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset, headerLength);
  const dimensions = Array.from({ length: rank }, (_, i) => header.getUint32(4 + 4 * i));
  // Exact in a double or larger than any file: either way the comparison below decides.
  const size = dimensions.reduce((product, dimension) => product * dimension, 1);
  if (size === 0) throw malformed(path, 'is empty', 'Give at least one picture of at least one pixel.');
  if (size !== bytes.length - headerLength) {
    throw malformed(
      path,
      `announces ${dimensions.join('×')} bytes but holds ${bytes.length - headerLength}`,
      'Copy or download the file again.',
    );
  }
  return { dimensions, elements: bytes.subarray(headerLength) };
}

const ROLES = {
  trainImages: /^train-images/,
  trainLabels: /^train-labels/,
  testImages: /^(?:t10k|test)-images/,
  testLabels: /^(?:t10k|test)-labels/,
} as const;

async function findFiles(folder: string): Promise<Record<keyof typeof ROLES, string>> {
  let names: string[];
  try {
    names = (await readdir(folder, { withFileTypes: true })).filter((entry) => !entry.isDirectory()).map((e) => e.name);
  } catch (cause) {
    throw new RegistryError('not_found', `The dataset folder "${folder}" cannot be read.`, {
      field: 'folder',
      fix: 'Name an existing folder with four IDX files.',
      cause,
    });
  }
  const find = (role: keyof typeof ROLES): string => {
    const matches = names.filter((name) => ROLES[role].test(name));
    const [name] = matches;
    if (name !== undefined && matches.length === 1) return join(folder, name);
    const pattern = ROLES[role].source.slice(1).replace('(?:t10k|test)', 't10k');
    throw new RegistryError(
      'dataset_malformed',
      `The folder "${folder}" has ${matches.length === 0 ? 'no' : 'more than one'} file named "${pattern}…".`,
      { field: pattern, fix: `Put exactly one IDX file there whose name starts with "${pattern}".` },
    );
  };
  return {
    trainImages: find('trainImages'),
    trainLabels: find('trainLabels'),
    testImages: find('testImages'),
    testLabels: find('testLabels'),
  };
}

async function readBounded(path: string): Promise<Uint8Array> {
  // Not waiting for a writer: the name may be that of a pipe.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw malformed(path, 'is not a regular file', 'Put the IDX file itself there.');
    if (stat.size > MAX_FILE_BYTES) {
      throw malformed(path, `has ${stat.size} bytes`, `Keep a file within ${MAX_FILE_BYTES} bytes.`);
    }
    const bytes = new Uint8Array(stat.size);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, filled);
      if (bytesRead === 0) throw malformed(path, 'became shorter while it was read', 'Leave it alone and try again.');
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

function pair(images: IdxArray, labels: IdxArray, imagesPath: string, labelsPath: string): ImageSet {
  const [count = 0, height = 0, width = 0] = images.dimensions;
  if (height * width > MAX_PIXELS) {
    throw malformed(imagesPath, `has pictures of ${height}×${width}`, `Keep a picture within ${MAX_PIXELS} pixels.`);
  }
  if (labels.dimensions[0] !== count) {
    throw malformed(
      labelsPath,
      `has ${labels.dimensions[0]} labels for ${count} pictures`,
      'Use the label file that belongs to the pictures.',
    );
  }
  return { count, height, width, pixels: images.elements, labels: labels.elements };
}

function describeFile(path: string, bytes: Uint8Array): DatasetFile {
  return {
    name: basename(path),
    bytes: bytes.length,
    digest: formatDigest(createHash('sha256').update(bytes).digest()),
  };
}

function requireDigest(file: DatasetFile, expected: FileDigests): void {
  const wanted = Object.hasOwn(expected, file.name) ? expected[file.name] : undefined;
  if (wanted === file.digest) return;
  throw new RegistryError(
    'digest_mismatch',
    wanted === undefined
      ? `The dataset on record has no file "${file.name}".`
      : `The file "${file.name}" has the digest ${file.digest}, on record is ${wanted}.`,
    { field: file.name, fix: 'Restore the registered files, or register this folder as a new dataset.' },
  );
}

function largest(labels: Uint8Array): number {
  return labels.reduce((max, label) => (label > max ? label : max), 0);
}

function malformed(path: string, what: string, fix: string): RegistryError {
  return new RegistryError('dataset_malformed', `The file "${basename(path)}" ${what}.`, {
    field: basename(path),
    fix,
  });
}
