/**
 * A fingerprint of weights: what a model tells of its neurons so that near copies of it are found, and too little to make
 * the weights from. It does not change when neurons are put in another order or scaled by positive factors, and little
 * when the model is trained on, pruned or quantized.
 *
 *   retrieval  e / ‖e‖ as bytes, e = Σ over hidden layers of v_l / ‖v_l‖, v_l = Σ over neurons i of strength_i · sin(G·u_i / σ):
 *              the mean of a kernel (Rahimi and Recht 2007) that is odd in the cosine of two neurons, sinh(cos / σ²), so
 *              that neurons which have nothing to do with each other cancel out, and no mean of all models need be known
 *   layers     of each kept neuron, seen from the input and seen from behind, and of the moments of its kernel, the signs of
 *              SKETCH_BITS random projections: two vectors at an angle φ differ in φ/π of them (Goemans and Williamson
 *              1995; Charikar 2002)
 *
 * Neurons of one direction are folded into one first: a thief may add pairs of any strength that undo each other. Hidden
 * layers are all but the last one, whose rows are the task itself; a model of one layer has no other.
 */
import type { Sha256 } from '../digest.ts';
import { momentsOf } from './moments.ts';
import type { Neurons } from './neurons.ts';
import { neuronsOf, unitsOf } from './neurons.ts';
import type { Rows } from './projection.ts';
import { gaussianRows, projected, rowAt, rowsOf } from './projection.ts';
import type { Layer, Stack } from './stack.ts';
import { foldTwins } from './twins.ts';

export const SCHEME = 'muniment-fingerprint-1';

/** Elements of the retrieval vector, whatever the depth of the model. */
export const RETRIEVAL_DIMENSIONS = 1024;

/** Of a neuron's sketch; the cosine that it gives is off by about 0.07. */
export const SKETCH_BITS = 512;

/** How many hidden layers are sketched, from the input on, and how many neurons in all of them and in one. */
export const MAX_LAYERS = 8;
export const MAX_NEURONS = 512;
export const MAX_NEURONS_A_LAYER = 256;
export const MAX_OUTPUTS = 64;

/** Width of the kernel: the one that found most derived models again. */
const SIGMA = 0.5;
/** Wider rows are projected first. */
const MAX_WIDTH = 1024;
/** The strongest neurons of a layer go into the retrieval vector; what is left adds next to nothing, and takes long. */
const MAX_NEURONS_RETRIEVED = 512;

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
  /** The last layer, whose neurons are the outputs, in their order, at most MAX_OUTPUTS of them: what is left where layers were merged into one */
  outputs: Sketch;
}

export const SKETCH_BYTES = SKETCH_BITS / 8;

export function fingerprintOf(sha256: Sha256, stack: Stack): Fingerprint {
  const all = neuronsOf(sha256, foldTwins(stack));
  const hidden = (all.length === 1 ? all : all.slice(0, -1)).map((neurons, index) =>
    strongestFirst(sha256, neurons, all[index - 1]?.layer),
  );
  const sketched = hidden.slice(0, MAX_LAYERS);
  const kept = Math.min(MAX_NEURONS_A_LAYER, Math.floor(MAX_NEURONS / sketched.length));
  return {
    scheme: SCHEME,
    shape: shapeOf(stack),
    retrieval: retrievalOf(sha256, hidden),
    layers: sketched.map(({ rows, behind, moments, units, width }) => ({
      units,
      width,
      rows: signsOf(sha256, firstOf(rows, kept)),
      behind: signsOf(sha256, firstOf(behind, kept)),
      ...(moments && { moments: { width: moments.width, rows: signsOf(sha256, firstOf(moments, kept)) } }),
    })),
    outputs: outputsOf(sha256, all.at(-1)!),
  };
}

/** `784-128-10`; a convolution is written `8@5x5`, after the number of channels that come in. */
export function shapeOf({ layers }: Stack): string {
  const [first] = layers as [Stack['layers'][number]];
  const parts = layers.map((layer) =>
    layer.kind === 'dense' ? `${layer.units}` : `${layer.filters}@${layer.height}x${layer.width}`,
  );
  return [first.kind === 'dense' ? first.inputs : first.channels, ...parts].join('-');
}

function outputsOf(sha256: Sha256, { directions }: Neurons): Sketch {
  const rows = projected(sha256, firstOf(directions, MAX_OUTPUTS), MAX_WIDTH);
  return { width: directions.width, rows: signsOf(sha256, rows) };
}

interface Hidden {
  units: number;
  width: number;
  strengths: Float64Array;
  /** Neurons of no strength left out */
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
  const moments = before && momentsOf(sha256, layer, unitsOf(before));
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

function retrievalOf(sha256: Sha256, hidden: readonly Hidden[]): Int8Array {
  const sum = new Float64Array(RETRIEVAL_DIMENSIONS);
  for (const { rows, strengths } of hidden) {
    const of = embedded(sha256, firstOf(rows, MAX_NEURONS_RETRIEVED), strengths);
    const length = Math.sqrt(of.reduce((total, value) => total + value * value, 0));
    if (length > 0) of.forEach((value, k) => (sum[k]! += value / length));
  }
  const largest = sum.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return Int8Array.from(sum, (value) => (largest > 0 ? Math.round((value / largest) * 127) : 0));
}

function embedded(sha256: Sha256, rows: Rows, strengths: Float64Array): Float64Array {
  const frequencies = gaussianRows(sha256, 'retrieve', RETRIEVAL_DIMENSIONS, rows.width);
  const result = new Float64Array(RETRIEVAL_DIMENSIONS);
  for (let i = 0; i < rows.count; i++) {
    const row = rowAt(rows, i);
    for (let k = 0; k < RETRIEVAL_DIMENSIONS; k++) {
      result[k]! += strengths[i]! * Math.sin(dot(rowAt(frequencies, k), row) / SIGMA);
    }
  }
  return result;
}

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

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
