/**
 * A Python with the pinned JWT libraries, in a virtual environment outside of the repository, kept for later runs under
 * a name that holds the digest of what it is made from.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from '../../support/stranger-folder.ts';

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));

/** Path of the interpreter, or in a sentence why there is none. */
export function preparePython(): { interpreter: string } | { lacking: string } {
  const names = [process.env['MUNIMENT_PYTHON'], 'python3', 'python'].filter((name) => name !== undefined);
  const version = 'import sys; assert sys.version_info >= (3, 10); print(sys.executable, sys.version)';
  for (const name of names) {
    const { status, stdout } = spawnSync(name, ['-c', version], { encoding: 'utf8' });
    if (status === 0) return makeEnvironment(name, stdout);
  }
  return { lacking: 'There is no Python 3.10 or later; MUNIMENT_PYTHON may name one.' };
}

function makeEnvironment(base: string, version: string): { interpreter: string } | { lacking: string } {
  const made = prepare('tokens', version + readFileSync(requirements, 'utf8'), (folder) => [
    [base, '-m', 'venv', folder],
    [
      join(folder, 'bin', 'python'),
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '-r',
      requirements,
    ],
  ]);
  return 'folder' in made ? { interpreter: join(made.folder, 'bin', 'python') } : made;
}
