/**
 * A recipe is a network and its gradients, written out as tfjs-core operations: forward, backward and nothing that the
 * engine would have to find out by itself. The same operations in the same order run on every backend.
 *
 * They are chosen for the slowest one: `wasm` multiplies matrices fast (XNNPACK) only when no operand is to be read
 * transposed, and repacks the right-hand one at every step; so transposes are operations of their own, and the right-hand
 * operand is the smaller one.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { TensorFlow } from '../backends/backend.ts';
import type { RandomStream } from '../../core/random.ts';

/** A trained tensor. Its name is stable and goes into the weight digest; `shape` is in [inputs, outputs] order. */
export interface ParameterSpec {
  name: string;
  shape: number[];
  /** Glorot's uniform bound is √(6 / (fanIn + fanOut)); 0 and 0 for a bias, which starts at zero. */
  fanIn: number;
  fanOut: number;
}

export interface Recipe {
  readonly parameters: readonly ParameterSpec[];
  /** Logits [batch, classes]. `images` is [height·width, batch], 0 … 1: a column for each picture. */
  forward(tf: TensorFlow, weights: readonly Tensor[], images: Tensor2D): Tensor2D;
  /** Logits, and for every parameter `scale` times the gradient of the summed cross entropy of the batch. */
  step(tf: TensorFlow, weights: readonly Tensor[], batch: Batch, scale: number): Step;
}

export interface Batch {
  /** [height·width, batch] */
  images: Tensor2D;
  /** One-hot [batch, classes]. */
  targets: Tensor2D;
  /** For each hidden dense layer [units, batch], 0 or 1 / (1 − dropout); absent without dropout. */
  masks?: readonly Tensor2D[];
}

export interface Step {
  /** [batch, classes], from before the update. */
  logits: Tensor2D;
  /** In the order of the parameters. */
  gradients: Tensor[];
}

export interface PictureShape {
  height: number;
  width: number;
  classes: number;
}

/** A parameter's first values: Glorot and Bengio (2010), uniform, so that no transcendental function is needed. */
export function initialValues({ shape, fanIn, fanOut }: ParameterSpec, random: RandomStream): Float32Array {
  const values = new Float32Array(shape.reduce((size, dimension) => size * dimension, 1));
  if (fanIn === 0) return values;
  const limit = Math.sqrt(6 / (fanIn + fanOut));
  for (let i = 0; i < values.length; i++) values[i] = (2 * random.uniform() - 1) * limit;
  return values;
}
