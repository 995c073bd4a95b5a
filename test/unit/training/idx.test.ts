import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, open, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Digest } from '../../../src/core/digest.ts';
import type { FileDigests } from '../../../src/training/idx.ts';
import { describeIdxFolder, readIdxFolder, verifyDataset } from '../../../src/training/idx.ts';
import { MAX_FILE_BYTES, parseIdx } from '../../../src/training/idx.ts';
import { emptyFolder, idx, NAMES, removeFolders } from './fixture.ts';

const pixels = Uint8Array.from({ length: 3 * 2 * 2 }, (_, i) => i);
const sound = {
  [NAMES.trainImages]: idx([3, 2, 2], pixels),
  [NAMES.trainLabels]: idx([3], Uint8Array.of(0, 2, 1)),
  [NAMES.testImages]: idx([1, 2, 2], pixels.subarray(0, 4)),
  [NAMES.testLabels]: idx([1], Uint8Array.of(2)),
};

afterEach(removeFolders);

async function folderOf(files: Record<string, Uint8Array>): Promise<string> {
  const folder = await emptyFolder();
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
  return folder;
}

const digestOf = (bytes: Uint8Array): Digest => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('reading a folder of IDX files', () => {
  it('gives back exactly the pictures and labels that were written', async () => {
    const { train, test, classes } = await readIdxFolder(await folderOf(sound));
    expect({ ...train, pixels: [...train.pixels], labels: [...train.labels] }).toEqual({
      count: 3,
      height: 2,
      width: 2,
      pixels: [...pixels],
      labels: [0, 2, 1],
    });
    expect([test.count, test.height, test.width, ...test.labels]).toEqual([1, 2, 2, 2]);
    expect(classes).toBe(3);
  });

  it('takes test-… for t10k-… and any ending, as other data sets of the family name their files', async () => {
    const folder = await folderOf({
      'train-images.idx3-ubyte': sound[NAMES.trainImages],
      'train-labels.idx1-ubyte': sound[NAMES.trainLabels],
      'test-images.idx3-ubyte': sound[NAMES.testImages],
      'test-labels.idx1-ubyte': sound[NAMES.testLabels],
    });
    expect((await readIdxFolder(folder)).test.count).toBe(1);
  });

  it('describes a folder with size and digest of each file, for registering it', async () => {
    expect(await describeIdxFolder(await folderOf(sound))).toEqual({
      files: Object.entries(sound).map(([name, bytes]) => ({ name, bytes: bytes.length, digest: digestOf(bytes) })),
      train: { count: 3, height: 2, width: 2 },
      test: { count: 1, height: 2, width: 2 },
      classes: 3,
    });
  });
});

