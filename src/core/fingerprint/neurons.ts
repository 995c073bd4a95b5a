/**
 * The neurons of a stack, seen so that what may be changed for nothing does not show. A ReLU network computes the same
 * when the neurons of a layer change places, and when the weights into a neuron are multiplied by a positive factor and
 * those out of it divided by it; a thief does both. So a neuron is described by
 *
 *   direction  row i of A_l / ‖row i‖, where A_1 = [W_1 b_1] and A_l = [W_l·A_(l−1) b_l]: how it depends on the input of
 *              the model, activations left out
 *   behind     column i of W_L · … · W_(l+1) / ‖column i‖: how the outputs of the model depend on it
 *   strength   ‖row i of A_l‖ · ‖column i‖, as its share of the layer
 *
 * None of these depends on the order or the scale of the neurons before and behind it. A convolution is a layer whose units are
 * filters, and whose every weight is a sum over channels at some position: positions stay apart, so a filter's row in A_l
 * is made of one part for each. A dense layer behind convolutions is a convolution as large as what comes in.
 *
 * Rows that would become too wide are projected, which is linear and the same for all, so that what is said above holds.
 */
import type { Sha256 } from '../digest.ts';
import type { Rows } from './projection.ts';
import { projected, rowAt, rowsOf } from './projection.ts';
import type { Layer, Stack } from './stack.ts';

/** Widest row of A_l behind the first layer, and widest column behind a layer. */
const MAX_WIDTH = 1024;
const MAX_WIDTH_BEHIND = 256;

export interface Neurons {
  layer: Layer;
  /** Unit vectors, or zero where a neuron depends on nothing. */
  directions: Rows;
  /** Of the rows before they became unit vectors */
  lengths: Float64Array;
  /** Unit vectors as well: how the outputs depend on it. */
  behind: Rows;
  /** Adds up to 1; 0 for a neuron that nothing depends on. */
  strengths: Float64Array;
}

/** @returns the neurons of each layer, the last one's being the outputs */
export function neuronsOf(sha256: Sha256, stack: Stack): Neurons[] {
  const layers = [...stack.layers.slice(0, -1), withoutCommon(stack.layers.at(-1)!)];
  const ahead: Rows[] = [];
  for (const layer of layers) ahead.push(effectiveRows(sha256, layer, ahead.at(-1)));
  const behind = [outputs(sha256, unitsOf(layers.at(-1)!))];
  for (let index = layers.length - 1; index > 0; index--) {
    behind.unshift(effectiveColumns(sha256, layers[index]!, unitsOf(layers[index - 1]!), behind[0]!));
  }
  return layers.map((layer, index) => {
    const [rows, columns] = [ahead[index]!, behind[index]!];
    const [ofRows, ofColumns] = [lengths(rows), lengths(columns)];
    const strengths = ofRows.map((length, unit) => length * ofColumns[unit]!);
    const sum = strengths.reduce((a, b) => a + b, 0);
    return {
      layer,
      directions: normalised(rows),
      lengths: ofRows,
      behind: normalised(columns),
      strengths: sum > 0 ? strengths.map((one) => one / sum) : strengths,
    };
  });
}

/** The last layer less what all its outputs have in common, which softmax does not feel. */
function withoutCommon(layer: Layer): Layer {
  const units = unitsOf(layer);
  if (units === 1) return layer;
  const centered = (values: Float32Array): Float32Array => {
    const width = values.length / units;
    const means = new Float64Array(width);
    values.forEach((value, i) => (means[i % width]! += value / units));
    return values.map((value, i) => value - means[i % width]!);
  };
  return { ...layer, kernel: centered(layer.kernel), bias: layer.bias && centered(layer.bias) };
}

export const unitsOf = (layer: Layer): number => (layer.kind === 'dense' ? layer.units : layer.filters);

/** @returns how many positions of each of `channels` a unit of the layer weighs */
const positionsOf = (layer: Layer, channels: number): number =>
  layer.kind === 'dense' ? layer.inputs / channels : layer.height * layer.width;

/** A_l from A_(l−1), which the first layer has not. */
export const effectiveRows = (sha256: Sha256, layer: Layer, before: Rows | undefined): Rows =>
  before === undefined ? firstRows(layer) : nextRows(sha256, layer, before);

