/**
 * Fixed random directions, the same for everybody: they come from SHA-256 of what they are for, and of nothing else. A
 * projection shortens rows to fewer dimensions and keeps their cosines but for an error of about 1/√dimensions (Achlioptas
 * 2003, with entries ±1/√dimensions).
 */
import { utf8 } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import type { RandomStream } from '../random.ts';
import { randomFrom } from '../random.ts';

/** Rows of one length, one behind the other. */
export interface Rows {
  count: number;
  width: number;
  /** `[count][width]` */
  values: Float32Array;
}

export const rowsOf = (count: number, width: number): Rows => ({
  count,
  width,
  values: new Float32Array(count * width),
});

export const rowAt = ({ values, width }: Rows, index: number): Float32Array =>
  values.subarray(index * width, (index + 1) * width);

/** @param purpose names the directions; the same purpose gives the same ones */
export function directions(sha256: Sha256, purpose: string): RandomStream {
  return randomFrom(sha256(utf8(`muniment fingerprint v1\n${purpose}`)));
}

/** `rows` as they are where they are no wider than `width`, or projected to it by directions named after both widths. */
export function projected(sha256: Sha256, rows: Rows, width: number): Rows {
  if (rows.width <= width) return rows;
  const random = directions(sha256, `project ${rows.width} to ${width}`);
  const result = rowsOf(rows.count, width);
  const signs = new Float32Array(width);
  const unit = 1 / Math.sqrt(width);
  for (let from = 0; from < rows.width; from++) {
    for (let bits = 0, to = 0; to < width; to++, bits >>>= 1) {
      if (to % 32 === 0) bits = random.uint32();
      signs[to] = (bits & 1) === 1 ? unit : -unit;
    }
    for (let row = 0; row < rows.count; row++) {
      const value = rows.values[row * rows.width + from]!;
      if (value === 0) continue;
      const at = row * width;
      for (let to = 0; to < width; to++) result.values[at + to]! += value * signs[to]!;
    }
  }
  return result;
}

/** The last ones made: a matrix takes longer to draw than to use. */
const made = new Map<string, Rows>();
const MAX_MADE = 8;

/**
 * `count` directions of a Gaussian distribution, but for the tails: each element is the sum of four uniform ones (Irwin and
 * Hall), scaled to variance 1.
 */
export function gaussianRows(sha256: Sha256, purpose: string, count: number, width: number): Rows {
  const name = `${purpose} ${count} of ${width}`;
  const known = made.get(name);
  if (known !== undefined) return known;
  const random = directions(sha256, name);
  const rows = rowsOf(count, width);
  const half = (word: number): number => (word >>> 16) + (word & 0xffff) - 0xffff;
  for (let i = 0; i < rows.values.length; i++) {
    rows.values[i] = ((half(random.uint32()) + half(random.uint32())) / 2 ** 16) * Math.sqrt(3);
  }
  if (made.size === MAX_MADE) made.delete(made.keys().next().value!);
  made.set(name, rows);
  return rows;
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
