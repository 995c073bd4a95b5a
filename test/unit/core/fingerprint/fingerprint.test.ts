import { describe, expect, it } from '@jest/globals';
import { evidenceFor, nearness } from '../../../../src/core/fingerprint/evidence.ts';
import type { Fingerprint } from '../../../../src/core/fingerprint/fingerprint.ts';
import {
  fingerprintOf,
  MAX_NEURONS_A_LAYER,
  shapeOf,
  SKETCH_BYTES,
} from '../../../../src/core/fingerprint/fingerprint.ts';
import type { DenseLayer, Layer, Stack } from '../../../../src/core/fingerprint/stack.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';
import { conv, convStack, dense, denseStack, disguised, drawing, noisy, rearranged } from '../../../support/stacks.ts';

const of = (stack: Stack): Fingerprint => fingerprintOf(sha256, stack);
const kept = ({ layers }: Fingerprint): number[] => layers.map(({ rows }) => rows.length / SKETCH_BYTES);

describe('a fingerprint', () => {
  it('says what the stack is made of', () => {
    expect(of(denseStack(1, 20, 12, 4)).shape).toBe('20-12-4');
    expect(of(convStack(1)).shape).toBe('1-8@5x5-16@3x3-32-10');
  });

  it('names layers alike that follow each other once, and is cut where it is long all the same', () => {
    const dense = (units: number) => ({ kind: 'dense', units, inputs: units }) as DenseLayer;
    const conv = { kind: 'conv2d', filters: 8, channels: 1, height: 5, width: 5 } as Layer;
    const sixty = Array.from({ length: 60 }, () => dense(512));
    expect(shapeOf({ layers: [{ ...dense(512), inputs: 784 }, ...sixty, dense(10)] })).toBe('784-512x61-10');
    expect(shapeOf({ layers: [conv, conv, conv, dense(10), dense(8), dense(10)] })).toBe('1-8@5x5x3-10-8-10');
    expect(shapeOf({ layers: [dense(10)] })).toBe('10-10');
    const long = shapeOf({ layers: Array.from({ length: 3000 }, (_, i) => dense(1000 + i)) });
    expect(long).toMatch(/^1000-1000-1001-[0-9-]+\.\.\.[0-9-]+-3998-3999$/);
    expect(long).toHaveLength(200);
  });

  it('is of the hidden layers, or of the only one', () => {
    expect(kept(of(denseStack(1, 20, 12, 9, 4)))).toEqual([12, 9]);
    expect(kept(of(denseStack(1, 20, 4)))).toEqual([4]);
  });

  it('keeps the strongest neurons, so many that it stays small', () => {
    expect(kept(of(denseStack(1, 4, 600, 4)))).toEqual([MAX_NEURONS_A_LAYER]);
    expect(kept(of(denseStack(1, 4, ...Array<number>(12).fill(100), 4)))).toEqual(Array(8).fill(64));
    expect(of(denseStack(1, 20, 600, 4)).layers[0]!.units).toBe(600);
  });

  it.each([
    ['dense layers', denseStack(2, 40, 24, 12, 4)],
    ['convolutions', convStack(2)],
  ])('finds what was put in another order and scaled: %s', (_, stack) => {
    const [one, other] = [of(stack), of(disguised(stack, 3))];
    expect(nearness(one.retrieval, other.retrieval)).toBeGreaterThan(0.999);
    for (const { cosine } of evidenceFor(one, other).layers) expect(cosine).toBeGreaterThan(0.98);
  });

  it('is another one for another model', () => {
    const [one, other] = [of(denseStack(4, 100, 64, 10)), of(denseStack(5, 100, 64, 10))];
    expect(Math.abs(nearness(one.retrieval, other.retrieval))).toBeLessThan(0.3);
    expect(evidenceFor(one, other).score).toBeLessThan(1);
  });

  it('finds a layer again behind one that was put in front of it and does nothing', () => {
    const stack = denseStack(6, 40, 24, 6);
    const identity = dense(drawing(0), 40, 40);
    identity.kernel.fill(0);
    identity.bias!.fill(0);
    for (let i = 0; i < 40; i++) identity.kernel[i * 40 + i] = 1;
    const longer = of({ layers: [identity, ...stack.layers] });
    const { layers } = evidenceFor(of(stack), longer);
    expect(layers).toEqual([expect.objectContaining({ a: 0, b: 1, pairs: 24 })]);
    expect(layers[0]!.cosine).toBeGreaterThan(0.98);
  });

  it('finds the neurons that are left when others were dropped, and those that were there before others came', () => {
    const stack = denseStack(7, 60, 40, 6);
    const half = Array.from({ length: 20 }, (_, i) => 2 * i);
    const dropped = rearranged(
      stack,
      0,
      half,
      half.map(() => 1),
    );
    expect(evidenceFor(of(stack), of(dropped)).layers[0]).toMatchObject({ pairs: 20, cosine: expect.closeTo(1, 1) });
  });

  it('finds a model whose layers were merged into one by what its outputs see', () => {
    const stack = denseStack(23, 60, 40, 10);
    const [first, last] = stack.layers as [DenseLayer, DenseLayer];
    const merged = { ...first, units: 10, kernel: new Float32Array(600), bias: new Float32Array(10) };
    for (let output = 0; output < 10; output++) {
      for (let unit = 0; unit < 40; unit++) {
        const weight = last.kernel[output * 40 + unit]!;
        merged.bias[output]! += weight * first.bias![unit]!;
        for (let i = 0; i < 60; i++) merged.kernel[output * 60 + i]! += weight * first.kernel[unit * 60 + i]!;
      }
    }
    // What is added to all outputs alike changes no probability.
    for (let i = 0; i < 600; i++) merged.kernel[i]! += 3;
    const evidence = evidenceFor(of(stack), of({ layers: [merged] }));
    expect(nearness(of(stack).retrieval, of({ layers: [merged] }).retrieval)).toBeGreaterThan(0.5);
    expect(nearness(of(denseStack(24, 60, 40, 10)).retrieval, of({ layers: [merged] }).retrieval)).toBeLessThan(0.25);
    expect(evidence.seen).toBe('outputs');
    expect(evidence.score).toBeGreaterThan(2.5);
    expect(evidenceFor(of(denseStack(24, 60, 40, 10)), of({ layers: [merged] })).score).toBeLessThan(1.5);
  });

  it('is not drowned by strong pairs of neurons that undo each other', () => {
    const stack = denseStack(22, 60, 40, 6);
    const units = [...Array.from({ length: 40 }, (_, i) => i), ...[3, 3, 7, 7, 11, 11]];
    const more = rearranged(
      stack,
      0,
      units,
      units.map(() => 1),
    );
    const kernel = more.layers[1]!.kernel;
    for (let unit = 0; unit < 6; unit++) {
      for (let pair = 40; pair < 46; pair++) kernel[unit * 46 + pair] = pair % 2 === 0 ? 1000 : -1000;
    }
    const [one, drowned] = [of(stack), of(more)];
    expect(nearness(one.retrieval, drowned.retrieval)).toBeGreaterThan(0.99);
    expect(evidenceFor(one, drowned).layers[0]!.cosine).toBeGreaterThan(0.98);
  });

  it('of weights with noise is near, the nearer the less noise there is', () => {
    const stack = denseStack(8, 60, 40, 6);
    const scores = [0, 0.2, 0.5, 1].map((amount) => evidenceFor(of(stack), of(noisy(stack, amount, 9))).score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(scores[3]).toBeGreaterThan(2 * evidenceFor(of(stack), of(denseStack(10, 60, 40, 6))).score);
  });

  it('does not compare layers that see inputs of other widths', () => {
    const { score, seen } = evidenceFor(of(denseStack(11, 60, 40, 6)), of(denseStack(11, 61, 40, 6)));
    expect(score === 0 || seen === 'behind').toBe(true);
    expect(score).toBeLessThan(1);
  });

  it('finds a model whose first layer is another one by what its neurons do behind it', () => {
    const stack = denseStack(18, 60, 40, 20, 10);
    const other = denseStack(19, 60, 40, 20, 10);
    const changed = { layers: [other.layers[0]!, ...stack.layers.slice(1)] };
    const evidence = evidenceFor(of(stack), of(changed));
    expect(evidence.seen).toBe('behind');
    expect(evidence.score).toBeGreaterThan(3 * evidenceFor(of(stack), of(other)).score);
  });

  it('leaves filters of few weights out where there are layers with more, which all models of a task share', () => {
    const [one, other] = [convStack(20), convStack(21)];
    const shared = { layers: [one.layers[0]!, ...other.layers.slice(1)] };
    expect(evidenceFor(of(one), of(shared)).layers).not.toContainEqual(
      expect.objectContaining({ a: 0, b: 0, cosine: 1 }),
    );
  });

  it('of weights that are all zero has nothing to be found by', () => {
    const stack = denseStack(12, 10, 8, 4);
    for (const { kernel, bias } of stack.layers) for (const values of [kernel, bias!]) values.fill(0);
    const empty = of(stack);
    expect(empty.retrieval.every((value) => value === 0)).toBe(true);
    expect(nearness(empty.retrieval, of(denseStack(13, 10, 8, 4)).retrieval)).toBe(0);
    expect(evidenceFor(empty, of(denseStack(13, 10, 8, 4)))).toMatchObject({ layers: [] });
  });

  it('is the same either way round', () => {
    const [one, other] = [of(convStack(14)), of(noisy(convStack(14), 0.5, 15))];
    expect(evidenceFor(one, other).score).toBeCloseTo(evidenceFor(other, one).score, 10);
  });

  it('takes pictures of several channels and wide inputs', () => {
    const random = drawing(16);
    expect(() => of({ layers: [conv(random, 3, 16, 7), dense(random, 16 * 100, 10)] })).not.toThrow();
    expect(() => of(denseStack(17, 3000, 8, 4))).not.toThrow();
  });
});
