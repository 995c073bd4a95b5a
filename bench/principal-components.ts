/** The directions along which images differ most, by subspace iteration: fine enough to tell what an attack with them does. */
import { randomFrom } from '../src/core/random.ts';
import { utf8 } from '../src/core/bytes.ts';
import { sha256 } from '../src/platform/crypto.ts';
import type { ImageSet } from '../src/training/idx.ts';

const IMAGES = 2000;
const ROUNDS = 4;

/** @returns orthonormal rows of as many elements as an image has pixels */
export function principalComponents({ pixels, height, width }: ImageSet, count: number): Float64Array[] {
  const size = height * width;
  const random = randomFrom(sha256(utf8(`principal components ${count}`)));
  let rows = orthonormal(
    Array.from({ length: count }, () => Float64Array.from({ length: size }, () => random.uniform() - 0.5)),
  );
  for (let round = 0; round < ROUNDS; round++) {
    const next = rows.map(() => new Float64Array(size));
    for (let image = 0; image < IMAGES; image++) {
      const picture = Float64Array.from(pixels.subarray(image * size, (image + 1) * size), (pixel) => pixel / 255);
      rows.forEach((row, i) => addTo(next[i]!, picture, dot(row, picture)));
    }
    rows = orthonormal(next);
  }
  return rows;
}

/** What of each row of a kernel lies along the components. */
export function projectRows(kernel: Float32Array, components: readonly Float64Array[]): Float32Array {
  const size = components[0]!.length;
  const result = new Float32Array(kernel.length);
  for (let at = 0; at < kernel.length; at += size) {
    const row = Float64Array.from(kernel.subarray(at, at + size));
    const projected = new Float64Array(size);
    for (const component of components) addTo(projected, component, dot(component, row));
    result.set(projected, at);
  }
  return result;
}

function orthonormal(rows: Float64Array[]): Float64Array[] {
  rows.forEach((row, i) => {
    for (const before of rows.slice(0, i)) addTo(row, before, -dot(before, row));
    const length = Math.sqrt(dot(row, row));
    for (let k = 0; k < row.length; k++) row[k]! /= length;
  });
  return rows;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addTo(a: Float64Array, b: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i]! += factor * b[i]!;
}
