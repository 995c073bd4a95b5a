/**
 * Units that see the same are one. A thief may add units for nothing: one whose column is zero, or two of one direction
 * whose columns undo each other, each as strong as he likes. Folded together their columns add up, and what is left of
 * them is what they do. A unit that was split in two becomes one again; the stack computes the same.
 *
 * How near two directions are must not depend on the scale of the units before, which a thief sets as he likes: each of
 * these counts with the length of its row in A_(l−1) (`neurons.ts`), so that weights and biases are of one measure.
 */
import type { Sha256 } from '../digest.ts';
import { effectiveRows, lengths } from './neurons.ts';
import { rowAt, rowsOf } from './projection.ts';
import type { Rows } from './projection.ts';
import type { DenseLayer, Stack } from './stack.ts';

/** Squared distance of unit vectors up to which they count as one direction: a cosine of 0.99. */
const SAME = 0.02;

/** The stack without twins: of each group of hidden dense units of one direction the one with the longest row stays. */
export function foldTwins(sha256: Sha256, { layers }: Stack): Stack {
  const folded = [...layers];
  let before: Rows | undefined;
  for (let i = 0; i + 1 < folded.length; i++) {
    const [layer, next] = [folded[i]!, folded[i + 1]!];
    if (layer.kind === 'dense' && next.kind === 'dense') {
      const { heads, factors } = groups(layer, before && lengths(before));
      const kept = [...new Set(heads)];
      if (kept.length < layer.units) {
        folded[i] = withUnits(layer, kept);
        folded[i + 1] = withInputs(next, kept, heads, factors);
      }
    }
    before = effectiveRows(sha256, folded[i]!, before);
  }
  return { layers: folded };
}

/** For each unit the one that stays for it, and how long its row is beside that one's. */
function groups(layer: DenseLayer, scales: Float64Array | undefined): { heads: Int32Array; factors: Float64Array } {
  const rows = rowsWithBias(layer, scales);
  const ofRows = lengths(rows);
  const longestFirst = Array.from(ofRows.keys()).sort((a, b) => ofRows[b]! - ofRows[a]! || a - b);
  const heads = new Int32Array(layer.units);
  const factors = new Float64Array(layer.units);
  const found: number[] = [];
  for (const unit of longestFirst) {
    const length = ofRows[unit]!;
    const head =
      length === 0
        ? undefined
        : found.find((other) => alike(rowAt(rows, unit), 1 / length, rowAt(rows, other), 1 / ofRows[other]!));
    if (head === undefined) found.push(unit);
    heads[unit] = head ?? unit;
    factors[unit] = head === undefined ? 1 : length / ofRows[head]!;
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

/** @param scales of the units before, each of which has as many inputs of this layer as any other, one behind the other */
function rowsWithBias({ units, inputs, kernel, bias }: DenseLayer, scales: Float64Array | undefined): Rows {
  const rows = rowsOf(units, inputs + 1);
  const positions = scales === undefined ? 1 : inputs / scales.length;
  for (let unit = 0; unit < units; unit++) {
    const row = rowAt(rows, unit);
    for (let i = 0; i < inputs; i++) {
      row[i] = kernel[unit * inputs + i]! * (scales === undefined ? 1 : scales[Math.floor(i / positions)]!);
    }
    row[inputs] = bias?.[unit] ?? 0;
  }
  return rows;
}
