/**
 * What a gate has leased and used, line by line in a file: written before a call is let through, so that a process that is
 * killed knows afterwards what it had let through, and reports it once. A line that was cut off is the last one, and its
 * call was not let through.
 *
 * One process has one journal, which a lock beside it sees to: two would spend the same leased calls. It is begun anew with
 * what is open whenever it has grown. A power failure may lose the last lines; a killed process loses none.
 *
 * What is wrong with it is told to strangers who ask for a model, so it does not say where it lies.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { RegistryError } from '../core/errors.ts';
import type { OwnerLock } from '../platform/database/owner-lock.ts';
import { takeOwnerLock } from '../platform/database/owner-lock.ts';

/** Bytes from which on a journal that has doubled is begun anew. */
const SMALLEST_LIMIT = 1024 * 1024;

export interface Use {
  readonly token: string;
  readonly action: string;
}

export interface Report {
  readonly id: string;
  readonly block: string;
  readonly uses: readonly { token: string; action: string; calls: number }[];
  readonly from: string;
  readonly to: string;
}

/** A block of leased calls as it stands. */
export interface OpenBlock {
  readonly id: string;
  readonly grant: string;
  /** Calls that it holds yet */
  left: number;
  /** Used and in no report yet, by token and action */
  unreported: Map<string, number>;
  /** Sent, and not known to have arrived */
  pending: Report | undefined;
  since: string;
}

type Line =
  | { leasing: string; grant: string }
  | { lease: string; grant: string; calls: number; at: string }
  | { use: string; token: string; action: string; calls: number }
  | { report: Report; at: string }
  | { reported: string; block: string }
  | { settling: string }
  | { settled: string };

export class Journal {
  readonly blocks = new Map<string, OpenBlock>();
  /** Blocks that were asked for, and nobody knows whether they were leased; with their grants */
  readonly asked = new Map<string, string>();
  #file = -1;
  #size = 0;
  #limit = SMALLEST_LIMIT;

  private constructor(
    private readonly path: string,
    private readonly lock: OwnerLock,
  ) {}

  /**
   * @throws RegistryError `malformed_json` for a journal that is not one of a gate, `configuration_invalid` for one that
   *   another process has
   */
  static async open(path: string): Promise<Journal> {
    mkdirSync(dirname(path), { recursive: true });
    const taken = await takeOwnerLock(`${path}.lock`);
    if (!('lock' in taken)) {
      throw new RegistryError('configuration_invalid', `The journal of uses is that of process ${taken.heldBy}.`, {
        field: 'usage.journal',
        fix: 'Give each process a journal of its own.',
      });
    }
    try {
      const journal = new Journal(path, taken.lock);
      for (const line of readLines(path)) journal.#apply(line);
      journal.#begin();
      return journal;
    } catch (error) {
      await taken.lock.release();
      throw error;
    }
  }

  leasing(id: string, grant: string): void {
    this.#write({ leasing: id, grant });
  }

  leased(id: string, grant: string, calls: number): void {
    this.#write({ lease: id, grant, calls, at: new Date().toISOString() });
  }

  used(block: string, { token, action }: Use): void {
    this.#write({ use: block, token, action, calls: 1 });
  }

  /** Puts all that was not reported yet into a report, which from then on is sent until it arrives. */
  reporting(report: Report): void {
    this.#write({ report, at: report.to });
  }

  reported({ id, block }: Report): void {
    this.#write({ reported: id, block });
  }

  /** From here on nothing is spent of it: whoever is killed before it knows whether it was settled must not go on. */
  settling(block: string): void {
    this.#write({ settling: block });
  }

  settled(block: string): void {
    this.#write({ settled: block });
  }

  async close(): Promise<void> {
    closeSync(this.#file);
    await this.lock.release();
  }

  /** Where the disk is full nothing is let through, and what was begun of the line is written over by the next. */
  #write(line: Line): void {
    try {
      this.#append(line);
    } catch (cause) {
      throw new RegistryError('storage_full', 'The journal of uses cannot be written.', {
        field: 'usage.journal',
        fix: 'Make room on its disk.',
        cause,
      });
    }
    this.#apply(line);
    if (this.#size > this.#limit) this.#beginAgain();
  }

  #append(line: Line): void {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(this.#file, bytes, written, bytes.length - written, this.#size + written);
    }
    this.#size += bytes.length;
  }

  #apply(line: Line): void {
    if ('leasing' in line) {
      this.asked.set(line.leasing, line.grant);
    } else if ('lease' in line) {
      const { lease: id, grant, calls, at } = line;
      this.asked.delete(id);
      this.blocks.set(id, { id, grant, left: calls, unreported: new Map(), pending: undefined, since: at });
    } else if ('use' in line) {
      const block = this.#block(line.use);
      const key = JSON.stringify([line.token, line.action]);
      block.left -= line.calls;
      block.unreported.set(key, (block.unreported.get(key) ?? 0) + line.calls);
    } else if ('report' in line) {
      const block = this.#block(line.report.block);
      block.pending = line.report;
      for (const { token, action } of line.report.uses) block.unreported.delete(JSON.stringify([token, action]));
      block.since = line.at;
    } else if ('reported' in line) {
      this.#block(line.block).pending = undefined;
    } else if ('settling' in line) {
      this.#block(line.settling).left = 0;
    } else {
      this.blocks.delete(line.settled);
      this.asked.delete(line.settled);
    }
  }

  #block(id: string): OpenBlock {
    const block = this.blocks.get(id);
    if (block !== undefined) return block;
    throw new RegistryError('malformed_json', 'The journal of uses speaks of a block that it does not know.');
  }

  /** A new file with what is open, in the place of the old one. */
  #begin(): void {
    const [before, size] = [this.#file, this.#size];
    const next = `${this.path}.next`;
    this.#file = openSync(next, 'w', 0o600);
    this.#size = 0;
    try {
      for (const line of this.#open()) this.#append(line);
      fsyncSync(this.#file);
      renameSync(next, this.path);
    } catch (error) {
      closeSync(this.#file);
      [this.#file, this.#size] = [before, size];
      throw error;
    }
    if (before !== -1) closeSync(before);
    this.#limit = Math.max(SMALLEST_LIMIT, 2 * this.#size);
  }

  #beginAgain(): void {
    try {
      this.#begin();
    } catch {
      // The old file holds everything; it is tried again when that has doubled.
      this.#limit = 2 * this.#size;
    }
  }

  *#open(): Generator<Line> {
    for (const [leasing, grant] of this.asked) yield { leasing, grant };
    for (const { id, grant, left, unreported, pending, since } of this.blocks.values()) {
      const uses = [...unreported].map(([key, calls]): Line & { calls: number } => {
        const [token, action] = JSON.parse(key) as [string, string];
        return { use: id, token, action, calls };
      });
      yield { lease: id, grant, calls: uses.reduce((sum, { calls }) => sum + calls, left), at: since };
      if (pending !== undefined) yield { report: pending, at: since };
      yield* uses;
    }
  }
}

function* readLines(path: string): Generator<Line> {
  if (!existsSync(path)) return;
  const lines = readFileSync(path, 'utf8').split('\n');
  // What follows the last line break was cut off; after a whole line it is nothing.
  for (const line of lines.slice(0, -1)) {
    try {
      yield JSON.parse(line) as Line;
    } catch (cause) {
      throw new RegistryError('malformed_json', 'The journal of uses is damaged.', { cause });
    }
  }
}
