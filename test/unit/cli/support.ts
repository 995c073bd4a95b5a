/** The command line inside the test's process, with everything that it reads and writes in hand. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Io } from '../../../src/cli/io.ts';
import { run } from '../../../src/cli/program.ts';

export interface Ran {
  code: number;
  out: string;
  notes: string;
}

export async function runCli(
  argv: readonly string[],
  env: Record<string, string> = {},
  io: Partial<Io> = {},
): Promise<Ran> {
  let out = '';
  let notes = '';
  const code = await run(argv, {
    env,
    out: (text) => void (out += text),
    note: (text) => void (notes += text),
    watched: false,
    input: () => Promise.resolve(''),
    onInterrupt: () => () => undefined,
    ...io,
  });
  return { code, out, notes };
}

/** A folder for one test file. */
export async function makeHome(): Promise<{ home: string; remove: () => Promise<void> }> {
  const home = await mkdtemp(join(tmpdir(), 'muniment-cli-'));
  return { home, remove: () => rm(home, { recursive: true, force: true }) };
}
