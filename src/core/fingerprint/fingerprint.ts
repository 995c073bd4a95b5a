/**
 * A fingerprint of weights: what a model tells of its neurons so that near copies of it are found, and too little to make
 * the weights from. It does not change when neurons are put in another order or scaled by positive factors, and little
 * when the model is trained on, pruned or quantized.
 *
 *   retrieval  one vector for all of them (`retrieval.ts`)
 *   layers     of each kept neuron, seen from the input and seen from behind, and of the moments of its kernel, the signs of
 *              SKETCH_BITS random projections: two vectors at an angle φ differ in φ/π of them (Goemans and Williamson
 *              1995; Charikar 2002)
 *
 * Neurons of one direction are folded into one first: a thief may add pairs of any strength that undo each other. Hidden
 * layers are all but the last one, whose rows are the task itself; a model of one layer has no other.
 */
import type { Sha256 } from '../digest.ts';
import { kernelMoments } from './kernel-moments.ts';
import type { Neurons } from './neurons.ts';
import { neuronsOf, unitsOf } from './neurons.ts';
import type { Rows } from './projection.ts';
import { dot, gaussianRows, projected, rowAt, rowsOf } from './projection.ts';
import { retrievalOf, waves } from './retrieval.ts';
import type { Layer, Stack } from './stack.ts';
import { foldTwins } from './twins.ts';

export const SCHEME = 'muniment-fingerprint-1';

/** Of a neuron's sketch; the cosine that it gives is off by about 0.07. */
export const SKETCH_BITS = 512;

/** How many hidden layers are sketched, from the input on, and how many neurons in all of them and in one. */
export const MAX_LAYERS = 8;
export const MAX_NEURONS = 512;
export const MAX_NEURONS_A_LAYER = 256;
export const MAX_OUTPUTS = 64;

/** Characters of a shape. */
export const MAX_SHAPE = 200;

/** Wider rows are projected first. */
const MAX_WIDTH = 1024;
/** The strongest neurons of a layer are looked at; what is left adds next to nothing, and takes long. */
const MAX_STRONGEST = 512;

export interface LayerSketch {
  /** Neurons of the layer, kept or not */
  units: number;
  /** Elements of a neuron's row before it was sketched: only those of one width compare. */
  width: number;
  /** `[kept][SKETCH_BITS / 8]`, the strongest neuron first, bits from the low one on */
  rows: Uint8Array;
  /** The same of the neurons seen from behind, in the same order */
  behind: Uint8Array;
  /** The same of the moments of their kernels, in a layer whose units look at several positions of each channel */
  moments?: Sketch;
}

export interface Sketch {
  width: number;
  /** As those of a layer */
  rows: Uint8Array;
}

export interface Fingerprint {
  scheme: typeof SCHEME;
  /** What the stack is made of, as `784-128-10` or `1x28-…`, for people */
  shape: string;
  /** `[RETRIEVAL_DIMENSIONS]`, the largest element ±127; two are compared by their cosine. */
  retrieval: Int8Array;
  layers: readonly LayerSketch[];
  /** The last layer, at most MAX_OUTPUTS neurons in their order: what is left where layers were merged into one */
  outputs: Sketch;
}

export const SKETCH_BYTES = SKETCH_BITS / 8;

