import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { permutation } from '../../../src/core/random.ts';
import { randomStream } from '../../../src/training/random.ts';

const draws = (seed: number, purpose: string, count: number) => {
  const random = randomStream(seed, purpose);
  return Array.from({ length: count }, () => random.uint32());
};

describe('a random stream', () => {
  it('draws the same numbers on every machine', () => {
    // Computed with Python from the generator's definition.
    expect(draws(1, 'init/dense1/kernel', 4)).toEqual([1901211408, 241302233, 1141331087, 664297167]);
  });

  it('depends on every part of seed and purpose', () => {
    const streams = [
      draws(1, 'shuffle/1', 4),
      draws(2, 'shuffle/1', 4),
      draws(1, 'shuffle/2', 4),
      draws(1, 'shuffle', 4),
    ];
    expect(new Set(streams.map(String)).size).toBe(streams.length);
  });

  it('draws below a bound without bias', () => {
    const random = randomStream(3, 'dice');
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 60_000; i++) {
      const face = random.below(6);
      counts[face] = (counts[face] as number) + 1;
    }
    // χ² with 5 degrees of freedom exceeds 25.7 once in ten thousand seeds; this seed is fixed.
    const chiSquared = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquared).toBeLessThan(25.7);
  });

  it('draws uniform numbers that a 32-bit float holds exactly, in [0, 1)', () => {
    const random = randomStream(4, 'uniform');
    for (let i = 0; i < 1000; i++) {
      const value = random.uniform();
      expect(value).toBe(Math.fround(value));
      expect(value >= 0 && value < 1).toBe(true);
    }
  });
});

describe('a permutation', () => {
  it('holds every index exactly once, whatever the size and seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }), (size, seed) => {
        const order = permutation(size, randomStream(seed, 'shuffle/1'));
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
      }),
    );
  });
});
