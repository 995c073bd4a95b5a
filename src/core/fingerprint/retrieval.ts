/**
 * The retrieval vector: one direction for all neurons of a model, by which near models are found among many.
 *
 *   retrieval  e / max|e| as bytes, e = Σ over views of share · v / ‖v‖, v = Σ over neurons i of strength_i · sin(G·u_i / σ):
 *              the mean of a kernel (Rahimi and Recht 2007) that is odd in the cosine of two neurons, sinh(cos / σ²), so
 *              that neurons which have nothing to do with each other cancel out, and no mean of all models need be known
 *
 * Views are the neurons of each hidden layer seen from the input, the moments of their kernels, and the outputs. These are
 * all that a model has left whose layers were merged; of one task they are much alike, so their share is smaller.
 */
import type { Sha256 } from '../digest.ts';
import type { Rows } from './projection.ts';
import { dot, gaussianRows, rowAt } from './projection.ts';

/** Elements of the retrieval vector, whatever the depth of the model. */
export const RETRIEVAL_DIMENSIONS = 1024;

/** Width of the kernel: the one that found most derived models again; likewise the share of the outputs. */
const SIGMA = 0.5;
const SHARE_OF_OUTPUTS = 0.7;

/**
 * @param hidden of each view of hidden layers, and `outputs` of the outputs, what `waves` adds up
 * @returns `[RETRIEVAL_DIMENSIONS]`, the largest element ±127, or zeros where there are no neurons
 */
export function retrievalOf(hidden: readonly Float64Array[], outputs: Float64Array): Int8Array {
  const total = new Float64Array(RETRIEVAL_DIMENSIONS);
  const add = (view: Float64Array, share: number): void => {
    const length = Math.sqrt(view.reduce((squares, value) => squares + value * value, 0));
    if (length > 0) view.forEach((value, k) => (total[k]! += (share * value) / length));
  };
  for (const view of hidden) add(view, 1);
  add(outputs, SHARE_OF_OUTPUTS);
  const largest = total.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return Int8Array.from(total, (value) => (largest > 0 ? Math.round((value / largest) * 127) : 0));
}

/** @param rows unit vectors @returns Σ over neurons i of strength_i · sin(G·u_i / σ) */
export function waves(sha256: Sha256, rows: Rows, strengths: Float64Array): Float64Array {
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
