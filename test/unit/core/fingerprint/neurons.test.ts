import { describe, expect, it } from '@jest/globals';
import { neuronsOf } from '../../../../src/core/fingerprint/neurons.ts';
import type { Rows } from '../../../../src/core/fingerprint/projection.ts';
import { rowAt } from '../../../../src/core/fingerprint/projection.ts';
import type { Stack } from '../../../../src/core/fingerprint/stack.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';
import { convStack, denseStack, disguised, rearranged } from '../../../support/stacks.ts';

const SMALL: Stack = {
  layers: [
    { kind: 'dense', name: 'a', inputs: 2, units: 2, kernel: Float32Array.of(3, 0, 0, 4), bias: Float32Array.of(4, 3) },
    { kind: 'dense', name: 'b', inputs: 2, units: 1, kernel: Float32Array.of(1, 2), bias: Float32Array.of(2) },
  ],
};

const rowsIn = (rows: Rows): number[][] => Array.from({ length: rows.count }, (_, i) => [...rowAt(rows, i)]);

describe('neurons', () => {
  it('are seen from the input: [W b], then [W·A b]', () => {
    const [hidden, output] = neuronsOf(sha256, SMALL);
    expect(rowsIn(hidden!.directions)).toEqual([
      [expect.closeTo(0.6), 0, expect.closeTo(0.8)],
      [0, expect.closeTo(0.8), expect.closeTo(0.6)],
    ]);
    // 1·[3 0 4] + 2·[0 4 3] + [0 0 2] = [3 8 12]
    const length = Math.hypot(3, 8, 12);
    expect(rowsIn(output!.directions)).toEqual([[3, 8, 12].map((value) => expect.closeTo(value / length, 6))]);
  });

  it('are as strong as what goes in times what goes out', () => {
    const [hidden, output] = neuronsOf(sha256, SMALL);
    expect([...hidden!.strengths]).toEqual([expect.closeTo(1 / 3), expect.closeTo(2 / 3)]);
    expect([...output!.strengths]).toEqual([1]);
  });

  it.each([
    ['dense layers', denseStack(1, 20, 12, 9, 4)],
    ['dense layers of which rows are projected', denseStack(1, 1500, 12, 9, 4)],
    ['convolutions', convStack(1)],
  ])('do not change with order and scale of units: %s', (_, stack) => {
    const order = [2, 0, 1, ...Array.from({ length: 5 }, (__, i) => i + 3)];
    const first = stack.layers[0]!;
    const units = first.kind === 'dense' ? first.units : first.filters;
    const all = [...order, ...Array.from({ length: units - 8 }, (__, i) => i + 8)];
    const factors = all.map((unit) => 0.1 + unit);
    const before = neuronsOf(sha256, stack);
    const after = neuronsOf(sha256, rearranged(stack, 0, all, factors));
    all.forEach((unit, to) => {
      expect(after[0]!.strengths[to]).toBeCloseTo(before[0]!.strengths[unit]!, 5);
      expect(dot(rowAt(after[0]!.directions, to), rowAt(before[0]!.directions, unit))).toBeCloseTo(1, 5);
    });
    for (let layer = 1; layer < before.length; layer++) {
      for (let unit = 0; unit < before[layer]!.directions.count; unit++) {
        const [a, b] = [before, after].map((one) => rowAt(one[layer]!.directions, unit)) as [
          Float32Array,
          Float32Array,
        ];
        expect(dot(a, b)).toBeCloseTo(1, 4);
        expect(after[layer]!.strengths[unit]).toBeCloseTo(before[layer]!.strengths[unit]!, 4);
      }
    }
  });

  it('have no strength where nothing goes in or nothing comes out', () => {
    const stack = denseStack(2, 5, 4, 3);
    stack.layers[0]!.kernel.fill(0, 0, 5);
    stack.layers[0]!.bias![0] = 0;
    for (let unit = 0; unit < 3; unit++) stack.layers[1]!.kernel[unit * 4 + 1] = 0;
    const [hidden] = neuronsOf(sha256, stack);
    expect([...hidden!.strengths].map((strength) => strength > 0)).toEqual([false, false, true, true]);
    expect(rowsIn(hidden!.directions)[0]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('of a model of no strength at all are no numbers but zero', () => {
    const stack = denseStack(3, 5, 4, 3);
    for (const layer of stack.layers) layer.kernel.fill(0);
    expect([...neuronsOf(sha256, stack)[0]!.strengths]).toEqual([0, 0, 0, 0]);
  });

  it('are the same where layers have no biases and where these are zero', () => {
    const stack = denseStack(4, 6, 5, 3);
    const bare = { layers: stack.layers.map((layer) => ({ ...layer, bias: undefined })) };
    const zero = { layers: stack.layers.map((layer) => ({ ...layer, bias: layer.bias!.map(() => 0) })) };
    expect(neuronsOf(sha256, bare).map(({ directions }) => rowsIn(directions))).toEqual(
      neuronsOf(sha256, zero).map(({ directions }) => rowsIn(directions)),
    );
  });

  it('of a disguised model are those of the model', () => {
    const stack = denseStack(5, 30, 16, 8, 4);
    const [before, after] = [stack, disguised(stack, 6)].map((one) => neuronsOf(sha256, one)[1]!);
    const sorted = (strengths: Float64Array): number[] => [...strengths].sort((a, b) => a - b);
    sorted(after!.strengths).forEach((strength, i) => expect(strength).toBeCloseTo(sorted(before!.strengths)[i]!, 4));
  });
});

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
