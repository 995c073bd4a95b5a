/** Processes of the built program, as a user starts them. Each one still running at the end of a test file is an error. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface SpawnedServer {
  url: string;
  child: ChildProcess;
  pid: number;
  /** Standard error so far: JSON lines of the log. */
  output(): string;
  /** Sends the signal and waits for the end. @returns exit code or signal */
  stop(signal?: NodeJS.Signals): Promise<number | string>;
}

export interface SpawnOptions {
  env?: Record<string, string | undefined>;
  /** File below `dist/`, and its arguments. */
  args?: string[];
  timeoutMs?: number;
}

/** Environment of a child: the test's own without the settings of this machine. */
export function cleanEnvironment(env: Record<string, string | undefined>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:MUNIMENT_|DATABASE_URL$|NODE_OPTIONS$|TEST_)/.test(name),
  );
  return { ...Object.fromEntries(inherited), ...env };
}

/** A zombie lives, too. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Starts a program of the build; `args[0]` is its file below `dist/`. */
export function spawnBuilt([file, ...rest]: string[], env: Record<string, string | undefined>) {
  return spawn(process.execPath, [`${root}dist/${file}`, ...rest], {
    cwd: root,
    env: cleanEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Starts a server and waits until it tells its address. */
export async function spawnServer({
  env = {},
  args = ['src/main.js'],
  timeoutMs = 60_000,
}: SpawnOptions): Promise<SpawnedServer> {
  const child = spawnBuilt(args, { MUNIMENT_PORT: '0', ...env });
  let text = '';
  const listening = /ready on (https?:\/\/[\w.:[\]-]+:\d+)/;
  const ready = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGTERM');
      reject(new Error(`no address in time:\n${text}`));
    }, timeoutMs);
    const read = (chunk: Buffer): void => {
      text += chunk.toString('utf8');
      const url = listening.exec(text)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${signal ?? code}:\n${text}`));
    });
  });
  const url = await ready;
  return {
    url,
    child,
    pid: child.pid ?? 0,
    output: () => text,
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill(signal);
        await ended;
      }
      return child.signalCode ?? child.exitCode ?? -1;
    },
  };
}

/** Runs a program of the build to its end. */
export async function runBuilt(args: string[], env: Record<string, string | undefined> = {}) {
  const child = spawnBuilt(args, env);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
