/**
 * Every random draw of a run. Generator: xoshiro128** 1.1 (Blackman and Vigna, https://prng.di.unimi.it), 32-bit
 * integer arithmetic only. A *stream* is one generator; its 128-bit state is the first 16 bytes, little-endian words, of
 * SHA-256("muniment random v1\n" ‖ decimal seed ‖ "\n" ‖ purpose). One stream a purpose (`init/dense1/kernel`,
 * `shuffle/3`) makes the draws of epoch 3 independent of whether epochs 1 and 2 ran in this process, so a run that is
 * resumed draws what an uninterrupted one draws.
 *
 * Only integers, exact scaling by powers of two and IEEE 754 basic operations: the same bits on every machine.
 */
import { createHash } from 'node:crypto';

export interface RandomStream {
  /** An integer in [0, 2³²). */
  uint32(): number;
  /** An integer in [0, bound), unbiased by rejection; `bound` in 1 … 2³². */
  below(bound: number): number;
  /** A multiple of 2⁻²⁴ in [0, 1): exact in a 32-bit float. */
  uniform(): number;
}

/** @param seed an integer in [0, 2³²) @param purpose names the stream; the same pair gives the same draws */
export function randomStream(seed: number, purpose: string): RandomStream {
  const state = createHash('sha256').update(`muniment random v1\n${seed}\n${purpose}`).digest();
  let a = state.readInt32LE(0);
  let b = state.readInt32LE(4);
  let c = state.readInt32LE(8);
  let d = state.readInt32LE(12);

  const uint32 = (): number => {
    const scrambled = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return scrambled >>> 0;
  };
  const below = (bound: number): number => {
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let draw = uint32();
    while (draw >= limit) draw = uint32();
    return draw % bound;
  };
  return { uint32, below, uniform: () => (uint32() >>> 8) * 2 ** -24 };
}

/** 0 … size−1 in random order (Fisher–Yates, from the end). */
export function permutation(size: number, random: RandomStream): Uint32Array {
  const order = Uint32Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const moved = order[i] as number;
    order[i] = order[j] as number;
    order[j] = moved;
  }
  return order;
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
