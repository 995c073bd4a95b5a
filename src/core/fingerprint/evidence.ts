/**
 * How alike two models' neurons are. The neurons of two layers are matched one to one so that the sum of their cosines is
 * largest (the assignment problem, Kuhn 1955). Neurons of unrelated models are matched, too, the better the more there are
 * to choose from; so the same is done with all neurons of the other model reversed, where nothing is left to be found but
 * chance, and what counts is by how much the mean cosine is larger:
 *
 *   score = Σ over aligned layers of √pairs · (cosine − chance)
 *
 * Layers are aligned in order, so that the score is largest, and may be left out: a derived model may have some put in,
 * merged or replaced. Neurons are seen from the input, which is as good as unchanged where a last layer was replaced, from
 * behind, which is where a model is trained on with large steps, and by the moments of their kernels, which are left when
 * both sides were turned round: the highest score counts. From the input and of moments, layers of few numbers a neuron
 * are left out where there are others: all models of a task learn the same few edges.
 *
 * Where layers were merged, no hidden neurons are left. The outputs are, and what they see: matched likewise, they score
 * atanh of their mean cosine. Models of one task see much the same, and come to 1.6; merged copies to 2.5 and more.
 *
 * What a score is worth, only scores of unrelated models tell (`significance.ts`).
 */
import { munkres } from 'munkres';
import type { Fingerprint, LayerSketch, Sketch } from './fingerprint.ts';
import { SKETCH_BITS, SKETCH_BYTES } from './fingerprint.ts';

/** Fewer elements a row are few: 5×5 of one channel and a bias are 26. */
const MIN_WIDTH = 64;

/** Larger cosines are told apart by rounding alone. */
const MAX_COSINE = 0.9999;

export interface AlignedLayers {
  /** Which hidden layers, counted from 0 */
  a: number;
  b: number;
  pairs: number;
  /** Mean cosine of the matched neurons, −1 … 1 */
  cosine: number;
  /** The same against reversed neurons */
  chance: number;
}

export interface Evidence {
  /** 0 where no layers compare; about √neurons for the same weights */
  score: number;
  /** What the score is of: hidden neurons seen from the input, from behind or by their moments, or the outputs */
  seen: 'ahead' | 'behind' | 'moments' | 'outputs';
  /** The hidden layers that were aligned, whatever the score is of */
  layers: AlignedLayers[];
}

/** The same either way round. */
export function evidenceFor(a: Fingerprint, b: Fingerprint): Evidence {
  const views: Evidence[] = [
    { ...alignedWhereWide(a, b, (layer) => layer), seen: 'ahead' },
    { ...aligned(a, b, (one, other) => matched(one.behind, other.behind)), seen: 'behind' },
    { ...alignedWhereWide(a, b, ({ moments }) => moments), seen: 'moments' },
  ];
  const hidden = views.reduce((best, view) => (view.score > best.score ? view : best));
  const outputs = scoreOfOutputs(a, b);
  return outputs > hidden.score ? { ...hidden, score: outputs, seen: 'outputs' } : hidden;
}

function scoreOfOutputs({ outputs: a }: Fingerprint, { outputs: b }: Fingerprint): number {
  if (a.width !== b.width || a.rows.length !== b.rows.length || a.rows.length === 0) return 0;
  return Math.atanh(Math.min(MAX_COSINE, Math.max(0, matched(a.rows, b.rows).cosine)));
}

type Alignment = Omit<Evidence, 'seen'>;
type Match = Pick<AlignedLayers, 'chance' | 'cosine' | 'pairs'>;

const NOTHING: Alignment = { score: 0, layers: [] };

/** Of layers whose rows are of one width, and wide where both models have wide ones. */
function alignedWhereWide(
  a: Fingerprint,
  b: Fingerprint,
  sketchOf: (layer: LayerSketch) => Sketch | undefined,
): Alignment {
  const isWide = (sketch: Sketch | undefined) => sketch !== undefined && sketch.width >= MIN_WIDTH;
  const narrowToo = ![a, b].every(({ layers }) => layers.some((layer) => isWide(sketchOf(layer))));
  return aligned(a, b, (one, other) => {
    const [left, right] = [sketchOf(one), sketchOf(other)];
    if (left?.width !== right?.width || !(isWide(left) || narrowToo)) return undefined;
    return left && right && matched(left.rows, right.rows);
  });
}

/** @param match undefined for layers that do not compare */
function aligned(
  a: Fingerprint,
  b: Fingerprint,
  match: (one: LayerSketch, other: LayerSketch) => Match | undefined,
): Alignment {
  // best[j]: of the layers of a so far and the first j of b
  let best: Alignment[] = Array.from({ length: b.layers.length + 1 }, () => NOTHING);
  a.layers.forEach((one, i) => {
    const next: Alignment[] = [NOTHING];
    b.layers.forEach((other, j) => {
      const without = best[j + 1]!.score >= next[j]!.score ? best[j + 1]! : next[j]!;
      const found = match(one, other);
      const extended = found === undefined ? NOTHING : withLayers(best[j]!, { a: i, b: j, ...found });
      next.push(extended.score > without.score ? extended : without);
    });
    best = next;
  });
  return best.at(-1)!;
}

const withLayers = ({ score, layers }: Alignment, more: AlignedLayers): Alignment => ({
  score: score + Math.sqrt(more.pairs) * (more.cosine - more.chance),
  layers: [...layers, more],
});

/** Each neuron of the smaller layer with one of the other. */
function matched(a: Uint8Array, b: Uint8Array): Match {
  if (a.length > b.length) return matched(b, a);
  const pairs = a.length / SKETCH_BYTES;
  if (pairs === 0) return { pairs, cosine: 0, chance: 0 };
  const cosines = differences(a, b).map((row) => row.map((bits) => COSINES[bits]!));
  const reversed = cosines.map((row) => row.map((cosine) => -cosine));
  // The assignment makes the sum of costs smallest.
  const sum = (values: number[][], costs: number[][]): number =>
    munkres(costs).reduce((total, [i, j]) => total + values[i]![j]!, 0);
  return { pairs, cosine: sum(cosines, reversed) / pairs, chance: sum(reversed, cosines) / pairs };
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

/** By the number of bits in which two sketches differ. */
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
