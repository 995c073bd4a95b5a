import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { utf8 } from '../../../../src/core/bytes.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import { inspectWeights } from '../../../../src/core/weights/inspect.ts';
import { keras, MAX_HELD_BYTES } from '../../../../src/core/weights/keras.ts';
import { sha256 } from './fixture.ts';
import { float32, hdf5Of } from './hdf5-fixture.ts';
import type { Made } from './zip-fixture.ts';
import { zipOf } from './zip-fixture.ts';

const folder = new URL('../../../vectors/weights/keras/', import.meta.url);
const vector = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const { files } = JSON.parse(readFileSync(new URL('digests.json', folder), 'utf8')) as {
  files: Record<string, { weightDigest: string; namelessDigest: string }>;
};
const weights = hdf5Of({
  layers: { dense: { vars: { 0: { shape: [2], datatype: float32, data: utf8('8 bytes!') } } } },
}).bytes;
const described: Made[] = [
  { name: 'metadata.json', data: utf8('{"keras_version": "3.15.1"}') },
  { name: 'config.json', data: utf8('{"class_name": "Sequential"}') },
];
const inspect = (bytes: Uint8Array) => inspectWeights(bytesSource(bytes), sha256, { container: 'keras' });

describe('a model that Keras saved', () => {
  test.each(Object.entries(files))('as %s has the digests of its arrays', async (name, digests) => {
    const container = name.endsWith('.keras') ? 'keras' : 'hdf5';
    expect(await inspectWeights(bytesSource(vector(name)), sha256)).toMatchObject({ container, ...digests });
  });

  test('has one nameless digest in all three files of Keras', () => {
    const [first, ...others] = ['model.keras', 'model.weights.h5', 'model.h5'].map(
      (name) => files[name]!.namelessDigest,
    );
    expect(others).toEqual([first, first]);
  });
});

describe('a .keras archive', () => {
  test('gives its tensors at their places in the archive, and what it says of itself', async () => {
    const archive = zipOf(...described, { name: 'model.weights.h5', data: weights });
    const { tensors, metadata } = await inspect(archive);
    expect(tensors).toMatchObject([{ name: 'layers/dense/vars/0', dtype: 'F32', shape: [2] }]);
    const { source, offset, byteLength } = tensors[0]!;
    expect(await source!.read(offset!, byteLength)).toEqual(utf8('8 bytes!'));
    expect(archive.subarray(offset, offset! + byteLength)).toEqual(utf8('8 bytes!'));
    expect(metadata).toEqual({
      'metadata.json': '{"keras_version": "3.15.1"}',
      'config.json': '{"class_name": "Sequential"}',
    });
  });

  test('has the same digests when it was compressed', async () => {
    const stored = await inspect(zipOf({ name: 'model.weights.h5', data: weights }));
    const deflated = await inspect(zipOf({ name: 'model.weights.h5', data: weights, deflate: true }));
    expect(deflated.weightDigest).toBe(stored.weightDigest);
    expect(deflated.tensors[0]!.offset).toBeUndefined();
  });

  test('leaves a long configuration to the file digest', async () => {
    const long: Made = { name: 'config.json', data: new Uint8Array(5000).fill(0x20) };
    expect((await inspect(zipOf(long, { name: 'model.weights.h5', data: weights }))).metadata).toEqual({});
  });

  const large: Made = {
    name: 'model.weights.h5',
    data: new Uint8Array(randomBytes(1 << 20)),
    deflate: true,
    claims: { size: MAX_HELD_BYTES + 1 },
  };
  test.each<[string, string, Made[]]>([
    ['without weights', 'malformed_container', described],
    ['with weights in several files', 'unsupported_container', [{ name: 'model.weights.json', data: utf8('{}') }]],
    ['with weights that are no HDF5', 'malformed_container', [{ name: 'model.weights.h5', data: utf8('weights') }]],
    ['with weights that are cut', 'malformed_container', [{ name: 'model.weights.h5', data: weights.subarray(0, -1) }]],
    [
      'with a configuration that is no text',
      'malformed_container',
      [
        { name: 'config.json', data: Uint8Array.of(0xff) },
        { name: 'model.weights.h5', data: weights },
      ],
    ],
    ['with more compressed weights than are held', 'unsupported_container', [large]],
  ])('%s is refused', async (_, code, entries) => {
    await expect(inspect(zipOf(...entries))).rejects.toMatchObject({ code, field: expect.any(String) });
  });

  test('that is cut is refused at every length', async () => {
    const archive = zipOf(...described, { name: 'model.weights.h5', data: weights });
    for (let length = 0; length < archive.length; length++) {
      await expect(inspect(archive.subarray(0, length))).rejects.toMatchObject({ code: 'malformed_container' });
    }
  });

  test('of another kind, or broken, is none of Keras', async () => {
    const other = zipOf({ name: 'weights.bin', data: weights });
    expect(await keras.recognizes(bytesSource(zipOf({ name: 'model.weights.h5', data: weights })))).toBe(true);
    expect(await keras.recognizes(bytesSource(other))).toBe(false);
    expect(await keras.recognizes(bytesSource(other.subarray(0, 60)))).toBe(false);
  });
});
