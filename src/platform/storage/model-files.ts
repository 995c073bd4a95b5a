/** The files of one model: its main one and those that it names, each opened once, none outside of its folder. */
import { basename, dirname, join } from 'node:path';
import { RegistryError } from '../../core/errors.ts';
import type { Siblings } from '../../core/weights/container.ts';
import type { FileSource } from './file-source.ts';
import { openFileSource } from './file-source.ts';

/** More files than the largest models have, fewer than a process may hold open. */
const MAX_FILES = 1000;

export class ModelFiles implements Siblings {
  readonly main: string;
  readonly #folder: string;
  readonly #files = new Map<string, FileSource>();

  /** @param path of the main file */
  constructor(path: string) {
    this.main = basename(path);
    this.#folder = dirname(path);
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
    const file = await openFileSource(join(this.#folder, inFolder(name)));
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

/** @throws RegistryError `malformed_container` for a path that is no plain one below the folder */
export function inFolder(name: string): string {
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
