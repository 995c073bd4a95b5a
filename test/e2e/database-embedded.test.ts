/** The embedded database as processes of the built program meet it: killed owners, joiners, several starts at once. */
import { once } from 'node:events';
import { mkdir, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { loadConfig } from '../../src/platform/config/index.ts';
import { openDatabase } from '../../src/platform/database/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { identify } from '../../src/platform/database/process.ts';
import { QUEUES } from '../../src/platform/jobs/index.ts';
import { createLog } from '../../src/platform/logging/index.ts';
import { makeDataFolder } from '../support/app.ts';
import { query } from '../support/postgres.ts';
import { spawnBuilt, spawnServer } from '../support/server.ts';
import type { SpawnedServer } from '../support/server.ts';

jest.setTimeout(60_000);

let data: string;
let running: SpawnedServer[];
let logged: string[];
const log = createLog({ logLevel: 'debug' }, { write: (line) => void logged.push(line) });
const start = async (env: Record<string, string> = {}) => {
  const server = await spawnServer({ env: { MUNIMENT_DATA: data, ...env } });
  running.push(server);
  return server;
};
const open = (): Promise<Database> => openDatabase(loadConfig({ MUNIMENT_DATA: data }), log);
const postmaster = async () =>
  Number((await readFile(join(data, 'postgres/postmaster.pid'), 'utf8')).split('\n', 1)[0]);
const logins = async () => JSON.parse(await readFile(join(data, 'database.json'), 'utf8')) as Record<string, string>;
// A zombie, which nobody collects in a container without init, does not live.
const alive = async (pid: number) => (await identify(pid)) !== undefined;

beforeEach(async () => {
  data = await makeDataFolder();
  running = [];
  logged = [];
});
afterEach(async () => {
  for (const server of running) await server.stop();
  expect(await readdir(join(data, 'postgres'))).not.toContain('postmaster.pid');
  await rm(data, { recursive: true, force: true });
});

it('keeps its data across restarts, on 127.0.0.1 alone, durable, with no secret that others may read', async () => {
  const first = await open();
  expect(first).toMatchObject({ mode: 'embedded', separateRoles: true, version: expect.stringMatching(/^18\./) });
  await query(first.ownerUrl.reveal(), 'CREATE TABLE kept AS SELECT 42 AS answer');
  const [settings] = await query(
    first.appUrl.reveal(),
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
            current_setting('listen_addresses') AS addresses, current_setting('server_encoding') AS encoding,
            current_setting('data_checksums') AS checksums, current_user AS role`,
  );
  expect(settings).toEqual({
    fsync: 'on',
    commit: 'on',
    addresses: '127.0.0.1',
    encoding: 'UTF8',
    checksums: 'on',
    role: 'muniment_app',
  });
  for (const file of ['database.json', 'postgres.log']) expect((await stat(join(data, file))).mode & 0o077).toBe(0);
  await first.close();
  await first.close();

  const second = await open();
  expect(await query(second.ownerUrl.reveal(), 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  const wrong = second.appUrl.reveal().replace(/:[^:@]+@/, ':wrong@');
  await expect(query(wrong, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  await second.close();
});

it('clears away what a SIGKILLed owner left, with SIGINT, and loses nothing that was committed', async () => {
  const killed = await start();
  const orphan = await postmaster();
  const { owner } = await logins();
  const port = (await readFile(join(data, 'postgres/postmaster.pid'), 'utf8')).split('\n')[3];
  const url = `postgres://muniment_owner:${owner}@127.0.0.1:${port}/muniment`;
  await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await killed.stop('SIGKILL');
  expect(await alive(orphan)).toBe(true);

  const database = await open();
  expect(await alive(orphan)).toBe(false);
  expect(logged.join()).toContain('A killed process left its database server running');
  expect(await readFile(join(data, 'postgres.log'), 'utf8')).toContain('received fast shutdown request');
  expect(await query(database.ownerUrl.reveal(), 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  await database.close();
});

it('lets a second process join as a client, which leaves the server alone when it ends', async () => {
  const owner = await start();
  const server = await postmaster();
  const joiner = await start();
  expect(await postmaster()).toBe(server);
  expect(joiner.output()).toContain('Joining the database that process');
  expect(await joiner.stop()).toBe(0);
  expect((await fetch(`${owner.url}/health/ready`)).status).toBe(200);
  expect(await owner.stop()).toBe(0);
  expect(await alive(server)).toBe(false);
});

it('lets four processes start at the same moment on an empty folder: one owner, one set of migrations', async () => {
  const started = await Promise.allSettled(Array.from({ length: 4 }, () => start()));
  expect(started.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []))).toEqual([]);
  const servers = [...running];
  for (const { url } of servers) expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  const count = (text: string) => servers.filter((server) => server.output().includes(text)).length;
  expect(count('Setting up the embedded PostgreSQL')).toBe(1);
  expect(count('Joining the database')).toBe(3);
  expect(count('Ran the migration SchemasAndRoles')).toBe(1);
  // Clients first: the owner takes the server with it.
  for (const server of servers.sort((a) => (a.output().includes('Joining') ? -1 : 1)))
    expect(await server.stop()).toBe(0);
});

it('is not fooled by a process that got the id of a dead owner', async () => {
  await (await open()).close();
  const folder = join(data, 'owner.lock');
  const [newest] = (await readdir(folder)).map(Number).sort((a, b) => b - a);
  // This very process is alive, but it started at another time than the record says.
  const record = { holder: { pid: process.pid, started: 'another-boot/1' }, released: false, port: 1 };
  await writeFile(join(folder, String(newest)), JSON.stringify(record));
  const database = await open();
  expect(database.mode).toBe('embedded');
  expect(await query(database.appUrl.reveal(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await database.close();
});

it('never signals a stranger that got the id of a dead database server, and starts all the same', async () => {
  await (await open()).close();
  const stranger = await start({ MUNIMENT_DATA: join(data, 'elsewhere') });
  const folder = join(data, 'postgres');
  await writeFile(join(folder, 'postmaster.pid'), `${stranger.pid}\n${folder}\n1\n1\n\n127.0.0.1\n`);
  await (await open()).close();
  expect(await alive(stranger.pid)).toBe(true);
});

it('starts again after owner and server were both SIGKILLed', async () => {
  const owner = await start();
  const server = await postmaster();
  await owner.stop('SIGKILL');
  process.kill(server, 'SIGKILL');
  const database = await open();
  const queues = await query<{ name: string }>(database.appUrl.reveal(), 'SELECT name FROM pgboss.queue');
  expect(queues.map(({ name }) => name).sort()).toEqual(Object.keys(QUEUES).sort());
  await database.close();
});

it('leaves no server behind when it is told to stop in the middle of its start', async () => {
  const child = spawnBuilt(['src/main.js'], { MUNIMENT_DATA: data, MUNIMENT_PORT: '0' });
  const ended = once(child, 'exit');
  const pidFile = join(data, 'postgres/postmaster.pid');
  while (child.exitCode === null && (await readFile(pidFile, 'utf8').catch(() => '')) === '') await sleep(2);
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});

it('hands none of this process’s secrets to the database server', async () => {
  const server = await start({ MUNIMENT_MASTER_KEY: Buffer.alloc(32, 1).toString('base64') });
  const environment = await readFile(`/proc/${await postmaster()}/environ`, 'utf8');
  expect(environment).not.toMatch(/MUNIMENT|DATABASE_URL|SECRET|TOKEN/);
  const command = await readFile(`/proc/${await postmaster()}/cmdline`, 'utf8');
  expect(command).not.toMatch(new RegExp(Object.values(await logins()).join('|')));
  await server.stop();
});

it('stops the server when the process ends without closing', async () => {
  const server = await start();
  const database = await postmaster();
  const ended = server.stop('SIGINT');
  await sleep(0);
  server.child.kill('SIGINT');
  await ended;
  for (let i = 0; i < 200 && (await alive(database)); i++) await sleep(50);
  expect(await alive(database)).toBe(false);
});

it('works in a folder that only this user can pass through, as root too', async () => {
  data = join(data, 'closed', 'data');
  await mkdir(dirname(data), { mode: 0o700 });
  for (let round = 0; round < 2; round++) {
    const database = await open();
    expect(await query(database.appUrl.reveal(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await database.close();
  }
  // PostgreSQL runs as another user then, and its files had to go elsewhere.
  const elsewhere = await readlink(join(data, 'postgres')).catch(() => undefined);
  expect(elsewhere !== undefined).toBe(process.getuid?.() === 0);
  if (elsewhere !== undefined) await rm(elsewhere, { recursive: true });
  await rm(dirname(data), { recursive: true });
  data = dirname(dirname(data));
  await mkdir(join(data, 'postgres'));
});

it('refuses with a sentence when its logins were lost, and repeats nothing of what the file holds', async () => {
  await (await open()).close();
  await writeFile(join(data, 'database.json'), '{"superuser":"hunter2"');
  const refusal = await open().catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: 'database_unavailable', message: expect.stringContaining('database.json') });
  expect(`${(refusal as Error).stack} ${String((refusal as Error).cause)}`).not.toContain('hunter2');
});

it('refuses a data folder of another PostgreSQL version instead of touching it', async () => {
  await (await open()).close();
  await writeFile(join(data, 'postgres/PG_VERSION'), '17\n');
  await expect(open()).rejects.toMatchObject({ code: 'database_unavailable', message: expect.stringContaining('17') });
});
