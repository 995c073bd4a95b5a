/** Quotas over HTTP: how much training a party may start, however many ask at once and through whichever replica. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { manifestOf } from '../../src/core/registry/dataset.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { newId, sha256 } from '../../src/platform/crypto.ts';
import { MNIST_DIGESTS } from '../../src/training/mnist.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { datasetOf } from '../support/bodies.ts';
import type { Answer, Party } from '../support/client.ts';
import { Client, Operator } from '../support/client.ts';
import { query } from '../support/postgres.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(60_000);

let app: TestApp;
let operator: Operator;
let dataset: string;
let party: Party;

beforeAll(async () => {
  // No worker: a run that was taken waits for ever.
  app = await startTestApp();
  operator = await Operator.of(app.url, app.config.data);
  const maker = await operator.makeParty();
  const files = Object.entries(MNIST_DIGESTS).map(([name, digest]) => ({ name, bytes: 1, digest }));
  dataset = (await maker.made('/v1/datasets', datasetOf([], manifestOf(sha256, files)))).id;
});
beforeEach(async () => {
  party = await operator.makeParty();
});
afterAll(() => app.close());

const sql = (text: string, values: unknown[] = []) => query(app.database.superuserUrl, text, values);

const body = (owner: Party, different: object = {}) => ({
  name: 'a run',
  dataset,
  owners: [{ party: owner.id, share: '1' }],
  license: { expression: 'MIT', textDigest: null },
  ...different,
});
const start = (owner: Party, different: object = {}, headers = {}, to: Client = owner): Promise<Answer> =>
  to.post('/v1/runs', body(owner, different), headers);
const limit = (owner: Party, coreSeconds: number | null, runsAtOnce: number | null) =>
  operator.made(`/v1/parties/${owner.id}/quota`, { coreSeconds, runsAtOnce });
const quotaOf = (owner: Party) => owner.read<Record<string, unknown>>(`/v1/parties/${owner.id}/quota`);
const codes = (answers: Answer[]) =>
  answers.map(({ status, body }) => (body.code as string | undefined) ?? status).sort();

/** As a worker writes it down after an epoch. */
const spend = (run: string, coreSeconds: number) =>
  sql(`UPDATE ops.run_progress SET state = 'failed', compute = $2 WHERE run_id = $1`, [
    run,
    JSON.stringify({ wallSeconds: coreSeconds, coreSeconds, workers: [] }),
  ]);

describe('the runs at once', () => {
  it('of many requests at once through two replicas exactly as many start as there are places', async () => {
    await limit(party, null, 3);
    const second = await startTestApp({ beside: app });
    try {
      const replicas = [party, new Client(second.url, party.apiKey)];
      const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => start(party, {}, {}, replicas[i % 2])));
      expect(codes(answers)).toEqual([...Array<number>(3).fill(201), ...Array<string>(37).fill('quota_exceeded')]);
    } finally {
      await second.close();
    }
    expect(await quotaOf(party)).toMatchObject({ used: { runs: 3 } });
    const rows = await sql('SELECT count(*)::int AS n FROM ops.run_request WHERE owner = $1', [party.id]);
    expect(rows).toEqual([{ n: 3 }]);
  });

  it('two for the last place: one gets it, every time', async () => {
    await limit(party, null, 1);
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all([start(party), start(party)]);
      expect(codes(answers)).toEqual([201, 'quota_exceeded']);
      const { id } = answers.find(({ status }) => status === 201)!.body as { id: string };
      await party.made(`/v1/runs/${id}/cancel`, {});
    }
  });

  it('refuses by name, says how many are under way, and has a place again when one ends', async () => {
    await limit(party, null, 1);
    const { id } = (await start(party)).body as { id: string };
    const { status, body } = await start(party);
    expect([status, body]).toEqual([
      429,
      expect.objectContaining({
        code: 'quota_exceeded',
        field: 'runsAtOnce',
        detail: expect.stringContaining('Of the 1 runs that you may have at once, 1 wait or train now'),
        fix: expect.stringContaining('registrar'),
      }),
    ]);
    await party.made(`/v1/runs/${id}/cancel`, {});
    expect((await start(party)).status).toBe(201);
  });

  it('a refused run leaves nothing behind: no request, no job, and its id is free', async () => {
    await limit(party, null, 0);
    const id = newId('run');
    const jobs = () => sql(`SELECT count(*)::int AS n FROM pgboss.job WHERE name = 'training'`);
    const before = await jobs();
    expect((await start(party, { id })).status).toBe(429);
    expect(await jobs()).toEqual(before);
    expect((await party.get(`/v1/runs/${id}`)).status).toBe(404);
    await limit(party, null, 1);
    expect((await start(party, { id })).body).toMatchObject({ id, state: 'queued' });
  });

  it('a repeated request gets its answer though no place is left', async () => {
    await limit(party, null, 1);
    const once = { 'idempotency-key': 'once' };
    const answers = await Promise.all([1, 2, 3].map(() => start(party, {}, once)));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map(({ body }) => body.id as string)).size).toBe(1);
    expect((await start(party)).status).toBe(429);
  });

  it("of one party do not count for another's", async () => {
    await limit(party, null, 1);
    expect((await start(party)).status).toBe(201);
    expect((await start(await operator.makeParty())).status).toBe(201);
  });
});