describe('a malformed IDX folder', () => {
  const compressed = Buffer.concat([Buffer.of(0x1f, 0x8b, 8, 0), Buffer.alloc(40)]);
  const int32Type = Buffer.from(sound[NAMES.trainImages]);
  int32Type[2] = 0x0c;
  const cases: [string, Record<string, Uint8Array | undefined>, RegExp][] = [
    ['a missing file', { [NAMES.testLabels]: undefined }, /no file named "t10k-labels…"/],
    [
      'two files for one role',
      { 'train-images-2': sound[NAMES.trainImages] },
      /more than one file named "train-images…"/,
    ],
    ['an empty file', { [NAMES.trainImages]: new Uint8Array(0) }, /ends inside its header of 16 bytes/],
    [
      'a file that ends inside its header',
      { [NAMES.trainLabels]: Buffer.of(0, 0, 8, 1, 0, 0) },
      /ends inside its header/,
    ],
    ['a file still compressed with gzip', { [NAMES.trainImages]: compressed }, /is compressed with gzip/],
    ['labels where pictures belong', { [NAMES.trainImages]: idx([12], pixels) }, /starts with 00 00 08 01/],
    ['pictures where labels belong', { [NAMES.trainLabels]: sound[NAMES.trainImages] }, /starts with 00 00 08 03/],
    ['elements that are not bytes', { [NAMES.trainImages]: int32Type }, /starts with 00 00 0c 03/],
    [
      'a magic number that is not IDX',
      { [NAMES.trainImages]: Buffer.from('PK\x03\x04, as a zip file starts') },
      /starts with 50 4b/,
    ],
    [
      'fewer pixels than announced',
      { [NAMES.trainImages]: idx([4, 2, 2], pixels) },
      /announces 4×2×2 bytes but holds 12/,
    ],
    [
      'bytes after the last pixel',
      { [NAMES.trainImages]: idx([2, 2, 2], pixels) },
      /announces 2×2×2 bytes but holds 12/,
    ],
    [
      'dimensions whose product overflows 64 bits',
      { [NAMES.trainImages]: idx([0xffffffff, 0xffffffff, 0xffffffff], pixels) },
      /announces 4294967295×4294967295×4294967295 bytes/,
    ],
    ['no pictures at all', { [NAMES.trainImages]: idx([0, 2, 2], new Uint8Array(0)) }, /is empty/],
    ['pictures without width', { [NAMES.trainImages]: idx([3, 2, 0], new Uint8Array(0)) }, /is empty/],
    [
      'pictures too large to train on',
      { [NAMES.trainImages]: idx([3, 1, 100_000], new Uint8Array(300_000)) },
      /has pictures of 1×100000/,
    ],
    ['fewer labels than pictures', { [NAMES.trainLabels]: idx([2], Uint8Array.of(0, 1)) }, /2 labels for 3 pictures/],
    ['more labels than pictures', { [NAMES.testLabels]: idx([2], Uint8Array.of(0, 1)) }, /2 labels for 1 pictures/],
    ['a test label that was never trained on', { [NAMES.testLabels]: idx([1], Uint8Array.of(3)) }, /label 3 at 0/],
    [
      'test pictures of another size',
      { [NAMES.testImages]: idx([1, 1, 4], pixels.subarray(0, 4)) },
      /pictures of 1×4, the training set of 2×2/,
    ],
  ];
  it.each(cases)('is refused by name for %s', async (_what, changes, message) => {
    const files = Object.entries({ ...sound, ...changes }).filter(([, bytes]) => bytes !== undefined);
    const folder = await folderOf(Object.fromEntries(files));
    await expect(readIdxFolder(folder)).rejects.toMatchObject({
      code: 'dataset_malformed',
      message: expect.stringMatching(message),
      field: expect.stringMatching(/^(?:train|t10k)-(?:images|labels)/),
      fix: expect.stringMatching(/\.$/),
    });
  });

  it('is refused before a file of several gigabytes is read', async () => {
    const folder = await folderOf(sound);
    await truncate(join(folder, NAMES.trainImages), MAX_FILE_BYTES + 1);
    await expect(readIdxFolder(folder)).rejects.toMatchObject({ code: 'dataset_malformed', field: NAMES.trainImages });
  });

  it('is refused when a name belongs to a device instead of a file', async () => {
    const folder = await folderOf(sound);
    await rm(join(folder, NAMES.trainImages));
    await symlink('/dev/zero', join(folder, NAMES.trainImages));
    await expect(readIdxFolder(folder)).rejects.toMatchObject({ code: 'dataset_malformed' });
  });

  it('is refused, not waited for, when a name belongs to a pipe', async () => {
    const folder = await folderOf(sound);
    await rm(join(folder, NAMES.trainImages));
    await promisify(execFile)('mkfifo', [join(folder, NAMES.trainImages)]);
    await expect(readIdxFolder(folder)).rejects.toMatchObject({ code: 'dataset_malformed', field: NAMES.trainImages });
  });

  it('is not found where there is no folder', async () => {
    const missing = join(await emptyFolder(), 'missing');
    await expect(readIdxFolder(missing)).rejects.toMatchObject({ code: 'not_found', field: 'folder' });
  });

  it('does not take a subfolder for a file', async () => {
    const folder = await folderOf(sound);
    await mkdir(join(folder, 'train-images-unpacked'));
    expect((await readIdxFolder(folder)).train.count).toBe(3);
  });
});

describe('a dataset on record', () => {
  const onRecord: FileDigests = Object.fromEntries(Object.entries(sound).map(([name, b]) => [name, digestOf(b)]));

  it('is read when every file has the digest on record', async () => {
    const folder = await folderOf(sound);
    expect((await readIdxFolder(folder, onRecord)).train.count).toBe(3);
    expect(await verifyDataset(folder, onRecord)).toHaveLength(4);
  });

  it.each(Object.keys(sound))('is refused when one bit of %s differs', async (name) => {
    const folder = await folderOf(sound);
    const file = await open(join(folder, name), 'r+');
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    await file.read(last, 0, 1, size - 1);
    await file.write(Buffer.of((last[0] as number) ^ 1), 0, 1, size - 1);
    await file.close();
    await expect(verifyDataset(folder, onRecord)).rejects.toMatchObject({ code: 'digest_mismatch', field: name });
    await expect(readIdxFolder(folder, onRecord)).rejects.toMatchObject({ code: 'digest_mismatch', field: name });
  });

  it('is refused when a file has another name than on record', async () => {
    const { [NAMES.trainImages]: images, ...others } = sound;
    const folder = await folderOf({ ...others, 'train-images-renamed': images });
    await expect(verifyDataset(folder, onRecord)).rejects.toMatchObject({
      code: 'digest_mismatch',
      field: 'train-images-renamed',
    });
  });
});

describe('one IDX file', () => {
  it('is parsed from the middle of a larger buffer', () => {
    const whole = Buffer.concat([Buffer.of(9, 9, 9), idx([2], Uint8Array.of(7, 8))]);
    const { dimensions, elements } = parseIdx(whole.subarray(3), 'labels', 1);
    expect([dimensions, [...elements]]).toEqual([[2], [7, 8]]);
  });
});
