/** Stacks with random weights, and what a thief does to them for nothing. */
import { createHash } from 'node:crypto';
import { utf8 } from '../../../../src/core/bytes.ts';
import type { Sha256 } from '../../../../src/core/digest.ts';
import type { ConvLayer, DenseLayer, Layer, Stack } from '../../../../src/core/fingerprint/stack.ts';
import type { RandomStream } from '../../../../src/core/random.ts';
import { permutation, randomFrom } from '../../../../src/core/random.ts';
import type { WatermarkKey } from '../../../../src/core/watermark/key.ts';

export const sha256: Sha256 = (...parts) =>
  new Uint8Array(parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest());

export const draws = (purpose: string): RandomStream => randomFrom(sha256(utf8(purpose)));

export const keyCalled = (name: string, party = 'party_00000000000000000000000001'): WatermarkKey => ({
  party,
  secret: sha256(utf8(name)),
});

const uniform = (count: number, fan: number, random: RandomStream): Float32Array =>
  Float32Array.from({ length: count }, () => (2 * random.uniform() - 1) * Math.sqrt(6 / fan));

export function dense(name: string, units: number, inputs: number, random: RandomStream): DenseLayer {
  const kernel = uniform(units * inputs, units + inputs, random);
  return { kind: 'dense', name, units, inputs, kernel, bias: uniform(units, 10 * inputs, random) };
}

export function conv(name: string, filters: number, channels: number, random: RandomStream): ConvLayer {
  const kernel = uniform(filters * channels * 9, 9 * (filters + channels), random);
  return { kind: 'conv2d', name, filters, channels, height: 3, width: 3, kernel, bias: uniform(filters, 100, random) };
}

export function denseStack(widths: readonly number[], purpose = 'dense'): Stack {
  const random = draws(purpose);
  return { layers: widths.slice(1).map((units, i) => dense(`fc${i + 1}`, units, widths[i]!, random)) };
}

/** Two convolutions, and pictures of 5×5 maps flattened into dense layers. */
export function convStack(): Stack {
  const random = draws('conv');
  const layers = [conv('c1', 8, 1, random), conv('c2', 24, 8, random)];
  return { layers: [...layers, dense('fc1', 128, 24 * 25, random), dense('fc2', 10, 128, random)] };
}

/** Puts the units of a hidden layer into another order and scales each by a factor of its own. */
export function disguised({ layers }: Stack, purpose = 'disguise'): Stack {
  const random = draws(purpose);
  const result: Layer[] = layers.map((layer) => ({ ...layer }));
  for (let i = 0; i + 1 < result.length; i++) {
    const [layer, next] = [result[i]!, result[i + 1]!];
    const units = layer.kind === 'dense' ? layer.units : layer.filters;
    const order = permutation(units, random);
    const ofLayer = 10 ** (16 * random.uniform() - 8);
    const factors = Float64Array.from({ length: units }, () => ofLayer * 2 ** (6 * random.uniform() - 3));
    const row = layer.kernel.length / units;
    const positions = (next.kind === 'dense' ? next.inputs : next.channels * next.height * next.width) / units;
    const kernel = new Float32Array(layer.kernel.length);
    const bias = new Float32Array(units);
    const outward = new Float32Array(next.kernel.length);
    order.forEach((from, to) => {
      const factor = factors[from]!;
      for (let k = 0; k < row; k++) kernel[to * row + k] = layer.kernel[from * row + k]! * factor;
      bias[to] = layer.bias![from]! * factor;
      const rows = next.kernel.length / (units * positions);
      for (let r = 0; r < rows; r++) {
        for (let p = 0; p < positions; p++) {
          outward[(r * units + to) * positions + p] = next.kernel[(r * units + from) * positions + p]! / factor;
        }
      }
    });
    result[i] = { ...layer, kernel, bias };
    result[i + 1] = { ...next, kernel: outward };
  }
  return { layers: result };
}

/** With further units in the first layer: rows one behind the other, and for each the column that leads out of it. */
export function withUnits({ layers }: Stack, rows: readonly number[][], columns: readonly number[][]): Stack {
  const [layer, next, ...others] = layers as [DenseLayer, DenseLayer, ...DenseLayer[]];
  const units = layer.units + rows.length;
  const kernel = Float32Array.from([...layer.kernel, ...rows.flatMap((row) => row.slice(0, -1))]);
  const bias = Float32Array.from([...layer.bias!, ...rows.map((row) => row.at(-1)!)]);
  const outward = new Float32Array(next.units * units);
  for (let r = 0; r < next.units; r++) {
    outward.set(next.kernel.subarray(r * next.inputs, (r + 1) * next.inputs), r * units);
    columns.forEach((column, i) => (outward[r * units + layer.units + i] = column[r]!));
  }
  return { layers: [{ ...layer, units, kernel, bias }, { ...next, inputs: units, kernel: outward }, ...others] };
}

/** What the stack answers to an input, ReLU between its layers. */
export function answer({ layers }: Stack, input: readonly number[]): number[] {
  let values = [...input];
  layers.forEach((layer, i) => {
    const { units, inputs, kernel, bias } = layer as DenseLayer;
    values = Array.from({ length: units }, (_, unit) => {
      const sum = values.reduce((total, value, k) => total + value * kernel[unit * inputs + k]!, bias![unit]!);
      return i === layers.length - 1 ? sum : Math.max(0, sum);
    });
  });
  return values;
}
