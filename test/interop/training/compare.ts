/** Compares what two backends trained, tensor by tensor. */
import { expect } from '@jest/globals';
import type { ChildAnswer } from '../../unit/training/fixture.ts';

type Tensors = ChildAnswer['tensors'];

function largestDifference(a: Tensors, b: Tensors): number {
  expect(a.map(({ name, shape }) => [name, shape])).toEqual(b.map(({ name, shape }) => [name, shape]));
  return Math.max(...a.map((tensor, i) => differenceOf(valuesOf(tensor), valuesOf(b[i] as Tensors[number]))));
}

function valuesOf({ data }: Tensors[number]): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(data, 'base64')).buffer);
}

function differenceOf(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] as number))), 0);
}

/**
 * The two ended with the same weights within `tolerance`, and came there by training: one epoch moved some weight by at
 * least a hundred times the tolerance.
 */
export function expectSameTraining(
  answer: ChildAnswer,
  reference: ChildAnswer,
  untrained: ChildAnswer,
  tolerance: number,
) {
  expect(largestDifference(answer.tensors, reference.tensors)).toBeLessThan(tolerance);
  expect(largestDifference(reference.tensors, untrained.tensors)).toBeGreaterThan(100 * tolerance);
  reference.epochs.forEach(({ loss }, i) => expect(answer.epochs[i]?.loss).toBeCloseTo(loss, 3));
}
