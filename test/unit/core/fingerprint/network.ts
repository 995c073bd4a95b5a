/**
 * One small network in the layouts that there are: two convolutions and two dense layers on pictures of 6×6. Its weights
 * are numbers that float32 holds exactly.
 */
import { RegistryError } from '../../../../src/core/errors.ts';
import type { Stack } from '../../../../src/core/fingerprint/stack.ts';
import { stackOf } from '../../../../src/core/fingerprint/stack-of.ts';
import { bytesSource } from '../../../../src/core/weights/byte-source.ts';
import { openWeights } from '../../../../src/core/weights/inspect.ts';
import type { ContainerName, Siblings } from '../../../../src/core/weights/container.ts';
import type { Tensor } from '../../../../src/core/weights/safetensors.ts';
import { writeSafetensors } from '../../../../src/core/weights/safetensors.ts';

export interface Values {
  shape: number[];
  values: number[];
}

let drawn = 0;
export const draw = (...shape: number[]): Values => {
  const values = Array.from({ length: sizeOf(shape) }, () => (drawn = (drawn * 97 + 41) % 8191) / 2048 - 2);
  return { shape, values };
};

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/** As `numpy.transpose` */
export function transpose({ shape, values }: Values, ...order: number[]): Values {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const target = order.map((axis) => shape[axis]!);
  const moved = values.map((_, to) => {
    let [rest, from] = [to, 0];
    for (let axis = order.length - 1; axis >= 0; axis--) {
      from += (rest % target[axis]!) * strides[order[axis]!]!;
      rest = Math.floor(rest / target[axis]!);
    }
    return values[from]!;
  });
  return { shape: target, values: moved };
}

export const reshape = ({ values }: Values, ...shape: number[]): Values => ({ shape, values });
export const bytesOf = ({ values }: Values): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

/** `[filters, channels, height, width]` and `[out, in]`; the second convolution leaves 4 maps of 2×2. */
export const network = {
  conv1: draw(3, 1, 3, 3),
  bias1: draw(3),
  conv2: draw(4, 3, 3, 3),
  bias2: draw(4),
  dense1: draw(5, 16),
  bias3: draw(5),
  dense2: draw(2, 5),
  bias4: draw(2),
};

/** `dense1` for maps that are flattened pixel by pixel, `[in, out]` */
const flattenedByPixel = reshape(transpose(reshape(network.dense1, 5, 4, 2, 2), 2, 3, 1, 0), 16, 5);

/** As TensorFlow has it: height, width, channels, filters, and `[in, out]` */
export const tensorflowNetwork = {
  ...network,
  conv1: transpose(network.conv1, 2, 3, 1, 0),
  conv2: transpose(network.conv2, 2, 3, 1, 0),
  dense1: flattenedByPixel,
  dense2: transpose(network.dense2, 1, 0),
};

export const names = (called: Record<keyof typeof network, string>, from: typeof network): Record<string, Values> =>
  Object.fromEntries(Object.entries(called).map(([key, name]) => [name, from[key as keyof typeof network]]));

export const ofPytorch = {
  conv1: 'features.0.weight',
  bias1: 'features.0.bias',
  conv2: 'features.3.weight',
  bias2: 'features.3.bias',
  dense1: 'classifier.0.weight',
  bias3: 'classifier.0.bias',
  dense2: 'classifier.2.weight',
  bias4: 'classifier.2.bias',
};

export const tensorsOf = (arrays: Record<string, Values>): Tensor[] =>
  Object.entries(arrays).map(([name, array]) => ({
    name,
    dtype: 'F32',
    shape: array.shape,
    data: bytesOf(array),
  }));

export async function stackIn(file: Uint8Array, container: ContainerName, siblings?: Siblings): Promise<Stack> {
  const options = { container, ...(siblings === undefined ? {} : { siblings }) };
  return stackOf((await openWeights(bytesSource(file), options))!);
}

export const stackOfArrays = (arrays: Record<string, Values>): Promise<Stack> =>
  stackIn(writeSafetensors(tensorsOf(arrays)), 'safetensors');

/** A stack's numbers without its names, which differ from container to container */
export const numbersIn = ({ layers }: Stack): object[] =>
  layers.map(({ kernel, bias, name, ...shape }) => ({
    ...shape,
    named: name !== '',
    kernel: [...kernel],
    bias: [...(bias ?? [])],
  }));

/** The network as it must come out */
export const expected = [
  { kind: 'conv2d', filters: 3, channels: 1, height: 3, width: 3, ...weights('conv1', 'bias1') },
  { kind: 'conv2d', filters: 4, channels: 3, height: 3, width: 3, ...weights('conv2', 'bias2') },
  { kind: 'dense', units: 5, inputs: 16, ...weights('dense1', 'bias3') },
  { kind: 'dense', units: 2, inputs: 5, ...weights('dense2', 'bias4') },
];

function weights(kernel: keyof typeof network, bias: keyof typeof network): object {
  return { named: true, kernel: network[kernel].values, bias: network[bias].values };
}

/** What a stack is refused with */
export async function refusal(stack: Promise<Stack>): Promise<{ sentence: string; field: string | undefined }> {
  const error = await stack.then(
    () => new Error('It was not refused.'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RegistryError) || error.code !== 'stack_unknown') throw error;
  if (error.fix === undefined) throw new Error('It does not say what to do.');
  return { sentence: error.message, field: error.field };
}
