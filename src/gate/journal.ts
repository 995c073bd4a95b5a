/**
 * What a gate has leased and used, line by line in a file: written before a call is let through, so that a process that is
 * killed knows afterwards what it had let through, and reports it once. A line that was cut off is the last one, and its
 * call was not let through.
 *
 * One process has one journal. A power failure may lose the last lines; a killed process loses none.
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { RegistryError } from '../core/errors.ts';

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
  | { use: string; token: string; action: string }
  | { report: Report; at: string }
  | { reported: string }
  | { settled: string };

export class Journal {
  readonly blocks = new Map<string, OpenBlock>();
  /** Blocks that were asked for, and nobody knows whether they were leased; with their grants */
  readonly asked = new Map<string, string>();
  #file: number;

  /** @throws RegistryError `malformed_json` for a journal that is not one of a gate */
  constructor(private readonly path: string) {
    mkdirSync(dirname(path), { recursive: true });
    for (const line of readLines(path)) this.#apply(line);
    this.#file = this.#rewritten();
  }

  leasing(id: string, grant: string): void {
    this.#write({ leasing: id, grant });
  }

  leased(id: string, grant: string, calls: number): void {
    this.#write({ lease: id, grant, calls, at: new Date().toISOString() });
  }

  used(block: string, { token, action }: Use): void {
    this.#write({ use: block, token, action });
  }

  /** Puts all that was not reported yet into a report, which from then on is sent until it arrives. */
  reporting(report: Report): void {
    this.#write({ report, at: report.to });
  }

  reported(report: string): void {
    this.#write({ reported: report });
  }

  settled(block: string): void {
    this.#write({ settled: block });
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(line: Line): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
    this.#apply(line);
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
      block.left--;
      block.unreported.set(key, (block.unreported.get(key) ?? 0) + 1);
    } else if ('report' in line) {
      const block = this.#block(line.report.block);
      block.pending = line.report;
      for (const { token, action } of line.report.uses) block.unreported.delete(JSON.stringify([token, action]));
      block.since = line.at;
    } else if ('reported' in line) {
      for (const block of this.blocks.values()) if (block.pending?.id === line.reported) block.pending = undefined;
    } else {
      this.blocks.delete(line.settled);
      this.asked.delete(line.settled);
    }
  }

  #block(id: string): OpenBlock {
    const block = this.blocks.get(id);
    if (block !== undefined) return block;
    throw new RegistryError('malformed_json', `The journal "${this.path}" speaks of a block that it does not know.`);
  }

  /** Begins anew with what is open, so that the file does not grow for ever. */
  #rewritten(): number {
    const next = `${this.path}.next`;
    const file = openSync(next, 'w', 0o600);
    for (const [leasing, grant] of this.asked) writeSync(file, `${JSON.stringify({ leasing, grant })}\n`);
    for (const { id, grant, left, unreported, pending, since } of this.blocks.values()) {
      const uses = [...unreported].flatMap(([key, calls]) => {
        const [token, action] = JSON.parse(key) as [string, string];
        return Array.from({ length: calls }, (): Line => ({ use: id, token, action }));
      });
      const lines: Line[] = [
        { lease: id, grant, calls: left + uses.length, at: since },
        ...(pending === undefined ? [] : [{ report: pending, at: since }]),
        ...uses,
      ];
      for (const line of lines) writeSync(file, `${JSON.stringify(line)}\n`);
    }
    renameSync(next, this.path);
    return file;
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
      throw new RegistryError('malformed_json', `The journal "${path}" is damaged.`, { cause });
    }
  }
}
