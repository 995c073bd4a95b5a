/**
 * The stack of the tensors that a run makes, and back. The trainer keeps kernels as TensorFlow does, `[inputs, units]` and
 * `[height, width, channels, filters]`, and flattens pictures row, column, channel; a stack has all of it the other way
 * round.
 */
import { RegistryError } from '../errors.ts';
import type { Tensor } from '../weights/safetensors.ts';
import type { ConvLayer, DenseLayer, Layer, Stack } from './stack.ts';

/** @throws RegistryError `watermark_unfit` where the tensors are not those of a run's recipes */
export function stackOfRun(tensors: readonly Tensor[]): Stack {
  const left = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const take = (name: string, rank: number): Tensor | undefined => {
    const found = left.get(name);
    if (found?.dtype !== 'F32' || found.shape.length !== rank) return undefined;
    left.delete(name);
    return found;
  };
  const layers: Layer[] = [];
  for (const [kind, rank] of [
    ['conv', 4],
    ['dense', 2],
  ] as const) {
    for (let number = 1; left.has(`${kind}${number}/kernel`); number++) {
      const name = `${kind}${number}`;
      const [kernel, bias] = [take(`${name}/kernel`, rank), take(`${name}/bias`, 1)];
      if (kernel === undefined || bias === undefined) throw noRun(name);
      layers.push(kind === 'conv' ? convLayer(name, kernel, bias) : denseLayer(name, kernel, bias, layers.at(-1)));
    }
  }
  const [odd] = left.keys();
  if (odd !== undefined || layers.length === 0) throw noRun(odd ?? 'tensors');
  return { layers };
}

export function tensorsOfRun({ layers }: Stack): Tensor[] {
  return layers.flatMap((layer, i) => [
    layer.kind === 'conv2d' ? convTensor(layer) : denseTensor(layer, layers[i - 1]),
    tensorOf(`${layer.name}/bias`, [layer.kind === 'conv2d' ? layer.filters : layer.units], layer.bias!),
  ]);
}

function convLayer(name: string, { shape, data }: Tensor, bias: Tensor): ConvLayer {
  const [height, width, channels, filters] = shape as [number, number, number, number];
  const kernel = turned(floats(data), [height * width, channels, filters]);
  if (bias.shape[0] !== filters) throw noRun(name);
  return { kind: 'conv2d', name, filters, channels, height, width, kernel, bias: floats(bias.data) };
}

function convTensor({ name, filters, channels, height, width, kernel }: ConvLayer): Tensor {
  const values = turned(kernel, [filters, channels, height * width]);
  return tensorOf(`${name}/kernel`, [height, width, channels, filters], values);
}

function denseLayer(name: string, { shape, data }: Tensor, bias: Tensor, before: Layer | undefined): DenseLayer {
  const [inputs, units] = shape as [number, number];
  const channels = channelsOf(before);
  const fits = before?.kind === 'dense' ? before.units === inputs : inputs % channels === 0;
  if (bias.shape[0] !== units || !fits) throw noRun(name);
  const kernel = turned(floats(data), [inputs / channels, channels, units]);
  return { kind: 'dense', name, units, inputs, kernel, bias: floats(bias.data) };
}

function denseTensor({ name, units, inputs, kernel }: DenseLayer, before: Layer | undefined): Tensor {
  const channels = channelsOf(before);
  return tensorOf(`${name}/kernel`, [inputs, units], turned(kernel, [units, channels, inputs / channels]));
}

const channelsOf = (before: Layer | undefined): number => (before?.kind === 'conv2d' ? before.filters : 1);

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

function floats(data: Uint8Array): Float32Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Float32Array.from({ length: data.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

function tensorOf(name: string, shape: number[], values: Float32Array): Tensor {
  const data = new Uint8Array(4 * values.length);
  const view = new DataView(data.buffer);
  values.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return { name, dtype: 'F32', shape, data };
}

const noRun = (field: string): RegistryError =>
  new RegistryError('watermark_unfit', 'The tensors are not those that a training here makes.', {
    field: field.slice(0, 100),
    fix: 'Use a file that "muniment train" or "muniment fetch" wrote; docs/training.md has its tensors.',
  });
