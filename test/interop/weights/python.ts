/**
 * A Python with pinned packages, in a virtual environment outside of the repository, kept for later runs under a name
 * that holds the digest of everything it is made from.
 *
 * PyTorch is large, so an interpreter that brings it along (Debian: `apt-get install python3-torch python3-venv`) is
 * preferred; only in CI, or when MUNIMENT_INTEROP_TORCH=pip asks for it, is it installed from PyPI.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from '../../support/stranger-folder.ts';

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
  const from = JSON.stringify([base, ...[...lists, alone].map((list) => readFileSync(list, 'utf8'))]);
  const made = prepare('python', from, (folder) => {
    const install = [join(folder, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    return [
      [base.path, '-m', 'venv', ...(base.torch === '' ? [] : ['--system-site-packages']), folder],
      [...install, ...lists.flatMap((list) => ['-r', list])],
      [...install, '--no-deps', '-r', alone],
    ];
  });
  return 'folder' in made ? { interpreter: join(made.folder, 'bin', 'python') } : { failed: made.lacking };
}
