/**
 * Whether a model is a linear merge of its parents (averages, model soups, interpolations): each of its weights the same
 * weighted sum of theirs. The weights of the sum are solved for by least squares over all elements, then every element is
 * held to the sum, within the rounding of its type. Merges that treat tensors or elements differently (SLERP, TIES, DARE)
 * are not explained here, which proves nothing against them.
 */
import { RegistryError } from '../errors.ts';
import type { StoredTensor } from '../weights/container.ts';
import type { Dtype } from '../weights/dtype.ts';
import { elementCount } from '../weights/dtype.ts';
import { isFloat } from './elements.ts';
import { isHeld, valuesOf } from './explain.ts';

export interface MergeCheck {
  readonly finding: 'confirmed' | 'unexplained';
  /** One sentence */
  readonly because: string;
  /** Of each parent its weight in the sum; empty where there is no single solution */
  readonly coefficients: readonly number[];
  /** The largest deviation of an element from the sum, in units of the rounding that is allowed it; null without a sum */
  readonly residual: number | null;
  readonly elements: number;
}

/** A parent of less weight than this left nothing that could be told from rounding. */
const MIN_COEFFICIENT = 1e-3;
const MIN_ELEMENTS = 1000;

/** @throws RegistryError `invalid_input` for fewer than two parents */
export async function checkMerge(
  child: readonly StoredTensor[],
  parents: readonly (readonly StoredTensor[])[],
): Promise<MergeCheck> {
  if (parents.length < 2) {
    throw new RegistryError('invalid_input', 'A merge has at least two parents.', { field: 'parent' });
  }
  const unexplained = (because: string): MergeCheck => ({
    finding: 'unexplained',
    because,
    coefficients: [],
    residual: null,
    elements: 0,
  });
  const rows: Row[] = [];
  for (const tensor of child) {
    const theirs = parents.map((parent) => parent.find(({ name }) => name === tensor.name));
    if (!theirs.every((each) => each !== undefined && isAlike(each, tensor)) || !isHeld(tensor)) {
      return unexplained(`The tensor "${tensor.name}" has no counterpart in each parent.`);
    }
    rows.push({ child: tensor, parents: theirs as StoredTensor[] });
  }
  const coefficients = solve(await normalEquations(rows, parents.length));
  if (coefficients === undefined) return unexplained('The parents are too alike to be told apart.');
  const { residual, elements } = await residualOf(rows, coefficients);
  const found = { coefficients, residual, elements };
  if (residual > 1) {
    return {
      ...found,
      finding: 'unexplained',
      because: 'The weights are no one weighted sum of those of the parents.',
    };
  }
  if (elements < MIN_ELEMENTS) {
    return { ...found, finding: 'unexplained', because: 'Too little of the weights tells one model from another.' };
  }
  if (coefficients.some((coefficient) => Math.abs(coefficient) < MIN_COEFFICIENT)) {
    return { ...found, finding: 'unexplained', because: 'One of the parents has no weight in the sum.' };
  }
  return { ...found, finding: 'confirmed', because: 'Every weight is the same weighted sum of those of the parents.' };
}

interface Row {
  readonly child: StoredTensor;
  readonly parents: readonly StoredTensor[];
}

const isAlike = (a: StoredTensor, b: StoredTensor): boolean =>
  isFloat(a.dtype) && isFloat(b.dtype) && a.shape.join() === b.shape.join();

/** The products of the parents' weights with one another, and with the child's in the last column */
async function normalEquations(rows: readonly Row[], parents: number): Promise<number[][]> {
  const matrix = Array.from({ length: parents }, () => new Array<number>(parents + 1).fill(0));
  for (const row of rows) {
    const columns = [...(await valuesOfAll(row.parents)), await valuesOf(row.child)];
    for (let i = 0; i < parents; i++) {
      for (let j = 0; j <= parents; j++) matrix[i]![j]! += dot(columns[i]!, columns[j]!);
    }
  }
  return matrix;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Pivots smaller than this, of a matrix whose diagonal was scaled to one, are rounding. */
const SINGULAR = 1e-9;

/** Gaussian elimination with pivoting; undefined where there is no single solution */
function solve(equations: readonly (readonly number[])[]): number[] | undefined {
  const scale = equations.map((row, i) => Math.sqrt(row[i]!));
  if (scale.some((each) => !(each > 0))) return undefined;
  const rows = equations.map((row, i) => row.map((value, j) => value / (scale[i]! * (scale[j] ?? 1))));
  for (let column = 0; column < rows.length; column++) {
    const rest = rows.slice(column);
    const pivot = rest.reduce((best, row) => (Math.abs(row[column]!) > Math.abs(best[column]!) ? row : best));
    if (!(Math.abs(pivot[column]!) > SINGULAR)) return undefined;
    const at = rows.indexOf(pivot);
    [rows[column], rows[at]] = [pivot, rows[column]!];
    for (const row of rows) {
      if (row === pivot) continue;
      const factor = row[column]! / pivot[column]!;
      for (let j = column; j < row.length; j++) row[j]! -= factor * pivot[j]!;
    }
  }
  return rows.map((row, i) => row.at(-1)! / row[i]! / scale[i]!);
}

/** Half a unit in the last place, by type */
const ROUNDING: Readonly<Partial<Record<Dtype, number>>> = {
  F64: 2 ** -53,
  F32: 2 ** -24,
  F16: 2 ** -11,
  BF16: 2 ** -8,
};
/** A sum of products is rounded at each step, and the coefficients were solved for. */
const STEPS = 4;
/** Below the smallest normal number of half precision its steps stay as they are. */
const SMALLEST_STEP: Readonly<Partial<Record<Dtype, number>>> = { F16: 2 ** -24 };

async function residualOf(
  rows: readonly Row[],
  coefficients: readonly number[],
): Promise<{ residual: number; elements: number }> {
  let [residual, elements] = [0, 0];
  for (const { child, parents } of rows) {
    const [own, theirs] = [await valuesOf(child), await valuesOfAll(parents)];
    const unit = STEPS * Math.max(...[child, ...parents].map(({ dtype }) => ROUNDING[dtype]!));
    const floor = SMALLEST_STEP[child.dtype] ?? 0;
    elements += elementCount(child.shape)!;
    for (let i = 0; i < own.length; i++) {
      let [sum, magnitude] = [0, Math.abs(own[i]!)];
      for (const [k, values] of theirs.entries()) {
        const term = coefficients[k]! * values[i]!;
        sum += term;
        magnitude += Math.abs(term);
      }
      const deviation = Math.abs(own[i]! - sum);
      // Not a number deviates without bound.
      const units = deviation === 0 ? 0 : deviation / (unit * magnitude + floor);
      residual = Number.isNaN(units) ? Infinity : Math.max(residual, units);
    }
  }
  return { residual, elements };
}

const valuesOfAll = (tensors: readonly StoredTensor[]): Promise<Float64Array[]> => Promise.all(tensors.map(valuesOf));