describe('the core-seconds', () => {
  it('refuses once they are used up, by runs that failed too, and says what is used and when it renews', async () => {
    await limit(party, 100, null);
    for (const seconds of [60.25, 39.749]) await spend((await start(party)).body.id as string, seconds);
    expect(await quotaOf(party)).toMatchObject({ used: { coreSeconds: 99.999, runs: 0 } });
    await spend((await start(party)).body.id as string, 0.001);
    const { status, body } = await start(party);
    const now = new Date();
    const renewsAt = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1)).toISOString();
    expect([status, body]).toEqual([
      429,
      expect.objectContaining({
        code: 'quota_exceeded',
        field: 'coreSeconds',
        detail: `Of this month's 100 core-seconds you have used 100; the quota renews at ${renewsAt}.`,
      }),
    ]);
    expect(await quotaOf(party)).toMatchObject({ renewsAt });
  });

  it('begin anew with the calendar month', async () => {
    await limit(party, 10, null);
    const { id } = (await start(party)).body as { id: string };
    await spend(id, 11);
    expect((await start(party)).status).toBe(429);
    const startedAt = (moment: string) =>
      sql(`UPDATE ops.run_request SET made_at = (${moment}) AT TIME ZONE 'UTC' WHERE id = $1`, [id]);
    await startedAt(`date_trunc('month', now() AT TIME ZONE 'UTC')`);
    expect((await start(party)).status).toBe(429);
    await startedAt(`date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 microsecond'`);
    expect((await start(party)).status).toBe(201);
  });
});

describe('the device-seconds', () => {
  it('have a limit of their own, for runs that spend hardly any core-seconds', async () => {
    await operator.made(`/v1/parties/${party.id}/quota`, { coreSeconds: 1000, deviceSeconds: 60, runsAtOnce: null });
    const { id } = (await start(party)).body as { id: string };
    const spent = { wallSeconds: 61, coreSeconds: 1, deviceSeconds: 60.5, workers: [] };
    await sql(`UPDATE ops.run_progress SET state = 'failed', compute = $2 WHERE run_id = $1`, [
      id,
      JSON.stringify(spent),
    ]);
    const used = { coreSeconds: 1, deviceSeconds: 60.5, runs: 0 };
    expect(await quotaOf(party)).toMatchObject({ deviceSeconds: 60, used });
    const { status, body: refused } = await start(party);
    expect([status, refused]).toEqual([
      429,
      expect.objectContaining({ code: 'quota_exceeded', field: 'deviceSeconds' }),
    ]);
    await limit(party, 1000, null);
    expect(await quotaOf(party)).toMatchObject({ deviceSeconds: null, used });
    expect((await start(party)).status).toBe(201);
  });
});

