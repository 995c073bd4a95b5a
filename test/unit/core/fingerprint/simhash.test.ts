import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { RETRIEVAL_DIMENSIONS } from '../../../../src/core/fingerprint/retrieval.ts';
import { SIMHASH_BITS, simHash } from '../../../../src/core/fingerprint/simhash.ts';
import { anyFingerprint, copyOf } from '../../../support/fingerprints.ts';

function cosine(a: Int8Array, b: Int8Array): number {
  const dot = (x: Int8Array, y: Int8Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
const countDifferent = (a: string, b: string) => [...a].filter((bit, i) => bit !== b[i]).length;

/** The header comment of simhash.ts once more, with the transform as the matrix that it stands for. */
function bySpecification(vector: Int8Array): string {
  const words = new DataView(new TextEncoder().encode('muniment simhash').buffer);
  let [a, b, c, d] = [0, 4, 8, 12].map((at) => BigInt(words.getUint32(at, true))) as [bigint, bigint, bigint, bigint];
  const mask = 0xffffffffn;
  const rotate = (word: bigint, by: bigint) => ((word << by) | (word >> (32n - by))) & mask;
  const draw = () => {
    const drawn = (rotate((b * 5n) & mask, 7n) * 9n) & mask;
    const shifted = (b << 9n) & mask;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11n);
    return drawn;
  };
  let x = [...vector];
  const n = x.length;
  for (let round = 0; round < 3; round++) {
    for (let from = 0; from < n; from += 32) {
      const drawn = draw();
      for (let i = 0; i < 32; i++) if ((drawn >> BigInt(i)) & 1n) x[from + i] = -x[from + i]!;
    }
    const parity = (word: number) => {
      let ones = 0;
      for (let left = word; left > 0; left &= left - 1) ones++;
      return ones % 2;
    };
    x = x.map((_, row) => x.reduce((sum, value, column) => sum + (parity(row & column) ? -value : value), 0));
  }
  return x
    .slice(0, SIMHASH_BITS)
    .map((value) => (value > 0 ? '1' : '0'))
    .join('');
}

describe('SimHash', () => {
  test('is what its header says, so that a stranger computes the same', () => {
    const { retrieval } = anyFingerprint();
    expect(simHash(retrieval)).toBe(bySpecification(retrieval));
  });

  test('does not change: the hashes on record follow from it', () => {
    const vector = Int8Array.from({ length: RETRIEVAL_DIMENSIONS }, (_, i) => ((i * 7919) % 255) - 127);
    expect(createHash('sha256').update(simHash(vector)).digest('hex')).toBe(
      'a3c2cb3716878f2b546c7ca145c7176fbb87a6f1a9a4a260858ff322e639d26b',
    );
  });

  test('leaves its argument as it is, and does not depend on its length', () => {
    const vector = anyFingerprint().retrieval.map((value) => Math.trunc(value / 2));
    const before = vector.slice();
    const hash = simHash(vector);
    expect(vector).toEqual(before);
    expect(simHash(vector.map((value) => 2 * value))).toBe(hash);
  });

  test.each([0.99, 0.9, 0.7, 0.4, 0])(
    'two vectors with a cosine of %d differ in as many bits as their angle says',
    (at) => {
      const bits: number[] = [];
      const expected: number[] = [];
      for (let i = 0; i < 20; i++) {
        const fingerprint = anyFingerprint();
        const [a, b] = [fingerprint, copyOf(fingerprint, at)].map(({ retrieval }) => retrieval);
        bits.push(countDifferent(simHash(a!), simHash(b!)));
        expected.push((SIMHASH_BITS * Math.acos(cosine(a!, b!))) / Math.PI);
      }
      const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length;
      // Of 20 counts the mean has a standard deviation of at most 3.6.
      expect(Math.abs(mean(bits) - mean(expected))).toBeLessThan(18);
    },
  );
});
