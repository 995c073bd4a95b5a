/** docker-compose.yml without Docker: the commands and settings of its services, run by hand on this machine. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';
import { pendingMigrations } from '../../src/platform/database/index.ts';
import { makeDataFolder } from '../support/app.ts';
import { createTestDatabase } from '../support/postgres.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { runBuilt, spawnBuilt } from '../support/server.ts';

jest.setTimeout(60_000);

const file = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));
const { services } = parse(readFileSync(file, 'utf8'), { merge: true }) as {
  services: Record<string, { command: string[]; environment: Record<string, string> }>;
};

let database: TestDatabase;
let data: string;
const started: ReturnType<typeof spawnBuilt>[] = [];
beforeAll(async () => {
  database = await createTestDatabase({ empty: true });
  data = await makeDataFolder();
});
afterAll(async () => {
  for (const child of started) if (child.exitCode === null) child.kill('SIGTERM');
  await database.drop();
  await rm(data, { recursive: true, force: true });
});

/** Command and settings of a service, on this machine's database and ports. */
function prepare(name: string): [string[], Record<string, string>] {
  const { command = [], environment = {} } = services[name] ?? {};
  const [program, ...args] = command;
  expect(program).toBe('node');
  const env = Object.fromEntries(
    Object.entries(environment).map(([variable, value]) => [variable, value.replace(/\$\{\w+:-([^}]*)\}/g, '$1')]),
  );
  Object.assign(env, {
    DATABASE_URL: database.appUrl.reveal(),
    ...('MUNIMENT_MIGRATION_DATABASE_URL' in env
      ? { MUNIMENT_MIGRATION_DATABASE_URL: database.ownerUrl.reveal() }
      : {}),
    ...('MUNIMENT_PORT' in env ? { MUNIMENT_PORT: '0' } : {}),
    MUNIMENT_MASTER_KEY: Buffer.alloc(32, 5).toString('base64'),
    MUNIMENT_DATA: data,
  });
  return [args.map((argument) => argument.replace(/^dist\//, '')), env];
}

/** Starts a service and waits until it has said what is expected. */
async function run(name: string, ready: RegExp) {
  const child = spawnBuilt(...prepare(name));
  started.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  for (let i = 0; i < 600 && child.exitCode === null && !ready.test(said); i++) await sleep(50);
  expect(said).toMatch(ready);
  return { child, said };
}

it('migrates once, with the owner’s login', async () => {
  const migrated = await runBuilt(...prepare('migrate'));
  expect([migrated.code, migrated.code === 0 ? '' : migrated.stderr]).toEqual([0, '']);
  expect(await pendingMigrations(database)).toEqual([]);
});

it('serves with the application’s login, ready and with separate roles, and stops in order', async () => {
  const { child, said } = await run('api', /http:\/\/[\w.]+:\d+/);
  const answer = await fetch(`${/http:\/\/[\w.]+:\d+/.exec(said)?.[0]}/health/ready`);
  expect(await answer.json()).toMatchObject({ status: 'ready', checks: { databaseRoles: { ok: true } } });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

it('works with the application’s login and stops in order', async () => {
  const { child, said } = await run('worker', /./);
  await sleep(500);
  expect([child.exitCode, child.exitCode === null ? '' : said]).toEqual([null, '']);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});
