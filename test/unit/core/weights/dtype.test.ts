import { describe, expect, test } from '@jest/globals';
import type { Dtype } from '../../../../src/core/weights/dtype.ts';
import { BLOCK_DTYPES, DTYPES, elementBits, isDtype, tensorBytes } from '../../../../src/core/weights/dtype.ts';

describe('the bytes of a tensor', () => {
  test.each<[Dtype, number[], number]>([
    ['F32', [], 4],
    ['F64', [3, 5], 120],
    ['C64', [2], 16],
    ['BOOL', [0, 2 ** 40], 0],
    ['I4', [3], 2],
    ['U4', [4], 2],
    ['I2', [5], 2],
    ['U2', [1], 1],
    ['F4', [3], 2],
    ['F6_E2M3', [3], 3],
    ['Q4_0', [2, 64], 72],
    ['Q6_K', [256], 210],
    ['IQ1_S', [3, 512], 300],
    ['MXFP4', [0, 32], 0],
  ])('%s of shape %j takes %i', (dtype, shape, bytes) => {
    expect(tensorBytes(dtype, shape, 't')).toBe(bytes);
  });

  test.each<[string, Dtype, number[]]>([
    ['more elements than can be counted', 'U2', [2 ** 30, 2 ** 30]],
    ['more bytes than can be counted', 'F64', [2 ** 51]],
    ['a row that ends within a block', 'Q4_0', [32, 33]],
    ['blocks that run over rows', 'Q4_0', [32, 16]],
    ['a scalar in blocks', 'Q8_0', []],
  ])('are refused for %s', (_, dtype, shape) => {
    expect(() => tensorBytes(dtype, shape, 't')).toThrow(
      expect.objectContaining({ code: 'malformed_container', field: 't' }),
    );
  });

  test('of every quantized type are whole blocks, which safetensors does not have', () => {
    for (const dtype of BLOCK_DTYPES) {
      expect(tensorBytes(dtype, [256], 't')).toBeGreaterThan(0);
      expect(() => tensorBytes(dtype, [255], 't')).toThrow(expect.objectContaining({ field: 't' }));
      expect(isDtype(dtype)).toBe(false);
      expect(elementBits(dtype)).toBeUndefined();
    }
    expect(DTYPES.every((dtype) => elementBits(dtype)! > 0)).toBe(true);
  });
});
