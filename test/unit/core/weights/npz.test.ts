import { describe, expect, test } from '@jest/globals';
import { utf8 } from '../../../../src/core/bytes.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import type { ByteSource } from '../../../../src/core/weights/byte-source.ts';
import { CHUNK_BYTES, weightDigestOf } from '../../../../src/core/weights/digest.ts';
import { containerCalled, inspectWeights } from '../../../../src/core/weights/inspect.ts';
import { npz } from '../../../../src/core/weights/npz.ts';
import { BAND_BYTES } from '../../../../src/core/weights/strided.ts';
import { sha256 } from './fixture.ts';
import { headerOf, npyOf } from './npy-fixture.ts';
import { readOrRefused } from './read-or-refused.ts';
import type { Made } from './zip-fixture.ts';
import { zipOf } from './zip-fixture.ts';

const inspect = (...entries: Made[]) => inspectWeights(bytesSource(zipOf(...entries)), sha256, { container: 'npz' });
const [little, big, turned] = [
  Uint8Array.of(1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0),
  Uint8Array.of(0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6),
  Uint8Array.of(1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6, 0),
];
const kernel = { name: 'dense/kernel', dtype: 'I16' as const, shape: [2, 3], data: little };
const bias = { name: 'dense/bias', dtype: 'U8' as const, shape: [2], data: Uint8Array.of(8, 9) };
const expected = weightDigestOf(sha256, [kernel, bias]);
const biasFile = { name: 'dense/bias.npy', data: npyOf(headerOf('|u1', [2]), bias.data) };
const kernelFile = (descr: string, fortran: boolean, data: Uint8Array) => ({
  name: 'dense/kernel.npy',
  data: npyOf(headerOf(descr, [2, 3], fortran), data),
});

describe('a .npz file', () => {
  test.each([
    ['in C order', kernelFile('<i2', false, little)],
    ['in big endian', kernelFile('>i2', false, big)],
    ['in Fortran order', kernelFile('<i2', true, turned)],
  ])('gives the weights of its arrays by name, stored or deflated, %s', async (_, file) => {
    for (const deflate of [false, true]) {
      const report = await inspect({ ...file, deflate }, { ...biasFile, deflate: !deflate });
      expect(report).toMatchObject({ container: 'npz', ...expected, parameters: 8 });
    }
  });

  test('is told by its first member, which no other zip has', async () => {
    expect(await inspectWeights(bytesSource(zipOf(biasFile)), sha256)).toMatchObject({ container: 'npz' });
    const other = zipOf({ name: 'archive/data.pkl', data: utf8('.') }, biasFile);
    expect(await npz.recognizes(bytesSource(other))).toBe(false);
    expect(containerCalled('/models/a.npz')).toBe('npz');
  });

  test('takes one ending from a name, and refuses a name that leads out of the archive', async () => {
    expect((await inspect({ ...biasFile, name: 'a/b.c.npy.npy' })).tensors[0]!.name).toBe('a/b.c.npy');
    await expect(inspect({ ...biasFile, name: '../a.npy' })).rejects.toMatchObject({ code: 'malformed_container' });
  });

  test.each([
    ['a pickle', { name: 'a.npy', data: npyOf(headerOf('|O', [1]), utf8('cos\nsystem\n.')) }, 'a.descr'],
    ['something that is no array', { name: 'config.json', data: utf8('{}') }, 'config.json'],
    ['an array by another name', { name: 'weights', data: biasFile.data }, 'weights'],
  ])('with %s is named as not read here', async (_, entry, field) => {
    for (const deflate of [false, true]) {
      await expect(inspect(biasFile, { ...entry, deflate })).rejects.toMatchObject({
        code: 'unsupported_container',
        field,
      });
    }
  });

  test.each([
    ['is cut', { name: 'a.npy', data: biasFile.data.subarray(0, -1) }, 'a.shape'],
    ['goes on', { name: 'a.npy', data: Uint8Array.of(...biasFile.data, 0) }, 'a.shape'],
    ['has a member that is none', { name: 'a.npy', data: utf8('not an array, but text') }, 'a.header'],
    ['has one of no bytes', { name: 'a.npy', data: new Uint8Array(0) }, 'a.header'],
  ])('with an array that %s is refused', async (_, entry, field) => {
    for (const deflate of [false, true]) {
      await expect(inspect({ ...entry, deflate })).rejects.toMatchObject({ code: 'malformed_container', field });
    }
  });

  test('without an array is refused', async () => {
    await expect(inspect()).rejects.toMatchObject({ code: 'malformed_container' });
  });

  test('reads and inflates many MiB in pieces', async () => {
    const length = 20 * CHUNK_BYTES;
    const data = npyOf(headerOf('>u2', [length / 2]), new Uint8Array(length).fill(7));
    for (const deflate of [false, true]) {
      const source = bytesSource(zipOf({ name: 'a.npy', data, deflate }));
      const longest = { read: 0 };
      const watched: ByteSource = {
        size: source.size,
        read: (at, bytes) => {
          longest.read = Math.max(longest.read, bytes);
          return source.read(at, bytes);
        },
      };
      const report = await inspectWeights(watched, sha256);
      for await (const piece of report.tensors[0]!.pieces()) expect(piece.length).toBeLessThanOrEqual(CHUNK_BYTES);
      const whole = { name: 'a', dtype: 'U16' as const, shape: [length / 2], data: new Uint8Array(length).fill(7) };
      expect(report).toMatchObject(weightDigestOf(sha256, [whole]));
      expect(longest.read).toBeLessThanOrEqual(CHUNK_BYTES);
    }
  });

  test('turns no deflated array around that is larger than is held', async () => {
    const data = npyOf(headerOf('|u1', [2, BAND_BYTES / 2 + 1], true), new Uint8Array(BAND_BYTES + 2));
    await expect(inspect({ name: 'a.npy', data, deflate: true })).rejects.toMatchObject({
      code: 'unsupported_container',
      field: 'a',
    });
  });

  test('cut anywhere is refused', async () => {
    const zip = zipOf(kernelFile('<i2', true, turned), { ...biasFile, deflate: true });
    for (let length = 0; length < zip.length; length++) {
      expect([length, await readOrRefused(zip.subarray(0, length), 'npz')]).toEqual([length, 'refused']);
    }
  });

  test('with any byte changed is read or refused by name, never otherwise', async () => {
    const zip = zipOf(kernelFile('>i2', true, turned), { ...biasFile, deflate: true });
    for (let at = 0; at < zip.length; at++) {
      for (const flip of [1, 0x80, 0xff]) {
        const changed = Uint8Array.from(zip);
        changed[at]! ^= flip;
        await readOrRefused(changed, 'npz');
      }
    }
  });
});
