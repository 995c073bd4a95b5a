/**
 * SimHash (Charikar, *Similarity Estimation Techniques from Rounding Algorithms*, 2002): of a vector, on which side of
 * 1024 hyperplanes it lies. Two vectors at an angle of α radians differ in about 1024·α/π bits, so a database that knows
 * nothing of vectors finds near ones by counting bits.
 *
 * The hyperplanes are those of a random rotation that costs a few thousand additions (Andoni et al., *Practical and
 * Optimal LSH for Angular Distance*, 2015): three times, the signs of elements are changed at random, and the vector is
 * put through the Walsh–Hadamard transform. To compute it elsewhere, with x the retrieval vector:
 *
 *   signs   xoshiro128** 1.1 whose four words are the 16 ASCII characters `muniment simhash`, little-endian; each draw
 *           gives the signs of the next 32 elements, lowest bit first, a bit that is set being a minus
 *   round   x[i] ← ±x[i] for i = 0 … 1023; then for h = 1, 2, 4 … 512 and each i that has no bit h:
 *           x[i], x[i + h] ← x[i] + x[i + h], x[i] − x[i + h]; three rounds, the draws going on
 *   bits    bit i is 1 where x[i] > 0, for i = 0 … 1023
 *
 * All of it are whole numbers below 2³¹.
 */
import { utf8 } from '../bytes.ts';
import { randomFrom } from '../random.ts';
import { RETRIEVAL_DIMENSIONS } from './retrieval.ts';

export const SIMHASH_BITS = RETRIEVAL_DIMENSIONS;

const ROUNDS = 3;

const random = randomFrom(utf8('muniment simhash'));
/** The minus signs of all rounds, 32 in a word. */
const SIGNS = Uint32Array.from({ length: (ROUNDS * RETRIEVAL_DIMENSIONS) / 32 }, () => random.uint32());

/**
 * @param retrieval `[RETRIEVAL_DIMENSIONS]`
 * @returns 1024 characters `0` and `1`, bit 0 first
 */
export function simHash(retrieval: Int8Array): string {
  const x = Float64Array.from(retrieval);
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < x.length; i++) {
      const at = round * RETRIEVAL_DIMENSIONS + i;
      if ((SIGNS[at >>> 5]! >>> (at & 31)) & 1) x[i] = -x[i]!;
    }
    transform(x);
  }
  let bits = '';
  for (let i = 0; i < SIMHASH_BITS; i++) bits += x[i]! > 0 ? '1' : '0';
  return bits;
}

/** Walsh–Hadamard, in place and not normalized. */
function transform(x: Float64Array): void {
  for (let half = 1; half < x.length; half *= 2) {
    for (let block = 0; block < x.length; block += 2 * half) {
      for (let i = block; i < block + half; i++) {
        const [a, b] = [x[i]!, x[i + half]!];
        x[i] = a + b;
        x[i + half] = a - b;
      }
    }
  }
}
