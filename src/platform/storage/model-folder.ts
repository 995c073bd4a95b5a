/**
 * The one model in a folder: the file of weights that no other one names. An index names its shards, so they are parts of
 * its model; what are no weights (a configuration, a license) is left out of account.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RegistryError } from '../../core/errors.ts';
import type { ByteSource } from '../../core/weights/byte-source.ts';
import { otherFilesOf } from '../../core/weights/inspect.ts';
import type { FileSource } from './file-source.ts';
import { openFileSource } from './file-source.ts';
import { openSibling } from './model-files.ts';

/** @throws RegistryError `usage` unless there is exactly one; files below folders in it do not count */
export async function mainFileIn(folder: string): Promise<string> {
  const found: string[] = [];
  const named = new Set<string>();
  for (const name of (await readdir(folder)).sort()) {
    if (name.startsWith('.') || !(await stat(join(folder, name))).isFile()) continue;
    const others = await namedBy(folder, name);
    if (others === undefined) continue;
    found.push(name);
    for (const other of others) named.add(other);
  }
  const models = found.filter((name) => !named.has(name));
  const [only] = models;
  if (only !== undefined && models.length === 1) return join(folder, only);
  const some = models.length > 10 ? [...models.slice(0, 10), 'and others'] : models;
  throw new RegistryError(
    'usage',
    only === undefined
      ? `In "${folder}" there is no file of weights that can be read.`
      : `In "${folder}" there are ${models.length} models: ${some.join(', ')}.`,
    { field: 'path', fix: 'Name the file of the model; of one in several files, its index or the first.' },
  );
}

async function namedBy(folder: string, name: string): Promise<Set<string> | undefined> {
  const main = join(folder, name);
  const opened: FileSource[] = [];
  const open = async (other: string): Promise<ByteSource> => {
    const file = await (other === name ? openFileSource(main) : openSibling(main, other));
    opened.push(file);
    return file;
  };
  try {
    return await otherFilesOf(await open(name), name, { open });
  } finally {
    await Promise.all(opened.map((file) => file.close()));
  }
}
