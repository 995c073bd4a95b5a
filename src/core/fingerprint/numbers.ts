/**
 * Numbers of a model that are read when they are wanted, and what is computed from such: another order of the axes, scale
 * and shift of a quantization or a normalization. So that a stack is looked at in full before any of it is read.
 */
import type { StoredTensor } from '../weights/container.ts';
import { elementCount } from '../weights/dtype.ts';
import { decode, requireFinite } from './decode.ts';
import { stackUnknown } from './stack.ts';

export interface Numbers {
  /** As the container calls them */
  name: string;
  shape: readonly number[];
  /** Row-major; the array belongs to the caller. */
  read(): Promise<Float32Array>;
}

/** Those of a tensor, called otherwise where its container adds to names. */
export const numbersOf = (tensor: StoredTensor, name = tensor.name): Numbers => ({
  name,
  shape: tensor.shape,
  read: () => decode(tensor),
});

/** Numbers that stand in the description of a model. */
export const written = (name: string, values: readonly number[]): Numbers => ({
  name,
  shape: values.length === 1 ? [] : [values.length],
  read: () => Promise.resolve(Float32Array.from(values)),
});

export const countOf = ({ shape }: Numbers): number => elementCount(shape) ?? Number.POSITIVE_INFINITY;

export function mapped(numbers: Numbers, change: (value: number) => number): Numbers {
  const read = async (): Promise<Float32Array> => {
    const values = (await numbers.read()).map(change);
    requireFinite(values, numbers.name);
    return values;
  };
  return { ...numbers, read };
}

/** @param order which axis of `numbers` each axis of the result is */
export function transposed(numbers: Numbers, order: readonly number[]): Numbers {
  const shape = order.map((axis) => numbers.shape[axis]!);
  return { name: numbers.name, shape, read: async () => reordered(await numbers.read(), numbers.shape, order) };
}

function reordered(values: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, n) => product * n, 1));
  const steps = order.map((axis) => strides[axis]!);
  const sizes = order.map((axis) => shape[axis]!);
  const out = new Float32Array(values.length);
  let to = 0;
  const walk = (axis: number, from: number): void => {
    const [size, step] = [sizes[axis]!, steps[axis]!];
    const isLast = axis === sizes.length - 1;
    for (let i = 0; i < size; i++) {
      if (isLast) out[to++] = values[from + i * step]!;
      else walk(axis + 1, from + i * step);
    }
  };
  if (sizes.length === 0) return values;
  walk(0, 0);
  return out;
}

/**
 * (stored − zero) · scale, as DequantizeLinear of ONNX has it.
 * @param axis along which `scale` and `zero` differ, where they are more than one
 */
export function dequantized(stored: Numbers, scale: Numbers, zero: Numbers | undefined, axis: number): Numbers {
  const count = countOf(scale);
  if ((count !== 1 && count !== stored.shape[axis]) || (zero !== undefined && countOf(zero) !== count)) {
    throw stackUnknown('The numbers of the quantization do not fit the weights.', scale.name);
  }
  const run = stored.shape.slice(axis + 1).reduce((product, n) => product * n, 1);
  const read = async (): Promise<Float32Array> => {
    const values = await stored.read();
    const [scales, zeros] = [await scale.read(), await zero?.read()];
    for (let i = 0; i < values.length; i++) {
      const which = count === 1 ? 0 : Math.floor(i / run) % count;
      values[i] = (values[i]! - (zeros?.[which] ?? 0)) * scales[which]!;
    }
    requireFinite(values, stored.name);
    return values;
  };
  return { ...stored, read };
}

export interface Normalization {
  mean: Numbers;
  variance: Numbers;
  gamma: Numbers | undefined;
  beta: Numbers | undefined;
  epsilon: number;
}

/**
 * Batch normalization as it is when nothing is learned any more, x · scale + shift (Ioffe and Szegedy 2015, algorithm 2,
 * line 11).
 */
export function affineOf({ mean, variance, gamma, beta, epsilon }: Normalization): { scale: Numbers; shift: Numbers } {
  const { name } = gamma ?? variance;
  for (const part of [mean, variance, gamma, beta]) {
    if (part === undefined || countOf(part) === countOf(mean)) continue;
    throw stackUnknown(
      `The normalization has ${countOf(part)} numbers here and ${countOf(mean)} elsewhere.`,
      part.name,
    );
  }
  const readScale = async (): Promise<Float32Array> => {
    const [variances, gammas] = [await variance.read(), await gamma?.read()];
    const scales = variances.map((value, i) => (gammas?.[i] ?? 1) / Math.sqrt(value + epsilon));
    requireFinite(scales, name);
    return scales;
  };
  const readShift = async (): Promise<Float32Array> => {
    const [scales, means, betas] = [await readScale(), await mean.read(), await beta?.read()];
    return means.map((value, i) => (betas?.[i] ?? 0) - value * scales[i]!);
  };
  const shape = [countOf(mean)];
  return { scale: { name, shape, read: readScale }, shift: { name: beta?.name ?? name, shape, read: readShift } };
}
