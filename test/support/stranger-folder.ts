/**
 * Folders of strangers' programs, outside of the repository and kept for later runs under names that hold the digest of
 * what they are made from. Whichever process comes first makes a folder; others wait for it.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export type Prepared = { readonly folder: string } | { readonly lacking: string };

/** @param steps commands that make the folder, which is not there; the first that fails ends them */
export function prepare(name: string, from: string, steps: (folder: string) => string[][]): Prepared {
  const made = createHash('sha256').update(from).digest('hex').slice(0, 16);
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'muniment');
  const folder = join(cache, `interop-${name}-${made}`);
  const ready = join(folder, 'ready');
  mkdirSync(cache, { recursive: true });
  while (!existsSync(ready)) {
    const unlock = lock(`${folder}.lock`);
    if (unlock === undefined) continue;
    try {
      if (existsSync(ready)) break;
      rmSync(folder, { recursive: true, force: true });
      for (const [command, ...args] of steps(folder) as [string, ...string[]][]) {
        const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
        if (status === 0) continue;
        const reason = (error?.message ?? stderr).trim().split('\n').at(-1);
        return { lacking: `"${[command, ...args.slice(0, 3)].join(' ')} …" failed: ${reason}` };
      }
      writeFileSync(ready, '');
    } finally {
      unlock();
    }
  }
  return { folder };
}

const RETRY_MS = 200;

/** @returns undefined, after a while, where another process that lives holds it */
function lock(file: string): (() => void) | undefined {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return () => rmSync(file, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if (!isAlive(holderOf(file))) rmSync(file, { force: true });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
  return undefined;
}

function holderOf(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    // Released in the meantime.
    return 0;
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return true;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
