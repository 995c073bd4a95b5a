import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { formatDigest } from '../../../../src/core/digest.ts';
import { MNIST_DIGESTS } from '../../../../src/training/mnist.ts';
import {
  filesByRole,
  isBundled,
  MAX_DATA_BYTES,
  readData,
  sweepData,
} from '../../../../src/training/worker/data-files.ts';
import { idx } from '../fixture.ts';
import { makeStore, pieces, removeFolders } from './fixture.ts';

afterAll(removeFolders);

const file = (name: string, bytes: Uint8Array) => ({
  name,
  bytes: bytes.length,
  digest: formatDigest(createHash('sha256').update(bytes).digest()),
  content: bytes,
});

const pictures = (count: number) =>
  idx(
    [count, 2, 2],
    Uint8Array.from({ length: 4 * count }, (_, i) => i),
  );
const labels = (count: number) =>
  idx(
    [count],
    Uint8Array.from({ length: count }, (_, i) => i % 2),
  );

const dataset = () => [
  file('train-images-idx3-ubyte', pictures(4)),
  file('train-labels-idx1-ubyte', labels(4)),
  file('t10k-images-idx3-ubyte', pictures(2)),
  file('t10k-labels-idx1-ubyte', labels(2)),
];

const leftovers = async () =>
  (await readdir(tmpdir())).filter((name) => name.startsWith(`muniment-data-${process.pid}-`));

describe('the files of a dataset', () => {
  it('are found by what their names begin with, others are left alone', () => {
    const readme = file('README.md', new Uint8Array(1));
    const found = filesByRole([readme, ...dataset()]);
    expect([...found].map(([role, { name }]) => [role, name.slice(0, 12)])).toEqual([
      ['train-images', 'train-images'],
      ['train-labels', 'train-labels'],
      ['t10k-images', 't10k-images-'],
      ['t10k-labels', 't10k-labels-'],
    ]);
  });

  it('are refused when one is missing or two are of a kind', () => {
    expect(() => filesByRole(dataset().slice(1))).toThrow(expect.objectContaining({ code: 'dataset_malformed' }));
    const twice = [...dataset(), file('test-labels', labels(2))];
    expect(() => filesByRole(twice)).toThrow(expect.objectContaining({ code: 'dataset_malformed' }));
  });

  it('are refused when they are more than a worker holds', () => {
    const [first, ...rest] = dataset();
    expect(() => filesByRole([{ ...first!, bytes: MAX_DATA_BYTES }, ...rest])).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
  });

  it('are read from the store, and nothing is left on the disk', async () => {
    const store = await makeStore();
    for (const { digest, content } of dataset()) await store.put(digest, pieces(content));
    const { train, test, classes } = await readData(dataset(), store);
    expect([train.count, test.count, train.height, classes]).toEqual([4, 2, 2, 2]);
    expect([...train.pixels]).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect(await leftovers()).toEqual([]);
  });

  it('whose names lead out of a folder are read all the same, from inside', async () => {
    const store = await makeStore();
    const named = dataset().map((each) => ({ ...each, name: `${each.name}/../../../../etc/muniment-escape` }));
    for (const { digest, content } of named) await store.put(digest, pieces(content));
    expect((await readData(named, store)).train.count).toBe(4);
    await expect(stat('/etc/muniment-escape')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('that are not in the store are named, and nothing is left on the disk', async () => {
    await expect(readData(dataset(), await makeStore())).rejects.toMatchObject({ code: 'not_found' });
    expect(await leftovers()).toEqual([]);
  });

  it('that come with the program are the four of MNIST', () => {
    expect(Object.values(MNIST_DIGESTS).every(isBundled)).toBe(true);
    expect(isBundled(`sha256:${'0'.repeat(64)}`)).toBe(false);
  });
});

it('sweeps away what dead workers left, and nothing of living ones', async () => {
  const dead = join(tmpdir(), 'muniment-data-4194999-abc');
  const living = join(tmpdir(), `muniment-data-${process.pid}-abc`);
  await mkdir(dead, { recursive: true });
  await mkdir(living, { recursive: true });
  await sweepData();
  await expect(stat(dead)).rejects.toMatchObject({ code: 'ENOENT' });
  expect((await stat(living)).isDirectory()).toBe(true);
  await rm(living, { recursive: true });
});
