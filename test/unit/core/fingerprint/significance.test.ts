import { describe, expect, it } from '@jest/globals';
import type { Fingerprint } from '../../../../src/core/fingerprint/fingerprint.ts';
import { fingerprintOf } from '../../../../src/core/fingerprint/fingerprint.ts';
import { FLOOR, findingsFor } from '../../../../src/core/fingerprint/findings.ts';
import { comparable, holm, significanceOf } from '../../../../src/core/fingerprint/significance.ts';
import type { DenseLayer } from '../../../../src/core/fingerprint/stack.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';
import { denseStack, noisy } from '../../../support/stacks.ts';

const drawn = (seed: number, units = 16): Fingerprint => fingerprintOf(sha256, denseStack(seed, 24, units, 4));
const copyOf = (seed: number, amount: number): Fingerprint =>
  fingerprintOf(sha256, noisy(denseStack(seed, 24, 16, 4), amount, 99));
const STRANGERS = Array.from({ length: 59 }, (_, i) => drawn(100 + i));

describe('significance', () => {
  it('of a copy is as small as the number of unrelated models allows', () => {
    expect(significanceOf(copyOf(1, 0.3), drawn(1), STRANGERS)).toEqual({ pValue: 1 / 60, n: 59 });
  });

  it('of unrelated models is spread over all of 0 to 1', () => {
    const values = Array.from({ length: 40 }, (_, i) => significanceOf(drawn(200 + i), drawn(1), STRANGERS).pValue);
    expect(values.filter((value) => value <= 0.5).length).toBeGreaterThan(8);
    expect(values.filter((value) => value <= 0.5).length).toBeLessThan(32);
    expect(values.filter((value) => value <= 0.1).length).toBeLessThan(12);
  });

  it('is 1 where there is nothing to compare with', () => {
    expect(significanceOf(copyOf(1, 0.1), drawn(1), [])).toEqual({ pValue: 1, n: 0 });
  });

  it('counts a stranger that comes exactly as near', () => {
    expect(significanceOf(copyOf(1, 0.3), drawn(1), [copyOf(1, 0.3)])).toEqual({ pValue: 1, n: 1 });
  });

  it('compares with models of more neurons and of fewer, but not of less than half', () => {
    const query = drawn(1);
    expect([7, 8, 12, 99].map((units) => comparable(query, drawn(2, units)))).toEqual([false, true, true, true]);
    expect(comparable(query, fingerprintOf(sha256, denseStack(2, 25, 16, 4)))).toBe(false);
    expect(significanceOf(query, drawn(3), [drawn(2, 7), drawn(2, 8)]).n).toBe(1);
  });

  it('corrects for all candidates as Holm does', () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(holm([0.9, 0.8])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });
});

describe('findings', () => {
  const candidate = (seed: number, initialization?: { seed: number; recipe: string }) => ({
    model: seed,
    fingerprint: drawn(seed),
    unrelated: STRANGERS,
    ...(initialization === undefined ? {} : { initialization }),
  });

  it('name the model that was copied, and no other', () => {
    const found = findingsFor({ fingerprint: copyOf(1, 0.3) }, [candidate(5), candidate(1)]);
    expect(found.map(({ model, near, corrected }) => [model, near, corrected])).toEqual([
      [1, true, 2 / 60],
      [5, false, expect.any(Number)],
    ]);
    expect(found[0]!.words).toBe('It shares its initialization with this model, or one derives from the other.');
    expect(found[1]!.words).toBe('Models on record that nobody declared related come as near.');
  });

  it('let the seeds on record decide between a copy and a shared initialization', () => {
    const started = (seed: number, recipe = '24-16-4') => ({ seed, recipe });
    const judged = (query: { seed: number; recipe: string }) =>
      findingsFor({ fingerprint: copyOf(1, 0.3), initialization: query }, [candidate(1, started(7))])[0]!;
    expect(judged(started(7)).words).toMatch(/^It shares its initialization .* explains this without a copy\.$/);
    expect(judged(started(8)).words).toMatch(/^One derives from the other, .* does not explain this\.$/);
    expect(judged(started(7, '24-32-4')).initialization).toBe('unknown');
  });

  const few = (of: ReturnType<typeof candidate>) => ({ ...of, unrelated: STRANGERS.slice(0, 5) });

  it('say how many models are wanted where there are too few, and what is seen of a copy nevertheless', () => {
    const [found] = findingsFor({ fingerprint: copyOf(1, 0.3) }, [few(candidate(1))]);
    expect(found).toMatchObject({ near: false, n: 5, pValue: 1 / 6 });
    const cosine = found!.layers[0]!.cosine.toFixed(2);
    expect(Number(cosine)).toBeGreaterThan(0.8);
    expect(found!.words).toBe(
      `Unrelated models of the benchmark never passed a score of 1.59; this is ${found!.score.toFixed(2)}, with a mean cosine of ${cosine}. No p-value can be given: 5 older models on record that nobody declared related compare with it, and 19 are needed.`,
    );
  });

  it('say nothing of a stranger where there are too few', () => {
    expect(findingsFor({ fingerprint: drawn(2) }, [few(candidate(1))])[0]!.words).toBe(
      'Nothing can be said: 5 older models on record that nobody declared related compare with it, and 19 are needed.',
    );
  });

  it('call no model near whose score unrelated models reach, however far the models on record are', () => {
    // Half of the neurons are the same; strangers have none in common.
    const [original, other] = [denseStack(1, 24, 16, 4), denseStack(2, 24, 16, 4)];
    const [first, mixed] = [original.layers[0] as DenseLayer, other.layers[0] as DenseLayer];
    mixed.kernel.set(first.kernel.subarray(0, 24 * 8));
    mixed.bias!.set(first.bias!.subarray(0, 8));
    const [found] = findingsFor({ fingerprint: fingerprintOf(sha256, other) }, [candidate(1)]);
    expect(found).toMatchObject({ pValue: 1 / 60, near: false });
    expect(found!.score).toBeLessThan(FLOOR);
    expect(found!.words).toBe('Nearer than the models on record, but no nearer than unrelated models come elsewhere.');
  });
});
