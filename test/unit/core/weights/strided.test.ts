import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { concat } from '../../../../src/core/bytes.ts';
import type { ByteSource } from '../../../../src/core/weights/byte-source.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import { CHUNK_BYTES } from '../../../../src/core/weights/digest.ts';
import type { Dtype } from '../../../../src/core/weights/dtype.ts';
import { tensorBytes } from '../../../../src/core/weights/dtype.ts';
import { BAND_BYTES, stridedAt } from '../../../../src/core/weights/strided.ts';

interface Example {
  dtype: Dtype;
  shape: number[];
  strides: number[];
  first: number;
  bigEndian: boolean;
}

/** Element by element, as the definition has it. */
function inOrder(bytes: Uint8Array, { dtype, shape, strides, first, bigEndian }: Example): Uint8Array {
  const width = tensorBytes(dtype, [1], dtype);
  const scalar = dtype === 'C64' ? 4 : width;
  const out: number[] = [];
  const visit = (axis: number, place: number): void => {
    if (axis < shape.length) {
      for (let i = 0; i < shape[axis]!; i++) visit(axis + 1, place + i * strides[axis]!);
      return;
    }
    const element = [...bytes.subarray(place * width, (place + 1) * width)];
    for (let at = 0; at < width; at += scalar) {
      const part = element.slice(at, at + scalar);
      out.push(...(bigEndian ? part.reverse() : part));
    }
  };
  visit(0, first);
  return Uint8Array.from(out);
}

async function read(source: ByteSource, { dtype, shape, strides, first, bigEndian }: Example): Promise<Uint8Array> {
  const offset = first * tensorBytes(dtype, [1], dtype);
  const tensor = stridedAt({ name: 'a', dtype, shape }, { source, offset, strides, bigEndian });
  const pieces: Uint8Array[] = [];
  for await (const piece of tensor.pieces()) pieces.push(piece);
  expect(Math.max(0, ...pieces.map(({ length }) => length))).toBeLessThanOrEqual(CHUNK_BYTES);
  return concat(...pieces);
}

/** Bytes that nobody has to hold: the one at `at` is `at` modulo 251. */
function endless(size: number): ByteSource & { reads: number; longest: number; bytes: number } {
  return {
    size,
    reads: 0,
    longest: 0,
    bytes: 0,
    read(offset, length) {
      this.reads++;
      this.bytes += length;
      this.longest = Math.max(this.longest, length);
      if (offset < 0 || offset + length > size) throw new Error(`${offset} + ${length} is past ${size}`);
      const found = new Uint8Array(length);
      for (let i = 0, value = offset % 251; i < length; i++, value = value === 250 ? 0 : value + 1) found[i] = value;
      return Promise.resolve(found);
    },
  };
}

describe('a view', () => {
  test('of any shape, strides and order of bytes gives its elements row by row', async () => {
    const axis = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 9 }));
    const example = fc.record({
      dtype: fc.constantFrom<Dtype>('U8', 'BF16', 'F32', 'F64', 'C64'),
      axes: fc.array(axis, { maxLength: 5 }),
      first: fc.integer({ min: 0, max: 7 }),
      bigEndian: fc.boolean(),
    });
    const bytes = Uint8Array.from({ length: 4096 }, (_, i) => (i * i + 3 * i) % 251);
    const source = bytesSource(bytes);
    await fc.assert(
      fc.asyncProperty(example, async ({ axes, ...rest }) => {
        const view = { ...rest, shape: axes.map(([size]) => size), strides: axes.map(([, stride]) => stride) };
        expect(await read(source, view)).toEqual(inOrder(bytes, view));
      }),
      { numRuns: 500 },
    );
    expect(bytes).toEqual(Uint8Array.from({ length: 4096 }, (_, i) => (i * i + 3 * i) % 251));
  });

  test.each<[string, number[], number[]]>([
    ['a whole', [3, 4, 5], [20, 5, 1]],
    ['a scalar', [], []],
    ['a whole with axes of one step, whose strides say nothing', [1, 3, 1, 4], [7, 4, 99, 1]],
    ['nothing', [3, 0, 2], [1, 1, 1]],
  ])('that is %s is left where it stands', (_, shape, strides) => {
    const source = bytesSource(new Uint8Array(300));
    const placed = { source, offset: 8, strides, bigEndian: false };
    expect(stridedAt({ name: 'a', dtype: 'F32', shape }, placed)).toMatchObject({ source, offset: 8 });
  });

  test.each<[string, number[], number[], number]>([
    ['transposed', [2100, 32_000], [1, 2100], 3],
    ['transposed, of rows longer than is held', [2, BAND_BYTES + 9], [1, 2], 2],
    ['of three axes turned around', [40, 1500, 1200], [1, 40, 60_000], 3],
    ['of every other row', [1000, 36_000], [72_000, 1], 2],
    ['of one column', [2000, 1], [50_000, 1], 1],
    ['of columns that lie far apart', [3, 2000], [1, 50_000], 1],
  ])('%s and too large to hold is read in bounded pieces', async (_, shape, strides, times) => {
    const extent = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 1);
    expect(extent).toBeGreaterThan(BAND_BYTES);
    const source = endless(extent + 10);
    const placed = { source, offset: 7, strides, bigEndian: false };
    const tensor = stridedAt({ name: 'a', dtype: 'U8', shape }, placed);
    // The places of each, counted by the definition.
    const index = shape.map(() => 0);
    let [place, at, wrong] = [7, 0, 0];
    for await (const piece of tensor.pieces()) {
      for (const byte of piece) {
        if (byte !== place % 251) wrong++;
        at++;
        for (let axis = shape.length - 1; axis >= 0; axis--) {
          place += strides[axis]!;
          if (++index[axis]! < shape[axis]!) break;
          place -= shape[axis]! * strides[axis]!;
          index[axis] = 0;
        }
      }
    }
    expect({ at, wrong }).toEqual({ at: tensor.byteLength, wrong: 0 });
    expect(source.longest).toBeLessThanOrEqual(CHUNK_BYTES);
    expect(source.bytes).toBeLessThanOrEqual(times * extent);
  });

  test.each<[string, number[], number[]]>([
    ['too large to turn around', [2 ** 17, 2 ** 17], [1, 2 ** 17]],
    ['of one element, as often as one likes, in a large file', [2 ** 20, 2, 2 ** 26], [0, 2 ** 26, 1]],
    ['that overlaps itself in a large file', [1000, 2 ** 26], [1, 2]],
  ])('%s is refused by name', (_, shape, strides) => {
    const source = endless(2 ** 40);
    expect(() =>
      stridedAt({ name: 'a', dtype: 'U8', shape }, { source, offset: 0, strides, bigEndian: false }),
    ).toThrow(expect.objectContaining({ code: 'unsupported_container', field: 'a', fix: expect.any(String) }));
  });
});
