/**
 * The anchor: the newest checkpoint, kept outside the database. Whoever restores an old backup, promotes a stale copy or
 * cuts the end off the log leaves the anchor ahead of the database, and from then on nothing is signed.
 *
 * A folder with one file for each process that writes; the newest counts. What a file holds is far shorter than a sector
 * of a disk and is written over in one call that returns when it is on disk, so there is no half-written anchor
 * (PostgreSQL rests its control file on the same).
 */
import { randomBytes } from 'node:crypto';
import { constants, fstatSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { equalBytes, fromBase64, toBase64 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import { isStorageFull } from '../platform/storage-full.ts';

export interface Head {
  readonly size: number;
  /** 32 bytes */
  readonly root: Uint8Array;
}

const SUFFIX = '.anchor';

export class Anchor {
  readonly #file: string;
  readonly #folder: string;
  #open: FileHandle | undefined;
  #newest: Head | undefined;
  #last: Promise<void> = Promise.resolve();

  /** @param logId tells the anchors of different logs in one folder apart; safe in a file name */
  constructor(
    folder: string,
    private readonly logId: string,
  ) {
    this.#folder = folder;
    this.#file = join(folder, `${logId}.${process.pid}-${randomBytes(4).toString('hex')}${SUFFIX}`);
  }

  /** The newest head that any process anchored. */
  async read(): Promise<Head | undefined> {
    const heads = await Promise.all((await this.#files()).map((file) => this.#parse(file)));
    return heads.reduce<Head | undefined>(
      (newest, head) => (newest && newest.size >= head.size ? newest : head),
      undefined,
    );
  }

  /** The newest head that this process knows to be anchored. */
  get newest(): Head | undefined {
    return this.#newest;
  }

  /** Returns when the head, or a newer one, is on disk. Writer and publisher may come at once: one follows the other. */
  put(head: Head): Promise<void> {
    const written = this.#last.then(() => this.#write(head));
    // Whoever waits for this write is told of its failure; the next write tries afresh.
    this.#last = written.then(
      () => undefined,
      () => undefined,
    );
    return written;
  }

  async #write(head: Head): Promise<void> {
    if (this.#newest && this.#newest.size >= head.size) return;
    const text = `${head.size}\n${toBase64(head.root)}\n`;
    try {
      // A later head is never shorter, so that nothing of the one before it is left.
      await this.#open?.write(text, 0);
      if (this.#open === undefined || isRemoved(this.#open)) {
        await this.#open?.close();
        this.#open = undefined;
        this.#open = await this.#create(text);
      }
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === undefined) throw cause;
      throw new RegistryError(
        isStorageFull(cause) ? 'storage_full' : 'ledger_refuses_to_sign',
        `The anchor in ${this.#folder} cannot be written (${code}): what is on record stands, but no receipt is given.`,
        { fix: 'Mend the folder, then send the same request again, or ask for the receipt by its digest.', cause },
      );
    }
    this.#newest = head;
  }

  async #create(text: string): Promise<FileHandle> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const temporary = `${this.#file}.new`;
    const { O_CREAT, O_DSYNC, O_TRUNC, O_WRONLY } = constants;
    const handle = await open(temporary, O_CREAT | O_TRUNC | O_WRONLY | O_DSYNC, 0o600);
    try {
      await handle.write(text, 0);
      await rename(temporary, this.#file);
      await this.#syncFolder();
    } catch (error) {
      await handle.close();
      throw error;
    }
    return handle;
  }

  /** Lets go of the file once what is being written is on disk. */
  async close(): Promise<void> {
    await this.#last;
    await this.#open?.close();
    this.#open = undefined;
  }

  /** Removes the files of processes that ended before; the newest head among them must have been put by this one. */
  async prune(): Promise<void> {
    const newest = this.#newest;
    if (newest === undefined) return;
    for (const file of await this.#files()) {
      if (file === this.#file || processLives(file)) continue;
      if ((await this.#parse(file)).size <= newest.size) await unlink(file);
    }
  }

  async #files(): Promise<string[]> {
    let names: string[];
    try {
      names = await readdir(this.#folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    return names
      .filter((name) => name.startsWith(`${this.logId}.`) && name.endsWith(SUFFIX))
      .map((name) => join(this.#folder, name));
  }

  async #parse(file: string): Promise<Head> {
    const match = /^(0|[1-9]\d{0,15})\n([A-Za-z0-9+/=]{44})\n$/.exec(await readFile(file, 'utf8'));
    if (!match) {
      throw new RegistryError('ledger_refuses_to_sign', `The anchor ${file} is damaged.`, {
        fix: 'Restore the file, or put the newest checkpoint that you trust in its place.',
      });
    }
    return { size: Number(match[1]), root: fromBase64(match[2] ?? '') };
  }

  async #syncFolder(): Promise<void> {
    const handle = await open(this.#folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

/**
 * A database that was put back under a running process shows a head older than the one that this process anchored.
 * @throws RegistryError `ledger_refuses_to_sign`
 */
export function refuseRollback(head: Head, anchored: Head): void {
  if (head.size > anchored.size || (head.size === anchored.size && equalBytes(head.root, anchored.root))) return;
  throw new RegistryError(
    'ledger_refuses_to_sign',
    head.size === anchored.size
      ? `The database shows another log of ${head.size} entries than the anchored one.`
      : `The database shows a log of ${head.size} entries, but ${anchored.size} are anchored.`,
    { fix: 'Restore the newest database, then start again.' },
  );
}

/** A process in another container cannot see this one, and takes its file for one that was left behind. */
const isRemoved = ({ fd }: FileHandle): boolean => fstatSync(fd).nlink === 0;

function processLives(file: string): boolean {
  const pid = Number(/\.(\d+)-[0-9a-f]{8}\.anchor$/.exec(file)?.[1]);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
