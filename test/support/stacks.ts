/** Stacks with drawn weights, and what a thief does to them that changes nothing of what they compute. */
import type { ConvLayer, DenseLayer, Layer, Stack } from '../../src/core/fingerprint/stack.ts';
import type { RandomStream } from '../../src/core/random.ts';
import { permutation, randomFrom } from '../../src/core/random.ts';
import { writeSafetensors } from '../../src/core/weights/safetensors.ts';
import { sha256 } from '../../src/platform/crypto.ts';

export const drawing = (seed: number): RandomStream => randomFrom(sha256(Uint8Array.of(seed)));

const around = (random: RandomStream, size: number): Float32Array =>
  Float32Array.from({ length: size }, () => random.uniform() * 2 - 1);

export const dense = (random: RandomStream, inputs: number, units: number): DenseLayer => ({
  kind: 'dense',
  name: `dense ${inputs} to ${units}`,
  inputs,
  units,
  kernel: around(random, units * inputs),
  bias: around(random, units),
});

export const conv = (random: RandomStream, channels: number, filters: number, size: number): ConvLayer => ({
  kind: 'conv2d',
  name: `conv ${channels} to ${filters}`,
  filters,
  channels,
  height: size,
  width: size,
  kernel: around(random, filters * channels * size * size),
  bias: around(random, filters),
});

/** A dense stack of these widths, the first one that of the input. */
export function denseStack(seed: number, ...widths: number[]): Stack {
  const random = drawing(seed);
  return { layers: widths.slice(1).map((units, index) => dense(random, widths[index]!, units)) };
}

/** Two convolutions and two dense layers, of pictures of which 3×3 positions are left behind the convolutions. */
export function convStack(seed: number): Stack {
  const random = drawing(seed);
  return { layers: [conv(random, 1, 8, 5), conv(random, 8, 16, 3), dense(random, 16 * 9, 32), dense(random, 32, 10)] };
}

const unitsOf = (layer: Layer): number => (layer.kind === 'dense' ? layer.units : layer.filters);

/** Takes the units of layer `index` that are named, in this order, each as often as it is named, scaled by a factor. */
export function rearranged(
  { layers }: Stack,
  index: number,
  units: readonly number[],
  factors: readonly number[],
): Stack {
  const [layer, next] = [layers[index]!, layers[index + 1]!];
  const before = unitsOf(layer);
  const width = layer.kernel.length / before;
  const kernel = new Float32Array(units.length * width);
  units.forEach((unit, to) => {
    const row = layer.kernel.subarray(unit * width, (unit + 1) * width);
    kernel.set(
      row.map((weight) => weight * factors[to]!),
      to * width,
    );
  });
  const bias = layer.bias && Float32Array.from(units, (unit, to) => layer.bias![unit]! * factors[to]!);
  const positions = next.kernel.length / unitsOf(next) / before;
  const nextKernel = new Float32Array(unitsOf(next) * units.length * positions);
  for (let row = 0; row < unitsOf(next); row++) {
    units.forEach((unit, to) => {
      for (let position = 0; position < positions; position++) {
        const weight = next.kernel[(row * before + unit) * positions + position]!;
        nextKernel[(row * units.length + to) * positions + position] = weight / factors[to]!;
      }
    });
  }
  const changed: Layer =
    layer.kind === 'dense'
      ? { ...layer, units: units.length, kernel, bias }
      : { ...layer, filters: units.length, kernel, bias };
  const changedNext: Layer =
    next.kind === 'dense'
      ? { ...next, inputs: units.length * positions, kernel: nextKernel }
      : { ...next, channels: units.length, kernel: nextKernel };
  return { layers: layers.map((one, i) => (i === index ? changed : i === index + 1 ? changedNext : one)) };
}

/** Every hidden layer's units in another order and scaled by factors between a tenth and ten. */
export function disguised(stack: Stack, seed: number): Stack {
  const random = drawing(seed);
  return stack.layers.slice(0, -1).reduce((changed, layer, index) => {
    const order = [...permutation(unitsOf(layer), random)];
    const ofLayer = 10 ** (random.uniform() * 24 - 12);
    return rearranged(
      changed,
      index,
      order,
      order.map(() => ofLayer * 10 ** (random.uniform() * 2 - 1)),
    );
  }, stack);
}

/** Noise of `amount` of the weights' own range added to each. */
export function noisy({ layers }: Stack, amount: number, seed: number): Stack {
  const random = drawing(seed);
  return {
    layers: layers.map((layer) => ({
      ...layer,
      kernel: layer.kernel.map((weight) => weight + amount * (random.uniform() * 2 - 1)),
    })),
  };
}

/** A file of dense layers, named as PyTorch names them. */
export function safetensorsOf({ layers }: Stack): Uint8Array {
  const tensors = layers.flatMap((layer, i) => {
    if (layer.kind !== 'dense') throw new Error('dense layers alone');
    const { units, inputs, kernel, bias } = layer;
    return [
      { name: `fc${i + 1}.weight`, dtype: 'F32' as const, shape: [units, inputs], data: new Uint8Array(kernel.buffer) },
      { name: `fc${i + 1}.bias`, dtype: 'F32' as const, shape: [units], data: new Uint8Array(bias!.buffer) },
    ];
  });
  return writeSafetensors(tensors);
}
