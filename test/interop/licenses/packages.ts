/** Labels that come in packages of PyPI, unpacked outside of the repository and kept for later runs. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));
export const [OSADL = '', LISTS = ''] = readFileSync(requirements, 'utf8').trim().split('\n');

/** The folder that holds both packages, or in a sentence why there is none. */
export function unpackedPackages(): { folder: string } | { lacking: string } {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'muniment');
  const folder = join(cache, `interop-${OSADL}-${LISTS}`);
  if (existsSync(folder)) return { folder };
  mkdirSync(cache, { recursive: true });
  const python = process.env['MUNIMENT_PYTHON'] ?? 'python3';
  const unfinished = `${folder}.${process.pid}`;
  const install = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--no-deps',
    '--target',
    unfinished,
  ];
  const { status, stderr, error } = spawnSync(python, [...install, '-r', requirements], { encoding: 'utf8' });
  if (status !== 0) {
    rmSync(unfinished, { recursive: true, force: true });
    const reason = (error?.message ?? stderr).trim().split('\n').at(-1);
    return { lacking: `"${python} -m pip install ${OSADL} ${LISTS}" failed: ${reason}` };
  }
  renameSync(unfinished, folder);
  return { folder };
}
