/**
 * Puts the mark of a key into a stack: the smallest change of the first hidden dense layer, as a share of each row, after
 * which all bits lie so many deviations (the margin) on the side of the payload. It needs no data, changes no other layer
 * and no bias, and uses nothing but sums, products and square roots, so that it gives the same weights everywhere.
 *
 * A bit's s grows fastest along Δu_i ∝ (y·u_i)·x + (x·u_i)·y. Each round adds for every bit that is short what would make up
 * for it alone; bits hardly touch each other, and a few rounds make up for that.
 */
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { Intake } from '../fingerprint/neurons.ts';
import { intakeOf, neuronsOf } from '../fingerprint/neurons.ts';
import { rowAt } from '../fingerprint/projection.ts';
import type { DenseLayer, Stack } from '../fingerprint/stack.ts';
import type { Mark, WatermarkKey } from './key.ts';
import { MARK_BITS, markOf } from './key.ts';
import { momentsOf } from './moments.ts';
import { noCarrier } from './read.ts';

/** In deviations of what chance does, the one that is tried first. What each costs and bears is in docs/watermark.md. */
export const MARGINS = [12, 10, 8, 6] as const;

/** ‖change‖ / ‖kernel‖ that a mark may cost. */
export const MAX_CHANGE = 0.3;

/** What each round aims at, in margins: aiming at just one, it would come nearer and nearer. */
const AIM = 1.1;
const MAX_ROUNDS = 40;

export interface Embedded {
  stack: Stack;
  /** Where in the stack the layer is that was changed */
  index: number;
  margin: number;
  /** ‖change‖ / ‖kernel‖ of that layer */
  change: number;
}

/** @throws RegistryError `watermark_unfit` for a stack without a hidden dense layer, or with one too small for the bits */
export function embedMark(
  sha256: Sha256,
  stack: Stack,
  key: WatermarkKey,
  margins: readonly number[] = MARGINS,
): Embedded {
  const index = stack.layers.slice(0, -1).findIndex(({ kind }) => kind === 'dense');
  if (index === -1) throw noCarrier();
  for (const margin of margins) {
    const embedded = withMargin(sha256, stack, index, key, margin);
    if (embedded !== undefined) return embedded;
  }
  const { name } = stack.layers[index]!;
  throw new RegistryError('watermark_unfit', `The layer "${name}" is too small for ${MARK_BITS} bits.`, {
    field: 'path',
    fix: 'Mark a model whose first hidden dense layer is larger.',
  });
}

function withMargin(
  sha256: Sha256,
  stack: Stack,
  index: number,
  key: WatermarkKey,
  margin: number,
): Embedded | undefined {
  const original = stack.layers[index] as DenseLayer;
  const layer: DenseLayer = { ...original, kernel: original.kernel.slice() };
  const marked = { layers: stack.layers.with(index, layer) };
  let lifted: Lifted | undefined;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const neurons = neuronsOf(sha256, marked)[index]!;
    lifted ??= lift(markOf(sha256, key, neurons.directions.width), intakeOf(sha256, stack, index), layer);
    const { payload } = lifted.mark;
    const moments = momentsOf(neurons, lifted.mark);
    const reached = moments.values.map((value, bit) => value * payload[bit]!);
    const change = distance(layer.kernel, original.kernel);
    if (!(change <= MAX_CHANGE)) return undefined;
    if (reached.every((value) => value >= margin)) return { stack: marked, index, margin, change };
    const short = reached.map((value) => AIM * margin - value);
    push(layer, neurons, moments, short, lifted);
  }
  return undefined;
}

/** A mark's directions as changes of the kernel. */
interface Lifted {
  mark: Mark;
  /** `[2][MARK_BITS][inputs]` */
  directions: readonly [Float64Array, Float64Array];
  /** `[2][MARK_BITS]`: what one step along it adds to x·row or y·row */
  gains: readonly [Float64Array, Float64Array];
}

/** The transpose of what makes rows of kernels, applied to the directions. */
function lift(mark: Mark, intake: Intake | undefined, { inputs }: DenseLayer): Lifted {
  const { features } = mark;
  const directions = mark.directions.map((signs) => {
    const result = new Float64Array(MARK_BITS * inputs);
    for (let bit = 0; bit < MARK_BITS; bit++) {
      for (let input = 0; input < inputs; input++) {
        result[bit * inputs + input] =
          intake === undefined ? signs[bit * features + input]! : along(signs, bit * features, intake, input);
      }
    }
    return result;
  }) as [Float64Array, Float64Array];
  const gains = directions.map((all) =>
    Float64Array.from({ length: MARK_BITS }, (_, bit) => squares(all.subarray(bit * inputs, (bit + 1) * inputs))),
  ) as [Float64Array, Float64Array];
  return { mark, directions, gains };
}

/** Inputs stand channel by channel, and each channel position by position. */
function along(signs: Int8Array, from: number, { rows, positions }: Intake, input: number): number {
  const row = rowAt(rows, Math.floor(input / positions));
  const at = from + (input % positions) * rows.width;
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += row[i]! * signs[at + i]!;
  return sum;
}

function push(
  { kernel, inputs, units }: DenseLayer,
  { strengths, lengths }: ReturnType<typeof neuronsOf>[number],
  { projections, deviations }: ReturnType<typeof momentsOf>,
  short: Float64Array,
  { mark, directions, gains }: Lifted,
): void {
  const [first, second] = projections;
  const steps = new Float64Array(MARK_BITS);
  for (let bit = 0; bit < MARK_BITS; bit++) {
    if (short[bit]! <= 0) continue;
    let gain = 0;
    for (let unit = 0; unit < units; unit++) {
      const [a, b] = [first[bit * units + unit]!, second[bit * units + unit]!];
      gain += strengths[unit]! * (b * b * gains[0][bit]! + a * a * gains[1][bit]!);
    }
    if (gain > 0) steps[bit] = (mark.payload[bit]! * short[bit]! * deviations[bit]!) / gain;
  }
  for (let unit = 0; unit < units; unit++) {
    const change = new Float64Array(inputs);
    for (let bit = 0; bit < MARK_BITS; bit++) {
      const step = steps[bit]! * lengths[unit]!;
      if (step === 0) continue;
      const alongFirst = step * second[bit * units + unit]!;
      const alongSecond = step * first[bit * units + unit]!;
      const at = bit * inputs;
      for (let i = 0; i < inputs; i++) {
        change[i]! += alongFirst * directions[0][at + i]! + alongSecond * directions[1][at + i]!;
      }
    }
    for (let i = 0; i < inputs; i++) kernel[unit * inputs + i]! += change[i]!;
  }
}

const squares = (values: Float64Array): number => values.reduce((sum, value) => sum + value * value, 0);

function distance(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let length = 0;
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    length += b[i]! ** 2;
  }
  return Math.sqrt(difference / length);
}
