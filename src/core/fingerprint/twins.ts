/**
 * Units that see the same are one. A thief may add units for nothing: one whose column is zero, or two of one direction
 * whose columns undo each other, each as strong as he likes. Folded together their columns add up, and what is left of
 * them is what they do. A unit that was split in two becomes one again; the stack computes the same.
 */
import { rowAt, rowsOf } from './projection.ts';
import type { Rows } from './projection.ts';
import type { DenseLayer, Stack } from './stack.ts';

/** Squared distance of unit vectors up to which they count as one direction: a cosine of 0.99. */
const SAME = 0.02;

/** The stack without twins: of each group of hidden dense units of one direction the one with the longest row stays. */
export function foldTwins({ layers }: Stack): Stack {
  const folded = [...layers];
  for (let i = 0; i + 1 < folded.length; i++) {
    const [layer, next] = [folded[i]!, folded[i + 1]!];
    if (layer.kind !== 'dense' || next.kind !== 'dense') continue;
    const { heads, factors } = groups(layer);
    const kept = [...new Set(heads)];
    if (kept.length === layer.units) continue;
    folded[i] = withUnits(layer, kept);
    folded[i + 1] = withInputs(next, kept, heads, factors);
  }
  return { layers: folded };
}

/** For each unit the one that stays for it, and how long its row is beside that one's. */
function groups(layer: DenseLayer): { heads: Int32Array; factors: Float64Array } {
  const rows = rowsWithBias(layer);
  const lengths = Float64Array.from({ length: layer.units }, (_, unit) => lengthOf(rowAt(rows, unit)));
  const longestFirst = Array.from(lengths.keys()).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const heads = new Int32Array(layer.units);
  const factors = new Float64Array(layer.units);
  const found: number[] = [];
  for (const unit of longestFirst) {
    const length = lengths[unit]!;
    const head =
      length === 0
        ? undefined
        : found.find((other) => alike(rowAt(rows, unit), 1 / length, rowAt(rows, other), 1 / lengths[other]!));
    if (head === undefined) found.push(unit);
    heads[unit] = head ?? unit;
    factors[unit] = head === undefined ? 1 : length / lengths[head]!;
  }
  return { heads, factors };
}

function alike(a: Float32Array, scaleA: number, b: Float32Array, scaleB: number): boolean {
  let squared = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! * scaleA - b[i]! * scaleB;
    squared += difference * difference;
    if (squared > SAME) return false;
  }
  return true;
}

function withUnits(layer: DenseLayer, kept: readonly number[]): DenseLayer {
  const { inputs, kernel, bias } = layer;
  const rows = new Float32Array(kept.length * inputs);
  kept.forEach((unit, i) => rows.set(kernel.subarray(unit * inputs, (unit + 1) * inputs), i * inputs));
  return { ...layer, units: kept.length, kernel: rows, bias: bias && Float32Array.from(kept, (unit) => bias[unit]!) };
}

function withInputs(layer: DenseLayer, kept: readonly number[], heads: Int32Array, factors: Float64Array): DenseLayer {
  const place = new Map(kept.map((unit, i) => [unit, i]));
  const kernel = new Float32Array(layer.units * kept.length);
  for (let unit = 0; unit < layer.units; unit++) {
    heads.forEach((head, input) => {
      kernel[unit * kept.length + place.get(head)!]! += factors[input]! * layer.kernel[unit * layer.inputs + input]!;
    });
  }
  return { ...layer, inputs: kept.length, kernel };
}

function rowsWithBias({ units, inputs, kernel, bias }: DenseLayer): Rows {
  const rows = rowsOf(units, inputs + 1);
  for (let unit = 0; unit < units; unit++) {
    const row = rowAt(rows, unit);
    row.set(kernel.subarray(unit * inputs, (unit + 1) * inputs));
    row[inputs] = bias?.[unit] ?? 0;
  }
  return rows;
}

const lengthOf = (row: Float32Array): number => Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
