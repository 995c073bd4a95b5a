/**
 * Random draws that are the same on every machine. Generator: xoshiro128** 1.1 (Blackman and Vigna,
 * https://prng.di.unimi.it). Only 32-bit integers, exact scaling by powers of two and IEEE 754 basic operations.
 */

export interface RandomStream {
  /** An integer in [0, 2³²). */
  uint32(): number;
  /** An integer in [0, bound), unbiased by rejection; `bound` in 1 … 2³². */
  below(bound: number): number;
  /** A multiple of 2⁻²⁴ in [0, 1): exact in a 32-bit float. */
  uniform(): number;
}

/** @param state the first 16 bytes of it, as four little-endian words, not all zero: of a SHA-256, for example */
export function randomFrom(state: Uint8Array): RandomStream {
  const words = new DataView(state.buffer, state.byteOffset, state.byteLength);
  let a = words.getInt32(0, true);
  let b = words.getInt32(4, true);
  let c = words.getInt32(8, true);
  let d = words.getInt32(12, true);

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
