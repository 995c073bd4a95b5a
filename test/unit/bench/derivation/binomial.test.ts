import { describe, expect, it } from '@jest/globals';
import { lowerBound, upperBound } from '../../../../bench/derivation/binomial.ts';

describe('Clopper–Pearson bounds', () => {
  it('are R’s binom.test(8, 10): 0.4439045 and 0.9747893, each side 2.5 %', () => {
    expect(lowerBound(8, 10, 0.975)).toBeCloseTo(0.4439045, 6);
    expect(upperBound(8, 10, 0.975)).toBeCloseTo(0.9747893, 6);
  });

  it.each([1, 20, 500])('are the closed form where all of %i trials hit', (trials) => {
    expect(lowerBound(trials, trials)).toBeCloseTo(0.05 ** (1 / trials), 9);
    expect(upperBound(trials, trials)).toBe(1);
    expect(upperBound(0, trials)).toBeCloseTo(1 - 0.05 ** (1 / trials), 9);
    expect(lowerBound(0, trials)).toBe(0);
  });

  it('hold for as many pairs as a benchmark compares', () => {
    expect(upperBound(0, 50_000)).toBeCloseTo(1 - 0.05 ** (1 / 50_000), 9);
    expect(lowerBound(49_990, 50_000)).toBeGreaterThan(0.9996);
    expect(lowerBound(49_990, 50_000)).toBeLessThan(0.9998);
  });
});
