import { describe, expect, test } from '@jest/globals';
import { decode } from '../../../../src/core/fingerprint/decode.ts';
import { stackOf } from '../../../../src/core/fingerprint/stack-of.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import type { StoredTensor } from '../../../../src/core/weights/container.ts';
import { storedAt } from '../../../../src/core/weights/container.ts';
import type { Dtype } from '../../../../src/core/weights/dtype.ts';
import { refusal } from './network.ts';

const tensor = (dtype: Dtype, shape: number[], data: Uint8Array): StoredTensor =>
  storedAt(bytesSource(data), { name: 'w', dtype, shape }, 0, data.length);
const bytesOf = (typed: ArrayBufferView): Uint8Array => new Uint8Array(typed.buffer);

/** Scale 0.5 (and minimum −1), then 32 numbers of 4 bits: 0 to 15 in the lower halves, 15 to 0 in the upper ones. */
const halves = Array.from({ length: 16 }, (_, i) => i | ((15 - i) << 4));
const [HALF, MINUS_ONE] = [
  [0x00, 0x38],
  [0x00, 0xbc],
] as const;
const numbers = Array.from({ length: 32 }, (_, i) => (i < 16 ? i : 31 - i));
/** The fifth bit is set in every other number. */
const FIFTH = [0xaa, 0xaa, 0xaa, 0xaa];
const fifth = numbers.map((number, i) => number + (i % 2) * 16);

describe('elements become floats', () => {
  test.each([
    ['F64', bytesOf(Float64Array.of(0.1, -2)), [Math.fround(0.1), -2]],
    ['F32', bytesOf(Float32Array.of(1.5, -0)), [1.5, -0]],
    [
      'F16',
      bytesOf(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x83ff, 0x7bff)),
      [1, -2, 2 ** -24, -1023 * 2 ** -24, 65504],
    ],
    ['BF16', bytesOf(Uint16Array.of(0x3f80, 0xc040)), [1, -3]],
    ['I8', Uint8Array.of(255, 127), [-1, 127]],
    ['U8', Uint8Array.of(255, 127), [255, 127]],
    ['I16', bytesOf(Int16Array.of(-300)), [-300]],
    ['U16', bytesOf(Uint16Array.of(65535)), [65535]],
    ['I32', bytesOf(Int32Array.of(-70000)), [-70000]],
    ['U32', bytesOf(Uint32Array.of(2 ** 31)), [2 ** 31]],
    ['I64', bytesOf(BigInt64Array.of(-5n)), [-5]],
    ['U64', bytesOf(BigUint64Array.of(2n ** 63n)), [2 ** 63]],
    ['Q8_0', Uint8Array.of(...HALF, ...Array<number>(31).fill(4), 254), [...Array<number>(31).fill(2), -1]],
    ['Q4_0', Uint8Array.of(...HALF, ...halves), numbers.map((number) => (number - 8) / 2)],
    ['Q4_1', Uint8Array.of(...HALF, ...MINUS_ONE, ...halves), numbers.map((number) => number / 2 - 1)],
    ['Q5_0', Uint8Array.of(...HALF, ...FIFTH, ...halves), fifth.map((number) => (number - 16) / 2)],
    ['Q5_1', Uint8Array.of(...HALF, ...MINUS_ONE, ...FIFTH, ...halves), fifth.map((number) => number / 2 - 1)],
  ] as [Dtype, Uint8Array, number[]][])('from %s', async (dtype, data, values) => {
    expect([...(await decode(tensor(dtype, [values.length], data)))]).toEqual(values);
  });

  test('wherever the data is cut into pieces', async () => {
    const data = bytesOf(Float64Array.from({ length: 9 }, (_, i) => i / 4));
    const whole = tensor('F64', [9], data);
    for (const size of [1, 3, 8, 71]) {
      const cut = Array.from({ length: Math.ceil(data.length / size) }, (_, i) =>
        data.subarray(i * size, (i + 1) * size),
      );
      expect(await decode({ ...whole, pieces: () => cut })).toEqual(await decode(whole));
    }
  });
});

describe('what is refused', () => {
  test('more parameters than are held, before any is read', async () => {
    const read = (): never => {
      throw new Error('It was read.');
    };
    const huge = {
      name: 'w.weight',
      dtype: 'F32' as const,
      shape: [2 ** 14, 2 ** 14 + 1],
      byteLength: 0,
      pieces: read,
    };
    const stack = stackOf({ container: 'safetensors', tensors: [huge], metadata: {} });
    expect(await refusal(stack)).toEqual({ sentence: expect.stringContaining('268435456'), field: 'parameters' });
  });

  test.each([
    ['NaN', 'F32', bytesOf(Float32Array.of(0, Number.NaN)), 'Element 1 is NaN'],
    ['an infinity', 'F16', bytesOf(Uint16Array.of(0x7c00, 0)), 'Element 0 is Infinity'],
    ['a number beyond 32 bits', 'F64', bytesOf(Float64Array.of(0, -1e39)), 'Element 1 is -Infinity'],
    ['complex numbers', 'C64', new Uint8Array(16), 'type C64'],
    ['blocks that are not decoded here', 'Q6_K', new Uint8Array(16), 'type Q6_K'],
  ] as [string, Dtype, Uint8Array, string][])('%s', async (_, dtype, data, sentence) => {
    expect(await refusal(decode(tensor(dtype, [2], data)) as never)).toEqual({
      sentence: expect.stringContaining(sentence),
      field: 'w',
    });
  });

  test.each([
    ['too little', 7],
    ['too much', 12],
    ['a byte too much', 9],
    ['none', 0],
  ])('%s data', async (_, bytes) => {
    await expect(decode(tensor('F32', [2], new Uint8Array(bytes)))).rejects.toMatchObject({
      code: 'malformed_container',
      field: 'w',
    });
  });
});