/** `[W b]` of the first layer: its biases stand in the last column. */
function firstRows(layer: Layer): Rows {
  const units = unitsOf(layer);
  const inputs = layer.kernel.length / units;
  const rows = rowsOf(units, inputs + 1);
  for (let unit = 0; unit < units; unit++) {
    const row = rowAt(rows, unit);
    row.set(layer.kernel.subarray(unit * inputs, (unit + 1) * inputs));
    row[inputs] = layer.bias?.[unit] ?? 0;
  }
  return rows;
}

/** What the units of a layer behind the first sum up: a row for each channel before it, at each of so many positions. */
export interface Intake {
  rows: Rows;
  positions: number;
}

/** @returns undefined for the first layer, whose units look at the input of the model itself */
export function intakeOf(sha256: Sha256, { layers }: Stack, index: number): Intake | undefined {
  let before: Rows | undefined;
  for (const layer of layers.slice(0, index)) before = effectiveRows(sha256, layer, before);
  return before === undefined ? undefined : intake(sha256, layers[index]!, before);
}

function intake(sha256: Sha256, layer: Layer, before: Rows): Intake {
  const positions = positionsOf(layer, before.count);
  return { rows: narrowed(sha256, before, Math.max(8, Math.floor(MAX_WIDTH / positions))), positions };
}

/**
 * `[W·A b]`, position by position, the biases added to the last column: so a layer whose units each look at one position
 * has rows that compare with those of the layer before it.
 */
function nextRows(sha256: Sha256, layer: Layer, before: Rows): Rows {
  const units = unitsOf(layer);
  const channels = before.count;
  const { rows: input, positions } = intake(sha256, layer, before);
  const rows = rowsOf(units, positions * input.width);
  for (let unit = 0; unit < units; unit++) {
    const row = rowAt(rows, unit);
    for (let channel = 0; channel < channels; channel++) {
      const from = rowAt(input, channel);
      for (let position = 0; position < positions; position++) {
        const weight = layer.kernel[(unit * channels + channel) * positions + position]!;
        if (weight !== 0) addTo(row, position * input.width, from, weight);
      }
    }
    row[row.length - 1]! += layer.bias?.[unit] ?? 0;
  }
  return rows;
}

/** Projects all but the last column, which holds biases. */
function narrowed(sha256: Sha256, rows: Rows, width: number): Rows {
  if (rows.width <= width) return rows;
  const inner = rowsOf(rows.count, rows.width - 1);
  for (let i = 0; i < rows.count; i++) rowAt(inner, i).set(rowAt(rows, i).subarray(0, -1));
  const narrow = projected(sha256, inner, width - 1);
  const result = rowsOf(rows.count, width);
  for (let i = 0; i < rows.count; i++) {
    const row = rowAt(result, i);
    row.set(rowAt(narrow, i));
    row[width - 1] = rowAt(rows, i).at(-1)!;
  }
  return result;
}

/** What each channel before `layer` adds to the outputs, from what each unit of `layer` adds. */
function effectiveColumns(sha256: Sha256, layer: Layer, channels: number, behind: Rows): Rows {
  const positions = positionsOf(layer, channels);
  const columns = rowsOf(channels, positions * behind.width);
  for (let unit = 0; unit < behind.count; unit++) {
    const from = rowAt(behind, unit);
    for (let channel = 0; channel < channels; channel++) {
      const column = rowAt(columns, channel);
      for (let position = 0; position < positions; position++) {
        const weight = layer.kernel[(unit * channels + channel) * positions + position]!;
        if (weight !== 0) addTo(column, position * behind.width, from, weight);
      }
    }
  }
  return projected(sha256, columns, MAX_WIDTH_BEHIND);
}

/** Each output by itself */
function outputs(sha256: Sha256, count: number): Rows {
  const each = rowsOf(count, count);
  for (let i = 0; i < count; i++) each.values[i * count + i] = 1;
  return projected(sha256, each, MAX_WIDTH_BEHIND);
}

function addTo(row: Float32Array, at: number, part: Float32Array, factor: number): void {
  for (let i = 0; i < part.length; i++) row[at + i]! += factor * part[i]!;
}

export function lengths(rows: Rows): Float64Array {
  return Float64Array.from({ length: rows.count }, (_, i) =>
    Math.sqrt(rowAt(rows, i).reduce((sum, value) => sum + value * value, 0)),
  );
}

/** Rows of zeros stay as they are. */
export function normalised(rows: Rows): Rows {
  const result = { ...rows, values: rows.values.slice() };
  lengths(rows).forEach((length, i) => {
    const row = rowAt(result, i);
    for (let k = 0; length > 0 && k < row.length; k++) row[k]! /= length;
  });
  return result;
}
