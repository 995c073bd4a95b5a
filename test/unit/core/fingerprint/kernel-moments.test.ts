import { describe, expect, it, test } from '@jest/globals';
import { evidenceFor } from '../../../../src/core/fingerprint/evidence.ts';
import { fingerprintOf } from '../../../../src/core/fingerprint/fingerprint.ts';
import { kernelMoments } from '../../../../src/core/fingerprint/kernel-moments.ts';
import type { Rows } from '../../../../src/core/fingerprint/projection.ts';
import { rowAt } from '../../../../src/core/fingerprint/projection.ts';
import type { Stack } from '../../../../src/core/fingerprint/stack.ts';
import type { RandomStream } from '../../../../src/core/random.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';
import { conv, convStack, dense, denseStack, disguised, drawing, noisy, rearranged } from '../../../support/stacks.ts';

const of = (stack: Stack) => fingerprintOf(sha256, stack);
const moments = (layer: Parameters<typeof kernelMoments>[1], channels: number): Rows =>
  kernelMoments(sha256, layer, channels)!;
const product = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

describe('moments of kernels', () => {
  it('are of pairs of positions, and of unit vectors', () => {
    const rows = moments(conv(drawing(1), 8, 16, 3), 8);
    expect([rows.count, rows.width]).toEqual([16, 45]);
    for (let unit = 0; unit < 16; unit++) expect(product(rowAt(rows, unit), rowAt(rows, unit))).toBeCloseTo(1, 5);
  });

  it('do not depend on the order and the scale of channels', () => {
    const stack = convStack(2);
    const order = [3, 1, 0, 2, 7, 6, 5, 4];
    const factors = order.map((_, i) => 0.1 + 3 * i);
    const [own, other] = [stack, rearranged(stack, 0, order, factors)].map(({ layers }) => moments(layers[1]!, 8));
    own!.values.forEach((value, i) => expect(other!.values[i]).toBeCloseTo(value, 3));
  });

  it('go with the units, whatever factors these have', () => {
    const stack = convStack(3);
    const order = Array.from({ length: 16 }, (_, i) => (5 * i) % 16);
    const factors = order.map((_, i) => 0.2 + i);
    const [own, other] = [stack, rearranged(stack, 1, order, factors)].map(({ layers }) => moments(layers[1]!, 8));
    order.forEach((unit, to) => expect(product(rowAt(own!, unit), rowAt(other!, to))).toBeCloseTo(1, 3));
  });

  it('of many positions are those of a projection', () => {
    const random = drawing(4);
    expect(moments(dense(random, 4 * 100, 6), 4).width).toBe((44 * 45) / 2);
  });

  test.each<[string, Rows | undefined]>([
    ['units that look at one position', kernelMoments(sha256, dense(drawing(5), 12, 6), 12)],
    ['a single unit', kernelMoments(sha256, dense(drawing(6), 36, 1), 4)],
    [
      'weights that are all zero',
      kernelMoments(sha256, { ...conv(drawing(7), 2, 4, 3), kernel: new Float32Array(72) }, 2),
    ],
  ])('are not had of %s', (_, rows) => expect(rows).toBeUndefined());

  it('survive a channel and a unit on which nothing depends', () => {
    const layer = conv(drawing(8), 4, 6, 3);
    layer.kernel.fill(0, 0, 36);
    for (let unit = 0; unit < 6; unit++) layer.kernel.fill(0, unit * 36 + 9, unit * 36 + 18);
    expect(moments(layer, 4).values.every(Number.isFinite)).toBe(true);
  });
});

describe('evidence by moments', () => {
  /** Every layer but the third, a dense one behind convolutions, is another one: nothing that goes through them is left. */
  const between = (seed: number): [Stack, Stack] => {
    const drawn = (random: RandomStream): Stack => ({
      layers: [conv(random, 1, 8, 5), conv(random, 8, 16, 3), dense(random, 16 * 16, 48), dense(random, 48, 10)],
    });
    const [stack, other] = [drawn(drawing(seed)), drawn(drawing(seed + 1))];
    return [stack, { layers: other.layers.map((layer, i) => (i === 2 ? stack.layers[2]! : layer)) }];
  };

  it('finds a model of which one layer in the middle is left', () => {
    const [stack, changed] = between(30);
    const evidence = evidenceFor(of(stack), of(disguised(changed, 32)));
    expect(evidence.seen).toBe('moments');
    expect(evidence.layers).toEqual([expect.objectContaining({ a: 2, b: 2, pairs: 48 })]);
    expect(evidence.layers[0]!.cosine).toBeGreaterThan(0.95);
    expect(evidence.score).toBeGreaterThan(4);
  });

  it('finds it when that layer was trained on, and not another model', () => {
    const [stack, changed] = between(33);
    const [unrelated] = between(36);
    expect(evidenceFor(of(stack), of(noisy(changed, 1, 35))).score).toBeGreaterThan(1.5);
    expect(evidenceFor(of(stack), of(unrelated)).score).toBeLessThan(1);
  });

  it('is not had of dense layers alone', () => {
    for (const { moments } of of(denseStack(38, 40, 24, 12, 4)).layers) expect(moments).toBeUndefined();
  });
});
