/**
 * A Python with the pinned JWT libraries, in a virtual environment outside of the repository, kept for later runs under
 * a name that holds the digest of what it is made from.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

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
  const made = createHash('sha256').update(version).update(readFileSync(requirements)).digest('hex');
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'muniment');
  const folder = join(cache, `interop-tokens-${made.slice(0, 16)}`);
  const interpreter = join(folder, 'bin', 'python');
  if (existsSync(join(folder, 'ready'))) return { interpreter };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  for (const [command, ...args] of [
    [base, '-m', 'venv', folder],
    [interpreter, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements],
  ] as [string, ...string[]][]) {
    const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
    if (status === 0) continue;
    const reason = (error?.message ?? stderr).trim().split('\n').at(-1);
    return { lacking: `"${[command, ...args.slice(0, 3)].join(' ')} …" failed: ${reason}` };
  }
  writeFileSync(join(folder, 'ready'), '');
  return { interpreter };
}
