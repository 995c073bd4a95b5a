/**
 * Which code trained: SHA-256 over the canonical JSON of `[{"digest","path"}, …]`, sorted by path, of the program's files
 * in `training/` and `core/` as they run, and of `package-lock.json`, which fixes every package under them. Computed at
 * the start of a worker, from the files that it has just loaded.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalize } from '../../core/canonical-json.ts';
import type { Digest } from '../../core/digest.ts';
import { formatDigest } from '../../core/digest.ts';
import { sha256 } from '../../platform/crypto.ts';

const FOLDERS = ['core', 'training'];
const LOCKFILE = 'package-lock.json';

/** The folder that holds `core/` and `training/`: `dist/src` in the build. */
const sourceRoot = fileURLToPath(new URL('../..', import.meta.url));

/** @param root folder with `core/` and `training/`; the lockfile is the nearest one above */
export async function codeDigest(root = sourceRoot): Promise<Digest> {
  const files: { path: string; digest: Digest }[] = [];
  for (const folder of FOLDERS) {
    for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.[jt]s$/.test(entry.name)) continue;
      const file = join(entry.parentPath, entry.name);
      files.push({ path: relative(root, file).split(sep).join('/'), digest: await digestOf(file) });
    }
  }
  files.push({ path: LOCKFILE, digest: await digestOf(await lockfileAbove(root)) });
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return formatDigest(sha256(canonicalize(files)));
}

const digestOf = async (file: string): Promise<Digest> => formatDigest(sha256(await readFile(file)));

async function lockfileAbove(folder: string): Promise<string> {
  const above = join(folder, '..');
  if ((await readdir(folder)).includes(LOCKFILE) || above === folder) return join(folder, LOCKFILE);
  return lockfileAbove(above);
}
