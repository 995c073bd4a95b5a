/**
 * One PostgreSQL server process on one folder: making the folder, starting, stopping, and clearing away the server that
 * a killed owner left behind. Stopping is always SIGINT ("fast shutdown": open transactions are rolled back, everything
 * committed is on disk), never SIGKILL. The server listens on 127.0.0.1 alone, has no Unix socket and gets an
 * environment without this process's secrets.
 */
import { spawn } from 'node:child_process';
import { chown, mkdir, open, readdir, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { RegistryError } from '../../core/errors.ts';
import type { Log } from '../logging/index.ts';
import type { Binaries } from './binaries.ts';
import { commandOf, identify, waitUntilGone } from './process.ts';
import type { ProcessIdentity } from './process.ts';
import type { SystemUser } from './system-user.ts';

const START_TIMEOUT_MS = 60_000;
/** A fast shutdown writes out all dirty buffers, which takes its time on a slow disk. */
const STOP_TIMEOUT_MS = 120_000;
const LOG_ROTATED_AT = 8 * 1024 * 1024;

export interface Cluster {
  binaries: Binaries;
  /** The server's data folder. */
  folder: string;
  user: SystemUser | undefined;
  superuser: string;
  password: string;
  log: Log;
}

export interface Server {
  port: number;
  stop(): Promise<void>;
}

/** Makes the data folder when it is missing. It appears under its name only when it is complete. */
export async function initialize({ binaries, folder, user, superuser, password }: Cluster): Promise<void> {
  const draft = `${folder}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  const passwordFile = `${folder}.password`;
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (user) {
    await chown(draft, user.uid, user.gid);
    await chown(passwordFile, user.uid, user.gid);
  }
  try {
    await runToEnd(
      binaries.initdb,
      [
        `--pgdata=${draft}`,
        `--username=${superuser}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--data-checksums',
      ],
      { ...user, cwd: draft },
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(draft, folder);
}

/**
 * Starts the server and returns when it answers: on the port that it had last, where processes that joined it still look
 * for it, else on a free one.
 */
export async function start(cluster: Cluster): Promise<Server> {
  const portFile = `${cluster.folder}.port`;
  const last = Number(await readFile(portFile, 'utf8').catch(noneYet));
  for (let attempt = 1; ; attempt++) {
    const port = attempt === 1 && last > 0 ? last : await freePort();
    try {
      const server = await startOn(port, cluster);
      if (port !== last) await writeFile(portFile, `${port}\n`, { mode: 0o600 });
      return server;
    } catch (error) {
      // Another program may have taken the port between the look and the start.
      if (attempt === 3 || !String((error as Error).cause).includes('Address already in use')) throw error;
    }
  }
}

function noneYet(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '0';
  throw error;
}

/** Stops a server that still runs on the folder although its owner is gone. @returns whether there was one */
export async function stopOrphan(folder: string, log: Log): Promise<boolean> {
  const orphan = await serverOn(folder);
  if (orphan) {
    log.warn({ pid: orphan.pid }, 'A killed process left its database server running: stopping it.');
    await interrupt(orphan);
    return true;
  }
  // A server that was itself killed leaves its pid file, and PostgreSQL refuses to start as long as any process of this
  // user has that id, a zombie included. It is removed when nothing works in the folder any more; what is left of a
  // killed server sees that within a moment and ends.
  if (process.platform !== 'linux') return false;
  for (const end = Date.now() + 10_000; await hasUsers(folder); await sleep(20)) {
    if (Date.now() > end) return false;
  }
  await rm(join(folder, 'postmaster.pid'), { force: true });
  return false;
}

/** Whether any process has the folder as its working directory, as the server and all its children do. */
async function hasUsers(folder: string): Promise<boolean> {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const directory = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    if (directory === folder) return true;
  }
  return false;
}

