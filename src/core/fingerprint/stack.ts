/**
 * A feed-forward stack: the dense and convolutional layers of a model in the order in which data runs through them, with
 * their weights as numbers. What stands between layers and has no weights of its own (activations that let positive
 * factors through, pooling, flattening) is left out: the fingerprint does not change with it.
 */

import { RegistryError } from '../errors.ts';
import { shown } from '../weights/header-json.ts';

export interface DenseLayer {
  kind: 'dense';
  /** As the container calls the kernel */
  name: string;
  units: number;
  /**
   * Behind convolutions in the order channel, row, column, as PyTorch and ONNX flatten; whoever reads TensorFlow's row,
   * column, channel puts them so.
   */
  inputs: number;
  /** `[units][inputs]`, row-major */
  kernel: Float32Array;
  /** `[units]` */
  bias: Float32Array | undefined;
}

export interface ConvLayer {
  kind: 'conv2d';
  name: string;
  filters: number;
  channels: number;
  height: number;
  width: number;
  /** `[filters][channels][height][width]`, row-major */
  kernel: Float32Array;
  /** `[filters]` */
  bias: Float32Array | undefined;
}

export type Layer = ConvLayer | DenseLayer;

/** From input to output; at least one layer, each taking as many inputs as the one before it gives. */
export interface Stack {
  layers: readonly Layer[];
}

/** What is thrown where a model is no stack, or its container does not tell which. */
export function stackUnknown(sentence: string, field: string, fix = OTHERWISE): RegistryError {
  return new RegistryError('stack_unknown', sentence, { field: shown(field), fix });
}

const OTHERWISE = 'Look such a model up by its digests: muniment lookup.';
