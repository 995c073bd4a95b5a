/**
 * The kernels of a layer by themselves, whatever stands before and behind it. Units that look at several positions of each
 * channel, as a convolution does and a dense layer behind one, have a block of weights for each channel. A thief may give
 * channels and units another order and positive factors, and neither shows in
 *
 *   moments   row i of M less the mean row / its length, M_i = Σ over channels c of w_ic ⊗ w_ic, each pair of positions once
 *
 * of weights at the one scale where all units have the same length, and all channels too (Sinkhorn and Knopp 1967). A sum
 * over channels has no order. Training with large steps turns the first layers round, and with them every row that goes
 * through them; kernels behind them keep their moments.
 */
import type { Sha256 } from '../digest.ts';
import { lengths, normalised, unitsOf } from './neurons.ts';
import type { Rows } from './projection.ts';
import { projected, rowAt, rowsOf } from './projection.ts';
import type { Layer } from './stack.ts';

/** More positions are projected to so many: a row has no more than 990 elements. */
const MAX_POSITIONS = 44;

const BALANCING_ROUNDS = 20;

/** A row that is this much closer to the mean than it is long is the mean, but for rounding. */
const ROUNDING = 1e-6;

/**
 * @param channels units of the layer before
 * @returns unit vectors; undefined where units look at one position of each channel, or do not differ in what they see
 */
export function kernelMoments(sha256: Sha256, layer: Layer, channels: number): Rows | undefined {
  const units = unitsOf(layer);
  const positions = layer.kernel.length / units / channels;
  if (positions === 1) return undefined;
  const factors = balance(layer.kernel, units, channels, positions);
  const side = Math.min(positions, MAX_POSITIONS);
  const moments = rowsOf(units, (side * (side + 1)) / 2);
  const width = channels * positions;
  for (let unit = 0; unit < units; unit++) {
    const values = layer.kernel.subarray(unit * width, (unit + 1) * width);
    const blocks = projected(sha256, { count: channels, width: positions, values }, MAX_POSITIONS);
    for (let channel = 0; channel < channels; channel++) {
      addMoments(
        rowAt(moments, unit),
        rowAt(blocks, channel),
        (factors.units[unit]! * factors.channels[channel]!) ** 2,
      );
    }
  }
  return lessTheMean(moments);
}

interface Factors {
  units: Float64Array;
  channels: Float64Array;
}

/** By what units and channels are multiplied so that all units have the length 1, and all channels one length, too. */
function balance(kernel: Float32Array, units: number, channels: number, positions: number): Factors {
  const squares = new Float64Array(units * channels);
  kernel.forEach((weight, i) => (squares[Math.floor(i / positions)]! += weight * weight));
  const squared: Factors = { units: new Float64Array(units).fill(1), channels: new Float64Array(channels).fill(1) };
  for (let round = 0; round < BALANCING_ROUNDS; round++) {
    const ofChannels = new Float64Array(channels);
    squares.forEach((square, i) => (ofChannels[i % channels]! += square * squared.units[Math.floor(i / channels)]!));
    squared.channels = ofChannels.map((square) => (square > 0 ? units / channels / square : 0));
    const ofUnits = new Float64Array(units);
    squares.forEach((square, i) => (ofUnits[Math.floor(i / channels)]! += square * squared.channels[i % channels]!));
    squared.units = ofUnits.map((square) => (square > 0 ? 1 / square : 0));
  }
  return { units: squared.units.map(Math.sqrt), channels: squared.channels.map(Math.sqrt) };
}

/** Products off the diagonal stand for two, so that the dot product of two rows is that of the matrices. */
function addMoments(row: Float32Array, block: Float32Array, factor: number): void {
  let at = 0;
  for (let p = 0; p < block.length; p++) {
    const scaled = block[p]! * factor;
    for (let q = 0; q < p; q++) row[at++]! += scaled * block[q]! * Math.SQRT2;
    row[at++]! += scaled * block[p]!;
  }
}

function lessTheMean(rows: Rows): Rows | undefined {
  const mean = new Float64Array(rows.width);
  rows.values.forEach((value, i) => (mean[i % rows.width]! += value / rows.count));
  const different = { ...rows, values: rows.values.map((value, i) => value - mean[i % rows.width]!) };
  const [before, after] = [lengths(rows), lengths(different)];
  return after.some((length, unit) => length <= ROUNDING * before[unit]!) ? undefined : normalised(different);
}