async function startOn(port: number, cluster: Cluster): Promise<Server> {
  const { binaries, folder, user, log } = cluster;
  const logFile = `${folder}.log`;
  const { size } = await stat(logFile).catch(() => ({ size: 0 }));
  if (size > LOG_ROTATED_AT) await rename(logFile, `${logFile}.1`);
  const output = await open(logFile, 'a', 0o600);
  const written = (await output.stat()).size;
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    max_connections: 100,
    timezone: 'UTC',
    log_timezone: 'UTC',
    // The server's log must not repeat statements: they may hold what a party keeps secret.
    log_min_error_statement: 'panic',
    log_statement: 'none',
  };
  const child = spawn(
    binaries.postgres,
    ['-D', folder, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    // Its own session: Ctrl-C reaches the application first, which then stops the server in order.
    { ...user, cwd: folder, env: scrubbedEnvironment(), stdio: ['ignore', output.fd, output.fd], detached: true },
  );
  const ended = new Promise<Error>((resolve) => {
    child.once('error', resolve);
    child.once('exit', (code, signal) => resolve(new Error(`postgres ended with ${signal ?? code}`)));
  });
  let running = true;
  let failure: Error | undefined;
  void ended.then((reason) => {
    running = false;
    failure = reason;
  });
  await output.close();
  child.unref();

  for (const end = Date.now() + START_TIMEOUT_MS; running; await sleep(10)) {
    if (await answers(cluster, port)) break;
    if (Date.now() > end) {
      child.kill('SIGINT');
      failure = new Error('no answer in time');
      running = false;
    }
  }
  if (!running) {
    const tail = (await readFile(logFile, 'utf8')).slice(written).slice(-2000);
    throw new RegistryError('database_unavailable', 'The embedded database did not start.', {
      fix: `Read ${logFile}.`,
      cause: new Error(`${failure?.message}\n${tail}`),
    });
  }
  const identity = child.pid === undefined ? undefined : await identify(child.pid);
  if (!identity) throw new RegistryError('database_unavailable', 'The embedded database ended right after its start.');

  // Last resort when the process ends without closing: process.exit() or an error nobody caught.
  const interruptNow = () => void child.kill('SIGINT');
  process.once('exit', interruptNow);
  let stopping = false;
  void ended.then((reason) => {
    process.removeListener('exit', interruptNow);
    if (!stopping) log.error({ err: reason }, `The embedded database ended on its own; ${logFile} says why.`);
  });
  return {
    port,
    stop: async () => {
      stopping = true;
      if (running) await interrupt(identity);
    },
  };
}

async function answers({ superuser: user, password }: Cluster, port: number): Promise<boolean> {
  const client = new pg.Client({ host: '127.0.0.1', port, user, password, database: 'postgres' });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch (error) {
    // 57P03: still starting up. Anything else than a refused connection is a fault that waiting does not mend.
    if (['ECONNREFUSED', 'ECONNRESET', '57P03'].includes(String((error as { code?: unknown }).code))) return false;
    if ((error as Error).message.includes('terminated unexpectedly')) return false;
    if ((error as { code?: unknown }).code === '28P01') {
      throw new RegistryError('database_unavailable', 'The embedded database does not accept its recorded password.', {
        fix: 'Restore database.json of this data folder from a backup.',
        cause: error,
      });
    }
    throw error;
  } finally {
    await client.end();
  }
}

/** The server process that postmaster.pid names, if it lives and really is a server on this folder. */
async function serverOn(folder: string): Promise<ProcessIdentity | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const [pid, serves] = text.split('\n');
  if (!pid || !/^[1-9]\d*$/.test(pid) || serves !== folder) return undefined;
  const identity = await identify(Number(pid));
  const command = identity && (await commandOf(identity.pid));
  return command?.includes('postgres') && command.includes(folder) ? identity : undefined;
}

async function interrupt(server: ProcessIdentity): Promise<void> {
  try {
    process.kill(server.pid, 'SIGINT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
    throw error;
  }
  if (await waitUntilGone(server, STOP_TIMEOUT_MS)) return;
  throw new RegistryError('database_unavailable', `The database server ${server.pid} does not stop.`, {
    fix: 'Wait until it has written its data; never kill it with SIGKILL.',
  });
}

function scrubbedEnvironment(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'];
  const env: NodeJS.ProcessEnv = { LC_ALL: 'C' };
  for (const name of kept) if (process.env[name] !== undefined) env[name] = process.env[name];
  return env;
}

async function runToEnd(program: string, args: string[], options: { uid?: number; gid?: number; cwd: string }) {
  const child = spawn(program, args, { ...options, env: scrubbedEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code === 0) return;
  throw new RegistryError('database_unavailable', 'The embedded database could not be set up.', {
    fix: `Check that ${dirname(options.cwd)} is writable and has 100 MB free.`,
    cause: new Error(said.slice(-2000)),
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
