/**
 * The files of one model: its main one and those that it names, each opened once, none outside of its folder. Links lead out of
 * it in one case: to where the main file really lies, because caches of downloads link all files of a model there.
 */
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { RegistryError } from '../../core/errors.ts';
import type { Siblings } from '../../core/weights/container.ts';
import type { FileSource } from './file-source.ts';
import { openFileSource } from './file-source.ts';

/** More files than the largest models have, fewer than a process may hold open. */
const MAX_FILES = 1000;

export class ModelFiles implements Siblings {
  readonly main: string;
  readonly #path: string;
  readonly #files = new Map<string, FileSource>();

  /** @param path of the main file */
  constructor(path: string) {
    this.main = basename(path);
    this.#path = path;
  }

  /** Those that were opened, by their names */
  get opened(): ReadonlyMap<string, FileSource> {
    return this.#files;
  }

  async open(name: string): Promise<FileSource> {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    if (this.#files.size === MAX_FILES) {
      throw new RegistryError('malformed_container', `The model names more than ${MAX_FILES} files.`);
    }
    const file = await (name === this.main ? openFileSource(this.#path) : openSibling(this.#path, name));
    this.#files.set(name, file);
    return file;
  }

  /** @throws RegistryError `state_conflict` when somebody wrote to one of them */
  async requireUnchanged(): Promise<void> {
    for (const [name, file] of this.#files) {
      if (!(await file.changed())) continue;
      throw new RegistryError('state_conflict', 'The file changed while it was being read.', {
        field: name,
        fix: 'Do it again when nobody writes to it.',
      });
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.close()));
  }
}

/**
 * @param main path of the main file, which names the other one
 * @throws RegistryError `malformed_container` for a path, or a link, that leads out of the folder; `not_found`
 */
export async function openSibling(main: string, name: string): Promise<FileSource> {
  const path = join(dirname(main), inFolder(name));
  const file = await realpath(path).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new RegistryError('not_found', `There is no file "${path}".`, { cause });
  });
  const folders = [await realpath(dirname(main)), dirname(await realpath(main))];
  if (folders.some((folder) => relative(folder, file).split(sep)[0] !== '..')) return openFileSource(file);
  throw new RegistryError('malformed_container', 'A file of the model is a link that leads out of its folder.', {
    field: name.slice(0, 80),
    fix: 'Put the file itself into the folder.',
  });
}

/** @throws RegistryError `malformed_container` for a path that is no plain one below the folder */
function inFolder(name: string): string {
  const parts = name.split('/');
  const plain = (part: string): boolean => /^[^\\:\0]+$/.test(part) && part !== '.' && part !== '..';
  if (name.length <= 1000 && parts.every(plain)) return name;
  throw new RegistryError(
    'malformed_container',
    'A file of the model is named by a path that leads out of its folder.',
    {
      field: name.slice(0, 80),
    },
  );
}
