/**
 * A Python with pinned packages, in a virtual environment outside of the repository, kept for later runs under a name
 * that holds the digest of everything it is made from.
 *
 * PyTorch is large, so an interpreter that brings it along (Debian: `apt-get install python3-torch python3-venv`) is
 * preferred; only in CI, or when MUNIMENT_INTEROP_TORCH=pip asks for it, is it installed from PyPI.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const inCi = !['', '0', 'false'].includes(process.env['CI'] ?? '');

const here = fileURLToPath(new URL('.', import.meta.url));

/** What there is to work with, or why there is nothing. */
export interface Python {
  /** Path of an interpreter with safetensors and NumPy; absent when there is no Python. */
  interpreter?: string;
  hasTorch: boolean;
  /** Why something is missing, in a sentence. */
  lacking?: string;
}

/** @param extra lists of packages that only some tests need, beside requirements.txt */
export function preparePython(...extra: string[]): Python {
  const names = [process.env['MUNIMENT_PYTHON'], 'python3', '/usr/bin/python3', 'python'];
  const found = names.flatMap((name) => (name === undefined ? [] : describe(name)));
  const base = found.find(({ torch }) => torch !== '') ?? found[0];
  if (base === undefined)
    return { hasTorch: false, lacking: 'There is no Python 3.10 or later; MUNIMENT_PYTHON may name one.' };
  const fromPip = base.torch === '' && (inCi || process.env['MUNIMENT_INTEROP_TORCH'] === 'pip');
  const lists = [
    join(here, 'requirements.txt'),
    ...extra.map((list) => join(here, list)),
    ...(fromPip ? [join(here, 'requirements-torch.txt')] : []),
  ];
  const made = makeEnvironment(base, lists);
  if ('failed' in made) return { hasTorch: false, lacking: made.failed };
  if (base.torch !== '' || fromPip) return { interpreter: made.interpreter, hasTorch: true };
  return {
    interpreter: made.interpreter,
    hasTorch: false,
    lacking: "No Python here has PyTorch: install Debian's python3-torch, or set MUNIMENT_INTEROP_TORCH=pip (2 GB).",
  };
}

interface Interpreter {
  path: string;
  version: string;
  /** Version of PyTorch, empty when there is none. */
  torch: string;
}

const DESCRIBE = `
import sys
assert sys.version_info >= (3, 10)
try:
    import torch
    torch_version = torch.__version__
except ImportError:
    torch_version = ""
print(sys.executable, sys.version.split()[0], torch_version, sep="\\n")
`;

function describe(name: string): Interpreter[] {
  const { status, stdout } = spawnSync(name, ['-c', DESCRIBE], { encoding: 'utf8' });
  if (status !== 0) return [];
  const [path = name, version = '', torch = ''] = stdout.split('\n');
  return [{ path, version, torch }];
}

function makeEnvironment(base: Interpreter, lists: string[]): { interpreter: string } | { failed: string } {
  const alone = join(here, 'requirements-alone.txt');
  const made = createHash('sha256').update(JSON.stringify(base));
  for (const list of [...lists, alone]) made.update(readFileSync(list));
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'muniment');
  const folder = join(cache, `interop-python-${made.digest('hex').slice(0, 16)}`);
  const interpreter = join(folder, 'bin', 'python');
  const ready = join(folder, 'ready');
  if (existsSync(ready)) return { interpreter };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  const steps: [string, string[]][] = [
    [base.path, ['-m', 'venv', ...(base.torch === '' ? [] : ['--system-site-packages']), folder]],
    [interpreter, [...install, ...lists.flatMap((list) => ['-r', list])]],
    [interpreter, [...install, '--no-deps', '-r', alone]],
  ];
  for (const [command, args] of steps) {
    const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
    if (status === 0) continue;
    const reason = (error?.message ?? stderr).trim().split('\n').at(-1);
    return { failed: `"${[command, ...args.slice(0, 3)].join(' ')} …" failed: ${reason}` };
  }
  writeFileSync(ready, '');
  return { interpreter };
}