export function fingerprintOf(sha256: Sha256, stack: Stack): Fingerprint {
  const all = neuronsOf(sha256, foldTwins(sha256, stack));
  const last = all.at(-1)!;
  const hidden = (all.length === 1 ? all : all.slice(0, -1)).map((neurons, index) =>
    strongestFirst(sha256, neurons, all[index - 1]?.layer),
  );
  const outputs = projected(sha256, last.directions, MAX_WIDTH);
  const sketched = hidden.slice(0, MAX_LAYERS);
  const kept = Math.min(MAX_NEURONS_A_LAYER, Math.floor(MAX_NEURONS / sketched.length));
  return {
    scheme: SCHEME,
    shape: shapeOf(stack),
    retrieval: retrievalOf(
      hidden.flatMap(({ rows, moments, strengths }) =>
        (moments ? [rows, moments] : [rows]).map((view) => waves(sha256, view, strengths)),
      ),
      waves(sha256, firstOf(outputs, MAX_STRONGEST), last.strengths),
    ),
    layers: sketched.map(({ rows, behind, moments, units, width }) => ({
      units,
      width,
      rows: signsOf(sha256, firstOf(rows, kept)),
      behind: signsOf(sha256, firstOf(behind, kept)),
      ...(moments && { moments: { width: moments.width, rows: signsOf(sha256, firstOf(moments, kept)) } }),
    })),
    outputs: { width: last.directions.width, rows: signsOf(sha256, firstOf(outputs, MAX_OUTPUTS)) },
  };
}

/**
 * `784-128-10`; a convolution is written `8@5x5`, after the number of channels that come in, and layers alike that follow
 * each other once, with their number: `784-512x60-10`, `1-8@5x5x3-10`. What is still longer has `...` in its middle.
 */
export function shapeOf({ layers }: Stack): string {
  const [first] = layers as [Stack['layers'][number]];
  const parts = layers.map((layer) =>
    layer.kind === 'dense' ? `${layer.units}` : `${layer.filters}@${layer.height}x${layer.width}`,
  );
  const starts = [...parts.keys()].filter((at) => parts[at] !== parts[at - 1]);
  const runs = starts.map((at, i) => {
    const count = (starts[i + 1] ?? parts.length) - at;
    return count === 1 ? parts[at] : `${parts[at]}x${count}`;
  });
  const shape = [first.kind === 'dense' ? first.inputs : first.channels, ...runs].join('-');
  if (shape.length <= MAX_SHAPE) return shape;
  const half = (MAX_SHAPE - 3) / 2;
  return `${shape.slice(0, Math.ceil(half))}...${shape.slice(-Math.floor(half))}`;
}

interface Hidden {
  units: number;
  width: number;
  strengths: Float64Array;
  /** At most MAX_STRONGEST, those of no strength left out */
  rows: Rows;
  behind: Rows;
  moments: Rows | undefined;
}

function strongestFirst(
  sha256: Sha256,
  { layer, directions, behind, strengths }: Neurons,
  before: Layer | undefined,
): Hidden {
  const order = [...strengths.keys()].filter((unit) => strengths[unit]! > 0);
  order.sort((a, b) => strengths[b]! - strengths[a]! || a - b);
  order.splice(MAX_STRONGEST);
  const moments = before && kernelMoments(sha256, layer, unitsOf(before));
  return {
    units: unitsOf(layer),
    width: directions.width,
    strengths: Float64Array.from(order, (unit) => strengths[unit]!),
    rows: projected(sha256, sorted(directions, order), MAX_WIDTH),
    behind: sorted(behind, order),
    moments: moments && sorted(moments, order),
  };
}

function sorted(rows: Rows, order: readonly number[]): Rows {
  const result = rowsOf(order.length, rows.width);
  order.forEach((unit, i) => rowAt(result, i).set(rowAt(rows, unit)));
  return result;
}

const firstOf = ({ width, values, count }: Rows, most: number): Rows => ({
  count: Math.min(count, most),
  width,
  values: values.subarray(0, most * width),
});

function signsOf(sha256: Sha256, rows: Rows): Uint8Array {
  const planes = gaussianRows(sha256, 'sketch', SKETCH_BITS, rows.width);
  const signs = new Uint8Array(rows.count * SKETCH_BYTES);
  for (let i = 0; i < rows.count; i++) {
    const row = rowAt(rows, i);
    for (let k = 0; k < SKETCH_BITS; k++) {
      if (dot(rowAt(planes, k), row) > 0) signs[i * SKETCH_BYTES + (k >> 3)]! |= 1 << (k & 7);
    }
  }
  return signs;
}
