import { describe, expect, test } from '@jest/globals';
import { utf8 } from '../../../../src/core/bytes.ts';
import type { ByteSource } from '../../../../src/core/weights/byte-source.ts';
import { bytesSource, readPieces } from '../../../../src/core/weights/byte-source.ts';
import { CHUNK_BYTES, weightDigestOf } from '../../../../src/core/weights/digest.ts';
import { inspectWeights } from '../../../../src/core/weights/inspect.ts';
import { writeSafetensors } from '../../../../src/core/weights/safetensors.ts';
import { containerOf, sha256, vectors } from './fixture.ts';

/** A source that remembers what was read of it. */
function watched(bytes: Uint8Array): ByteSource & { ranges: [number, number][] } {
  const ranges: [number, number][] = [];
  const source = bytesSource(bytes);
  return {
    size: bytes.length,
    ranges,
    read: (offset, length) => {
      ranges.push([offset, offset + length]);
      return source.read(offset, length);
    },
  };
}

describe('inspecting weights', () => {
  test.each(vectors)('finds the digests of $title in a safetensors file', async (vector) => {
    const file = writeSafetensors(vector.tensors, { id: 'mdl_1' });
    const report = await inspectWeights(bytesSource(file), sha256);
    expect(report).toMatchObject({
      container: 'safetensors',
      ...vector.digests,
      metadata: { id: 'mdl_1' },
      bytes: file.length,
    });
    const elements = vector.tensors.map(({ shape }) => shape.reduce((product, n) => product * n, 1));
    expect(report.parameters).toBe(elements.reduce((sum, n) => sum + n, 0));
  });

  test('does not depend on metadata or on where the tensors lie', async () => {
    const byHand = containerOf(
      '{"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
      3,
    );
    const tensors = [
      { name: 'a', dtype: 'U8' as const, shape: [2], data: new Uint8Array(2) },
      { name: 'b', dtype: 'U8' as const, shape: [1], data: new Uint8Array(1) },
    ];
    const report = await inspectWeights(bytesSource(byHand), sha256);
    expect(report).toMatchObject(weightDigestOf(sha256, tensors));
  });

  test('reads the data once, in order, in pieces no larger than a chunk', async () => {
    const file = writeSafetensors([
      { name: 'big', dtype: 'U8', shape: [2 * CHUNK_BYTES + 9], data: new Uint8Array(2 * CHUNK_BYTES + 9) },
      { name: 'small', dtype: 'U8', shape: [5], data: new Uint8Array(5) },
    ]);
    const source = watched(file);
    const { tensors } = await inspectWeights(source, sha256);
    const data = source.ranges.filter(([start]) => start >= tensors[0]!.offset!);
    expect(data.map(([start, end]) => end - start)).toEqual([CHUNK_BYTES, CHUNK_BYTES, 9, 5]);
    expect(data.slice(1).every(([start], i) => start === data[i]![1])).toBe(true);
  });

  test.each([
    ['nothing', new Uint8Array(0)],
    ['text', utf8('{"a": [{"b": 1}]} and more text')],
    ['a zip', Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8, 0, 0, 0)],
    ['a header of 2^63 bytes', containerOf('{}', 0, 2n ** 63n)],
  ])('says of %s that the container is unknown', async (_, bytes) => {
    expect(await inspectWeights(bytesSource(bytes), sha256)).toEqual({
      container: 'unknown',
      weightDigest: null,
      namelessDigest: null,
      tensors: [],
      metadata: {},
      parameters: 0,
      bytes: bytes.length,
    });
  });

  test.each([
    ['a header of 2^63 bytes in a file that is said to be safetensors', containerOf('{}', 0, 2n ** 63n)],
    ['text in a file that is said to be safetensors', utf8('hello, weights')],
  ])('refuses %s', async (_, bytes) => {
    await expect(inspectWeights(bytesSource(bytes), sha256, { container: 'safetensors' })).rejects.toMatchObject({
      code: 'malformed_container',
      field: 'headerLength',
    });
  });

  test('refuses a truncated file under any name', async () => {
    const file = writeSafetensors([{ name: 'a', dtype: 'U8', shape: [64], data: new Uint8Array(64) }]);
    for (const kept of [12, 40, file.length - 1]) {
      await expect(inspectWeights(bytesSource(file.subarray(0, kept)), sha256)).rejects.toMatchObject({
        code: 'malformed_container',
      });
    }
  });

  test('gives no digest to a file without tensors', async () => {
    await expect(inspectWeights(bytesSource(containerOf('{}')), sha256)).rejects.toMatchObject({
      code: 'malformed_container',
    });
  });
});

describe('a byte source', () => {
  test.each([
    [-1, 1],
    [0, 5],
    [4, 1],
    [0.5, 1],
    [1, -1],
    [2 ** 53, 2 ** 53],
    [Number.NaN, 1],
  ])('refuses the range at %d of %d bytes in 4', async (offset, length) => {
    await expect(bytesSource(new Uint8Array(4)).read(offset, length)).rejects.toMatchObject({
      code: 'malformed_container',
    });
  });

  test('hands a failed read to the reader, even while the reader is busy with the piece before', async () => {
    const source: ByteSource = {
      size: 3,
      read: (offset) => (offset < 1 ? Promise.resolve(new Uint8Array(1)) : Promise.reject(new Error('disk gone'))),
    };
    const pieces: number[] = [];
    const reading = (async () => {
      for await (const piece of readPieces(source, 0, 3, 1)) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        pieces.push(piece.length);
      }
    })();
    await expect(reading).rejects.toThrow('disk gone');
    expect(pieces).toEqual([1]);
  });
});
