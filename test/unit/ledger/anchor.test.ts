import { mkdtemp, readdir, readFile, rm, stat, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Anchor } from '../../../src/ledger/anchor.ts';
import type { Head } from '../../../src/ledger/anchor.ts';

let folder: string;
let anchor: Anchor;

const head = (size: number): Head => ({ size, root: new Uint8Array(32).fill(size % 256) });
const text = ({ size, root }: Head) => `${size}\n${Buffer.from(root).toString('base64')}\n`;
const file = async () => join(folder, (await readdir(folder))[0]!);

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'muniment-anchor-')), 'anchor');
  anchor = new Anchor(folder, 'abcd');
});
afterEach(async () => {
  await anchor.close();
  await rm(join(folder, '..'), { recursive: true });
});

test('holds the newest head in one file, whatever was in it before', async () => {
  expect(await anchor.read()).toBeUndefined();
  for (const size of [0, 9, 10, 12_345]) {
    await anchor.put(head(size));
    expect(await readFile(await file(), 'utf8')).toBe(text(head(size)));
  }
  expect(await readdir(folder)).toHaveLength(1);
  expect((await stat(await file())).mode & 0o777).toBe(0o600);
  const read = await new Anchor(folder, 'abcd').read();
  expect({ size: read?.size, root: Buffer.from(read!.root) }).toEqual({
    size: 12_345,
    root: Buffer.from(head(12_345).root),
  });
});

test('never goes back, whoever comes late', async () => {
  await Promise.all([anchor.put(head(7)), anchor.put(head(5)), anchor.put(head(8)), anchor.put(head(6))]);
  expect(await readFile(await file(), 'utf8')).toBe(text(head(8)));
  expect(anchor.newest?.size).toBe(8);
});

test('comes back when another process took it for one that was left behind', async () => {
  await anchor.put(head(1));
  await unlink(await file());
  await anchor.put(head(2));
  expect(await readFile(await file(), 'utf8')).toBe(text(head(2)));
  await rm(folder, { recursive: true });
  await anchor.put(head(3));
  expect(await readFile(await file(), 'utf8')).toBe(text(head(3)));
});

test('says so when it cannot be written', async () => {
  await anchor.put(head(1));
  const blocked = new Anchor(join(import.meta.filename, 'anchor'), 'abcd');
  await expect(blocked.put(head(2))).rejects.toThrow('ENOTDIR');
  expect(blocked.newest).toBeUndefined();
});
