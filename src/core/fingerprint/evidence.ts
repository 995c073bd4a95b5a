/**
 * How alike two models' neurons are: the neurons of a layer are matched one to one so that the sum of their cosines is
 * largest (the assignment problem, Kuhn 1955), and the mean over the pairs is the layers' score. Of the layers that
 * compare the most alike count, since a derived model may have layers put in, merged or replaced.
 *
 * A score says nothing by itself: neurons of unrelated models are matched, too, and the more there are to choose from the
 * better. What counts is how often unrelated models come as far (`significance.ts`).
 */
import { munkres } from 'munkres';
import type { Fingerprint, LayerSketch } from './fingerprint.ts';
import { SKETCH_BITS, SKETCH_BYTES } from './fingerprint.ts';

export interface Evidence {
  /** Mean cosine of matched neurons, −1 … 1; 0 where no layers compare */
  score: number;
  /** Of the layers that are most alike, counted from 0, or null where none compare */
  layers: [number, number] | null;
}

export function evidenceFor(a: Fingerprint, b: Fingerprint): Evidence {
  let best: Evidence = { score: 0, layers: null };
  a.layers.forEach((one, i) => {
    b.layers.forEach((other, j) => {
      if (one.width !== other.width) return;
      const score = matched(one, other);
      if (best.layers === null || score > best.score) best = { score, layers: [i, j] };
    });
  });
  return best;
}

/** Mean cosine of the neurons of the smaller layer and those they are matched with. */
export function matched(a: LayerSketch, b: LayerSketch): number {
  if (a.rows.length > b.rows.length) return matched(b, a);
  const count = a.rows.length / SKETCH_BYTES;
  if (count === 0) return 0;
  const costs = differences(a.rows, b.rows).map((row) => row.map((bits) => -cosineOf(bits)));
  const sum = munkres(costs).reduce((total, [i, j]) => total - costs[i]![j]!, 0);
  return sum / count;
}

/** Cosine of two retrieval vectors, −1 … 1. */
export function nearness(a: Int8Array, b: Int8Array): number {
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (let k = 0; k < a.length; k++) {
    product += a[k]! * b[k]!;
    squaresA += a[k]! * a[k]!;
    squaresB += b[k]! * b[k]!;
  }
  return squaresA === 0 || squaresB === 0 ? 0 : product / Math.sqrt(squaresA * squaresB);
}

const cosineOf = (differing: number): number => COSINES[differing]!;
const COSINES = Float64Array.from({ length: SKETCH_BITS + 1 }, (_, bits) => Math.cos((Math.PI * bits) / SKETCH_BITS));

/** `[a][b]`: bits in which the sketches of two neurons differ */
function differences(a: Uint8Array, b: Uint8Array): number[][] {
  const [left, right] = [wordsOf(a), wordsOf(b)];
  const words = SKETCH_BYTES / 4;
  return Array.from({ length: left.length / words }, (_, i) =>
    Array.from({ length: right.length / words }, (_, j) => {
      let bits = 0;
      for (let k = 0; k < words; k++) bits += ones(left[i * words + k]! ^ right[j * words + k]!);
      return bits;
    }),
  );
}

/** In the byte order of this machine, which is of no account where bits are counted. */
const wordsOf = (bytes: Uint8Array): Int32Array => new Int32Array(bytes.slice().buffer);

/** Number of ones in 32 bits, added up in parallel (Warren, Hacker's Delight §5-1). */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
