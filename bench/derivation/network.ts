/**
 * A network of the trainer's two architectures as the stack that derivations change and fingerprints are taken of, and
 * back: the tensors of the trainer, whose own forward pass measures what a derived network still knows.
 *
 * The trainer keeps kernels as TensorFlow does, `[inputs, units]` and `[height, width, channels, filters]`, and flattens
 * pictures row, column, channel; a stack has all of it the other way round.
 */
import type { ConvLayer, DenseLayer, Layer, Stack } from '../../src/core/fingerprint/stack.ts';
import type { Tensor } from '../../src/core/weights/safetensors.ts';
import type { LoadedBackend } from '../../src/training/backends/backend.ts';
import { BatchFeed } from '../../src/training/batches.ts';
import { evaluate } from '../../src/training/evaluation.ts';
import { parseHyperparameters } from '../../src/training/hyperparameters.ts';
import type { ImageSet } from '../../src/training/idx.ts';
import { cnn } from '../../src/training/recipes/cnn.ts';
import { mlp } from '../../src/training/recipes/mlp.ts';
import type { PictureShape, Recipe } from '../../src/training/recipes/index.ts';
import { loadTensors } from '../../src/training/tensors.ts';

export function stackOf(tensors: readonly Tensor[]): Stack {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const names = ['conv1', 'conv2', ...Array.from({ length: 8 }, (_, i) => `dense${i + 1}`)];
  const layers: Layer[] = [];
  for (const name of names) {
    const kernel = byName.get(`${name}/kernel`);
    if (kernel === undefined) continue;
    const bias = floats(byName.get(`${name}/bias`)!);
    layers.push(
      kernel.shape.length === 4
        ? convLayer(name, kernel.shape, floats(kernel), bias)
        : denseLayer(name, kernel.shape, floats(kernel), bias, layers.at(-1)),
    );
  }
  return { layers };
}

export function tensorsOf({ layers }: Stack): Tensor[] {
  return layers.flatMap((layer, i) => [
    layer.kind === 'conv2d' ? convTensor(layer) : denseTensor(layer, layers[i - 1]),
    tensor(`${layer.name}/bias`, [rowsOf(layer)], layer.bias!),
  ]);
}

/** The recipe that trains and runs a stack, whatever its numbers of units. */
export function recipeOf({ layers }: Stack, picture: PictureShape): Recipe {
  const hidden = layers.slice(0, -1);
  const units = hidden.filter(({ kind }) => kind === 'dense').map(rowsOf);
  const [first, second] = hidden.filter(({ kind }) => kind === 'conv2d').map(rowsOf);
  return first === undefined ? mlp(units, picture) : cnn(units, picture, [first, second!]);
}

/** Share of a set's images that the network tells right. */
export async function accuracyOf(
  backend: LoadedBackend,
  stack: Stack,
  set: ImageSet,
  classes: number,
): Promise<number> {
  const { tf } = backend;
  const recipe = recipeOf(stack, { ...set, classes });
  const weights = loadTensors(tf, recipe.parameters, tensorsOf(stack), 'stack');
  const feed = new BatchFeed(tf, classes, parseHyperparameters({}));
  try {
    const score = await evaluate(tf, feed, classes, set, undefined, (images) => recipe.forward(tf, weights, images));
    return score.accuracy;
  } finally {
    tf.dispose(weights);
  }
}

export const rowsOf = (layer: Layer): number => (layer.kind === 'dense' ? layer.units : layer.filters);
export const columnsOf = (layer: Layer): number => layer.kernel.length / rowsOf(layer);

function convLayer(name: string, shape: readonly number[], values: Float32Array, bias: Float32Array): ConvLayer {
  const [height, width, channels, filters] = shape as [number, number, number, number];
  const kernel = turned(values, [height * width, channels, filters]);
  return { kind: 'conv2d', name, filters, channels, height, width, kernel, bias };
}

function convTensor({ name, filters, channels, height, width, kernel }: ConvLayer): Tensor {
  const values = turned(kernel, [filters, channels, height * width]);
  return tensor(`${name}/kernel`, [height, width, channels, filters], values);
}

function denseLayer(
  name: string,
  shape: readonly number[],
  values: Float32Array,
  bias: Float32Array,
  before: Layer | undefined,
): DenseLayer {
  const [inputs, units] = shape as [number, number];
  const channels = before?.kind === 'conv2d' ? before.filters : 1;
  const kernel = turned(values, [inputs / channels, channels, units]);
  return { kind: 'dense', name, units, inputs, kernel, bias };
}

function denseTensor({ name, units, inputs, kernel }: DenseLayer, before: Layer | undefined): Tensor {
  const channels = before?.kind === 'conv2d' ? before.filters : 1;
  return tensor(`${name}/kernel`, [inputs, units], turned(kernel, [units, channels, inputs / channels]));
}

/** `[a][b][c]` as `[c][b][a]`. */
function turned(values: Float32Array, [a, b, c]: readonly [number, number, number]): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) result[(k * b + j) * a + i] = values[(i * b + j) * c + k]!;
    }
  }
  return result;
}

const floats = ({ data }: Tensor): Float32Array => new Float32Array(Uint8Array.from(data).buffer);

const tensor = (name: string, shape: number[], values: Float32Array): Tensor => ({
  name,
  dtype: 'F32',
  shape,
  data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});
