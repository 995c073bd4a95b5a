import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { utf8 } from '../../../../src/core/bytes.ts';
import { writeSafetensors } from '../../../../src/core/weights/safetensors.ts';
import { mainFileIn } from '../../../../src/platform/storage/model-folder.ts';

const weights = (name: string) => writeSafetensors([{ name, dtype: 'U8', shape: [1], data: Uint8Array.of(1) }]);
const index = (map: Record<string, string>) => utf8(JSON.stringify({ weight_map: map }));
const tfjs = (...paths: string[]) =>
  utf8(
    JSON.stringify({
      weightsManifest: [{ paths, weights: [{ name: 'w', dtype: 'bool', shape: [2 * paths.length] }] }],
    }),
  );
const beside = {
  'config.json': utf8('{"layers": 2}'),
  'README.md': utf8('# A model'),
  '.hidden.safetensors': weights('h'),
};

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-folder-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function mainOf(files: Record<string, Uint8Array>): Promise<string> {
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  return (await mainFileIn(folder)).slice(folder.length + 1);
}

describe('the model in a folder', () => {
  test.each<[string, Record<string, Uint8Array>, string]>([
    ['its one file of weights', { 'model.safetensors': weights('a') }, 'model.safetensors'],
    ['its one file of weights, whatever it is called', { 'weights.bin': weights('a') }, 'weights.bin'],
    [
      'a broken file of weights, which is refused when it is hashed',
      { 'model.safetensors': utf8('broken') },
      'model.safetensors',
    ],
    [
      'the index of its shards',
      {
        '1.safetensors': weights('a'),
        '2.safetensors': weights('b'),
        'z.safetensors.index.json': index({ a: '1.safetensors', b: '2.safetensors' }),
      },
      'z.safetensors.index.json',
    ],
    [
      'an index whose shards lie below it',
      {
        'part/1.safetensors': weights('a'),
        'part/2.safetensors': weights('b'),
        'm.safetensors.index.json': index({ a: 'part/1.safetensors' }),
      },
      'm.safetensors.index.json',
    ],
    [
      'the manifest of its files',
      { 'model.json': tfjs('a.bin', 'b.bin'), 'a.bin': utf8('12'), 'b.bin': utf8('34') },
      'model.json',
    ],
  ])('is %s, whatever lies beside it', async (_, files, main) => {
    expect(await mainOf({ ...files, ...beside })).toBe(main);
  });

  test.each<[string, Record<string, Uint8Array>, RegExp]>([
    [
      'two files of weights',
      { 'a.safetensors': weights('a'), 'b.npy': utf8('x') },
      /2 models: a\.safetensors, b\.npy\./,
    ],
    [
      'an index and a file that it does not name',
      {
        '1.safetensors': weights('a'),
        'extra.safetensors': weights('b'),
        'm.safetensors.index.json': index({ a: '1.safetensors' }),
      },
      /2 models: extra\.safetensors, m\.safetensors\.index\.json\./,
    ],
    ['shards without an index', { '1.safetensors': weights('a'), '2.safetensors': weights('b') }, /2 models/],
    ['no weights', { 'model.txt': utf8('x') }, /no file of weights/],
    ['weights in a folder below it alone', { 'sub/model.safetensors': weights('a') }, /no file of weights/],
  ])('with %s is not told, and the error says what to name', async (_, files, said) => {
    await expect(mainOf({ ...files, ...beside })).rejects.toMatchObject({
      code: 'usage',
      field: 'path',
      message: expect.stringMatching(said),
      fix: expect.stringContaining('Name the file'),
    });
  });

  test('is found in no folder but this one', async () => {
    const away = index({ a: '../away.safetensors' });
    expect(await mainOf({ 'm.safetensors.index.json': away })).toBe('m.safetensors.index.json');
  });

  test('names ten of many', async () => {
    const files = Array.from({ length: 12 }, (_, i) => [`${10 + i}.safetensors`, weights('a')] as const);
    await expect(mainOf(Object.fromEntries(files))).rejects.toThrow(
      /12 models: 10\.safetensors, .*19\.safetensors, and others\./,
    );
  });
});
