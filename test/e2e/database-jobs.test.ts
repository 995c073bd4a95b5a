import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/platform/database/index.ts';
import { Jobs } from '../../src/platform/jobs/index.ts';
import { createLog } from '../../src/platform/logging/index.ts';
import { createTestDatabase, query } from '../support/postgres.ts';
import type { TestDatabase } from '../support/postgres.ts';

jest.setTimeout(30_000);

const log = createLog({ logLevel: 'silent' });
let database: TestDatabase;
let all: Jobs[];
const replica = () => {
  const jobs = new Jobs(database, log);
  all.push(jobs);
  return jobs;
};
const until = async (condition: () => Promise<boolean> | boolean) => {
  while (!(await condition())) await sleep(50);
};

beforeEach(async () => {
  database = await createTestDatabase();
  all = [];
});
afterEach(async () => {
  for (const jobs of all) await jobs.stop();
  const connected = `SELECT application_name FROM pg_stat_activity WHERE datname = '${database.name}' AND pid <> pg_backend_pid()`;
  // A server process ends after its connection; one that is left open stays, and the test with it.
  await until(async () => (await query(database.superuserUrl, connected)).length === 0);
  await database.drop();
});

it('exists when and only when the transaction that sent it commits', async () => {
  const jobs = replica();
  const source = await new DataSource(dataSourceOptions(database.appUrl.reveal(), [])).initialize();
  const [kept, dropped] = [randomUUID(), randomUUID()];
  await source.transaction(async (transaction) => {
    expect(await jobs.send('training', { run: 1 }, { transaction, id: kept })).toBe(kept);
  });
  await expect(
    source.transaction(async (transaction) => {
      await jobs.send('training', { run: 2 }, { transaction, id: dropped });
      throw new Error('changed my mind');
    }),
  ).rejects.toThrow('changed my mind');
  expect(await jobs.state('training', kept)).toBe('created');
  expect(await jobs.state('training', dropped)).toBeUndefined();
  await expect(jobs.send('training', {}, { id: kept })).rejects.toMatchObject({ code: 'already_exists' });
  await source.destroy();
});

it('is run by one worker only, of many', async () => {
  const seen: number[] = [];
  for (let i = 0; i < 3; i++) {
    await replica().work<{ n: number }>('training', async ({ data }) => {
      seen.push(data.n);
      await sleep(20);
    });
  }
  const sender = replica();
  const ids = await Promise.all(Array.from({ length: 12 }, (_, n) => sender.send('training', { n })));
  for (const id of ids) await until(async () => (await sender.state('training', id)) === 'completed');
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, n) => n));
});

it('is told when it is cancelled and does not come back', async () => {
  const jobs = replica();
  let runs = 0;
  let reason: unknown;
  await jobs.work('training', async (_job, signal) => {
    runs++;
    await once(signal, 'abort');
    reason = signal.reason;
    throw signal.reason;
  });
  const id = await jobs.send('training', {});
  await until(() => runs === 1);
  await jobs.cancel('training', id);
  await until(() => reason !== undefined);
  expect(reason).toMatchObject({ code: 'cancelled' });
  await sleep(700);
  expect([runs, await jobs.state('training', id)]).toEqual([1, 'cancelled']);
});

it('goes to another worker within seconds when its own is gone, long before its time is over', async () => {
  const [frozen, healthy] = [replica(), replica()];
  let aborted: unknown;
  await frozen.work('training', async (_job, signal) => {
    await once(signal, 'abort');
    aborted = signal.reason;
    throw signal.reason;
  });
  const id = await frozen.send('training', { epoch: 3 });
  await until(async () => (await frozen.state('training', id)) === 'active');
  // Keeps the first from taking it again, as if its process had been killed.
  const stopped = frozen.stop.bind(frozen);
  await query(
    database.superuserUrl,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database.name}' AND application_name = 'muniment job lock'`,
  );
  await until(() => aborted !== undefined);
  expect(aborted).toMatchObject({ code: 'database_unavailable' });
  await stopped();

  const taken: unknown[] = [];
  await healthy.work('training', ({ data, retries }) => {
    taken.push([data, retries > 0]);
    return Promise.resolve();
  });
  await until(async () => (await healthy.state('training', id)) === 'completed');
  expect(taken).toEqual([[{ epoch: 3 }, true]]);
});

it('is put back when its process vanished without a word', async () => {
  const healthy = replica();
  const id = await healthy.send('training', { epoch: 3 });
  // What a SIGKILLed worker leaves: a job that is active, and no lock.
  await query(
    database.superuserUrl,
    `UPDATE pgboss.job SET state = 'active', started_on = now() - interval '6 seconds' WHERE id = $1`,
    [id],
  );
  let retries = -1;
  await healthy.work('training', (job) => {
    retries = job.retries;
    return Promise.resolve();
  });
  await until(async () => (await healthy.state('training', id)) === 'completed');
  expect(retries).toBe(1);
});

it('is handed back untouched when its worker is told to stop before it begins', async () => {
  const [leaving, sender] = [replica(), replica()];
  const id = await sender.send('training', {});
  let begun = false;
  await leaving.work('training', () => {
    begun = true;
    return Promise.resolve();
  });
  // The worker is about to fetch the job.
  await leaving.stop();
  expect([begun, await sender.state('training', id)]).toEqual([false, 'retry']);
});

it('is handed back when its worker is told to stop', async () => {
  const [leaving, staying] = [replica(), replica()];
  let running = false;
  await leaving.work('training', async (_job, signal) => {
    running = true;
    await once(signal, 'abort');
    throw signal.reason;
  });
  const id = await leaving.send('training', {});
  await until(() => running);
  await leaving.stop();
  expect(await staying.state('training', id)).toBe('retry');
});
