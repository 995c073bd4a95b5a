/**
 * A fingerprint of weights: what a model tells of its neurons so that near copies of it are found, and so little that the
 * weights are not told. It does not change when neurons are put in another order or scaled by positive factors, and
 * little when the model is trained on, pruned or quantized.
 */

export const SCHEME = 'muniment-fingerprint-1';

/** Elements of the retrieval vector, whatever the depth of the model. */
export const RETRIEVAL_DIMENSIONS = 1024;

/** Elements of a neuron's sketch. */
export const SKETCH_DIMENSIONS = 32;

/** Neurons of a layer that are kept, the strongest. */
export const MAX_NEURONS = 64;

export interface LayerSketch {
  /** Neurons of the layer, kept or not */
  units: number;
  /** Of each kept neuron, strongest first: its share of the layer's strength, so that all of a layer add up to at most 1 */
  strengths: Float32Array;
  /** `[kept][SKETCH_DIMENSIONS]`, unit vectors times 127, rounded */
  rows: Int8Array;
}

export interface Fingerprint {
  scheme: typeof SCHEME;
  /** What the stack is made of, as `784-128-10`: chance is reckoned among models of one shape. */
  shape: string;
  /** `[RETRIEVAL_DIMENSIONS]`, a unit vector times its scale, rounded; two are compared by their cosine. */
  retrieval: Int8Array;
  layers: readonly LayerSketch[];
}
