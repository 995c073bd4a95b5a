/**
 * Who is behind a process id. Ids are used again, so a process is known by its id *and* its start: clock ticks since
 * boot and the boot's own id on Linux, the start time that `ps` prints elsewhere. A zombie counts as gone: in a
 * container without an init process nobody collects it.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ProcessIdentity {
  pid: number;
  /** Opaque; equal only for the same process. */
  started: string;
}

/** The identity of the process that has this id now, `undefined` when there is none. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const started = process.platform === 'linux' ? await startOnLinux(pid) : await startFromPs(pid);
  return started === undefined ? undefined : { pid, started };
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await identify(identity.pid))?.started === identity.started;
}

/** @returns whether the process ended within the time */
export async function waitUntilGone(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(20)) {
    if (!(await isAlive(identity))) return true;
  }
  return !(await isAlive(identity));
}

/** The command line of a running process, as far as the system shows it. */
export async function commandOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return (await readIfThere(`/proc/${pid}/cmdline`))?.replaceAll('\0', ' ');
  return fromPs(pid, 'command=');
}

async function startOnLinux(pid: number): Promise<string | undefined> {
  const stat = await readIfThere(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses and may itself hold blanks and parentheses.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields?.[0], fields?.[19]];
  if (ticks === undefined || state === 'Z' || state === 'X') return undefined;
  return `${(await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()}/${ticks}`;
}

async function startFromPs(pid: number): Promise<string | undefined> {
  const line = await fromPs(pid, 'stat=,lstart=');
  return line === undefined || line.startsWith('Z') ? undefined : line.slice(line.indexOf(' ') + 1).trim();
}

async function fromPs(pid: number, format: string): Promise<string | undefined> {
  try {
    const { stdout } = await run('ps', ['-o', format, '-p', String(pid)], {
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    });
    return stdout.trim() || undefined;
  } catch (error) {
    // `ps` ends with 1 when no process has the id.
    if ((error as { code?: unknown }).code === 1) return undefined;
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // ESRCH: the process ended between open and read.
    if (['ENOENT', 'ESRCH'].includes(String((error as NodeJS.ErrnoException).code))) return undefined;
    throw error;
  }
}
