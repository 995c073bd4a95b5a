import { describe, expect, test } from '@jest/globals';
import { stackOfRun, tensorsOfRun } from '../../../../src/core/fingerprint/run-stack.ts';
import type { ConvLayer, DenseLayer } from '../../../../src/core/fingerprint/stack.ts';
import type { Tensor } from '../../../../src/core/weights/safetensors.ts';

/** Its elements are their own places: 0, 1, 2, … */
function counted(name: string, shape: readonly number[]): Tensor {
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => i);
  return { name, dtype: 'F32', shape, data: new Uint8Array(values.buffer) };
}

/** Pictures of 2×3 with 4 maps behind the convolution */
const [HEIGHT, WIDTH, MAPS, UNITS] = [2, 3, 4, 5];
const tensors = [
  counted('conv1/kernel', [5, 5, 2, MAPS]),
  counted('conv1/bias', [MAPS]),
  counted('dense1/kernel', [HEIGHT * WIDTH * MAPS, UNITS]),
  counted('dense1/bias', [UNITS]),
  counted('dense2/kernel', [UNITS, 10]),
  counted('dense2/bias', [10]),
];

describe('the tensors of a run', () => {
  test('become layers in the order of the data, whatever the order of the tensors', () => {
    expect(stackOfRun(tensors.toReversed())).toEqual(stackOfRun(tensors));
    expect(stackOfRun(tensors).layers.map(({ name }) => name)).toEqual(['conv1', 'dense1', 'dense2']);
  });

  test('have each weight where a stack has it', () => {
    const [conv, first, second] = stackOfRun(tensors).layers as [ConvLayer, DenseLayer, DenseLayer];
    // [filter][channel][row][column] of [row][column][channel][filter]
    expect(conv.kernel[((3 * 2 + 1) * 5 + 4) * 5 + 2]).toBe(((4 * 5 + 2) * 2 + 1) * MAPS + 3);
    // [unit][map][row][column] of [row][column][map][unit]
    expect(first.kernel[4 * 24 + (2 * HEIGHT + 1) * WIDTH + 0]).toBe(((1 * WIDTH + 0) * MAPS + 2) * UNITS + 4);
    expect(second.kernel[7 * UNITS + 3]).toBe(3 * 10 + 7);
    expect([...first.bias!]).toEqual([0, 1, 2, 3, 4]);
  });

  test('come back from their stack', () => {
    expect(tensorsOfRun(stackOfRun(tensors))).toEqual(tensors);
  });

  test.each([
    ['a bias is missing', tensors.slice(0, -1), 'dense2'],
    ['a tensor is of nothing that is known', [...tensors, counted('norm/scale', [4])], 'norm/scale'],
    [
      'layers do not follow each other',
      [...tensors.slice(0, 4), counted('dense2/kernel', [6, 10]), tensors[5]!],
      'dense2',
    ],
    ['a bias is of another layer', tensors.with(5, counted('dense2/bias', [9])), 'dense2'],
    ['there is none', [], 'tensors'],
  ])('are refused where %s', (_, wrong, field) => {
    expect(() => stackOfRun(wrong)).toThrow(expect.objectContaining({ code: 'watermark_unfit', field }));
  });
});
