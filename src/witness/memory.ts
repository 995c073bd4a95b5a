/**
 * What a witness remembers of each log: the newest checkpoint that it cosigned, one file a log, verbatim with the
 * signatures of log and witness, so that the file proves itself. It is replaced atomically and has reached the disk
 * before `keep` returns: what a crash leaves is the old file or the new one, and the draft beside them counts for nothing.
 *
 * A memory that is lost makes the witness take any tree of the log for its first. So a damaged file is an error that a
 * person has to look at, and never the same as no file.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex, utf8 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import { sha256 } from '../platform/crypto.ts';

export class Memory {
  private constructor(private readonly folder: string) {}

  static async open(folder: string): Promise<Memory> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new Memory(folder);
  }

  /** The note that was kept last, undefined for a log that was never cosigned. @throws RegistryError `unreachable` */
  async read(origin: string): Promise<string | undefined> {
    try {
      return await readFile(this.pathOf(origin), 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new RegistryError('unreachable', `The file "${this.pathOf(origin)}" cannot be read.`, { cause });
    }
  }

  /** Returns when the note is on disk and will be found after a power cut. */
  async keep(origin: string, note: string): Promise<void> {
    const path = this.pathOf(origin);
    const draft = `${path}.new`;
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(note);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
    const folder = await open(this.folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /** An origin may hold any character, its digest none that a path minds. */
  pathOf(origin: string): string {
    return join(this.folder, `${toHex(sha256(utf8(origin)))}.checkpoint`);
  }
}