describe('a quota', () => {
  it('is what the registrar said last, on record, and without one the default holds', async () => {
    expect(await quotaOf(party)).toMatchObject({
      coreSeconds: null,
      runsAtOnce: null,
      setBy: 'default',
      statement: null,
      recordedIndex: null,
    });
    await limit(party, 5, 1);
    const receipt = await limit(party, 7, 2);
    expect(await quotaOf(party)).toMatchObject({
      coreSeconds: 7,
      runsAtOnce: 2,
      setBy: 'registrar',
      statement: receipt.statement,
      recordedIndex: receipt.index,
    });
  });

  it('is between registrar and party: others can tell neither it nor its record', async () => {
    const { statement } = await limit(party, 5, 1);
    const [other, auditor] = [await operator.makeParty(), await operator.makeParty({ roles: ['auditor'] })];
    const readers = [party, operator, auditor, other];
    const status = async (path: string) => Promise.all(readers.map(async (reader) => (await reader.get(path)).status));
    expect(await status(`/v1/parties/${party.id}/quota`)).toEqual([200, 200, 200, 404]);
    expect(await status(`/v1/receipts/${statement}`)).toEqual([200, 200, 200, 404]);
  });

  it('is set by the registrar alone', async () => {
    const { status, body } = await party.post(`/v1/parties/${party.id}/quota`, { coreSeconds: null, runsAtOnce: null });
    expect([status, body.code]).toEqual([403, 'forbidden']);
  });

  it.each([
    ['a limit below nothing', { coreSeconds: -1, runsAtOnce: null }, 'coreSeconds'],
    ['a part of a run', { coreSeconds: null, runsAtOnce: 1.5 }, 'runsAtOnce'],
    ['half of the limits', { coreSeconds: 1 }, 'runsAtOnce'],
    ['a number that no number holds', { coreSeconds: 1e300, runsAtOnce: null }, 'coreSeconds'],
  ])('refuses %s', async (_, limits, field) => {
    const { status, body } = await operator.post(`/v1/parties/${party.id}/quota`, limits);
    expect([status, body.code, body.field]).toEqual([400, 'invalid_input', field]);
  });

  it('refuses a party that is not on record', async () => {
    const limits = { coreSeconds: 1, runsAtOnce: 1 };
    expect((await operator.post(`/v1/parties/${newId('party')}/quota`, limits)).body.code).toBe('not_found');
  });

  it('repeated under one idempotency key is recorded once', async () => {
    const set = () =>
      operator.made<Receipt>(
        `/v1/parties/${party.id}/quota`,
        { coreSeconds: 1, runsAtOnce: 1 },
        { 'idempotency-key': `quota-${party.id}` },
      );
    expect((await set()).index).toBe((await set()).index);
  });

  it('from the configuration holds for every party for which the registrar set none', async () => {
    const limited = await startTestApp({
      beside: app,
      env: { MUNIMENT_QUOTA_RUNS: '1', MUNIMENT_QUOTA_CORE_SECONDS: '50', MUNIMENT_QUOTA_DEVICE_SECONDS: '20' },
    });
    try {
      const there = new Client(limited.url, party.apiKey);
      expect(await there.read(`/v1/parties/${party.id}/quota`)).toMatchObject({
        coreSeconds: 50,
        deviceSeconds: 20,
        runsAtOnce: 1,
        setBy: 'default',
      });
      expect((await start(party, {}, {}, there)).status).toBe(201);
      expect((await start(party, {}, {}, there)).body.code).toBe('quota_exceeded');
      await limit(party, null, null);
      expect((await start(party, {}, {}, there)).status).toBe(201);
    } finally {
      await limited.close();
    }
  });
});
