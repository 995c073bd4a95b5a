import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import request from 'supertest';
import { HealthRegistry } from '../../src/platform/health/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { query } from '../support/postgres.ts';
import { spawnServer } from '../support/server.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

it('is live and ready for anybody, and says what it checked', async () => {
  await request(app.http).get('/health/live').expect(200, { status: 'live' });
  const { body } = await request(app.http).get('/health/ready').expect(200).expect('cache-control', 'no-store');
  expect(body).toMatchObject({ status: 'ready', checks: { database: { ok: true }, databaseRoles: { ok: true } } });
});

it('is not ready while a check of another module fails, and does not tell what the check threw', async () => {
  let failing = true;
  app.app.nest
    .get(HealthRegistry)
    .register('probe', () =>
      failing ? Promise.reject(new Error('password hunter2 refused at db7')) : Promise.resolve({ ok: true }),
    );
  const { body, text } = await request(app.http).get('/health/ready').expect(503);
  expect(body).toMatchObject({ status: 'not_ready', checks: { probe: { ok: false }, database: { ok: true } } });
  expect(text).not.toContain('hunter2');
  failing = false;
  await request(app.http).get('/health/ready').expect(200);
});

it('warns when one login serves for application and migrations', async () => {
  const single = await startTestApp();
  try {
    Object.assign(single.database, { separateRoles: false });
    const { body } = await request(single.http).get('/health/ready').expect(200);
    expect(body).toMatchObject({
      checks: { databaseRoles: { ok: true, warning: expect.stringContaining('one database login') } },
    });
  } finally {
    await single.close();
  }
});

it('stays live, turns unready and recovers by itself when the database drops every connection', async () => {
  const other = await startTestApp();
  const admin = other.database.superuserUrl.replace(other.database.name, 'postgres');
  const cut = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1';
  try {
    await query(admin, `ALTER DATABASE ${other.database.name} ALLOW_CONNECTIONS false`);
    await query(admin, cut, [other.database.name]);
    await request(other.http).get('/health/live').expect(200);
    await request(other.http).get('/health/ready').expect(503);
    await query(admin, `ALTER DATABASE ${other.database.name} ALLOW_CONNECTIONS true`);
    await request(other.http).get('/health/ready').expect(200);
  } finally {
    await other.close();
  }
});

it('idles under 250 MiB', async () => {
  const { config, database } = app;
  const server = await spawnServer({
    env: {
      MUNIMENT_DATA: config.data,
      MUNIMENT_WORKER: 'false',
      DATABASE_URL: database.appUrl.reveal(),
      MUNIMENT_MIGRATION_DATABASE_URL: database.ownerUrl.reveal(),
    },
  });
  try {
    await fetch(`${server.url}/v1/log`);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
    expect(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024).toBeLessThan(250);
  } finally {
    expect(await server.stop()).toBe(0);
  }
}, 30_000);
