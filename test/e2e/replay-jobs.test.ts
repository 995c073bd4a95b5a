/** Replays by workers of the registry: built processes that are killed, records that lie, rows that were altered. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { run as runKind } from '../../src/core/registry/index.ts';
import type { RunBody } from '../../src/core/registry/run.ts';
import { Ledger } from '../../src/ledger/index.ts';
import { runFsck } from '../../src/ledger/fsck/index.ts';
import { newId } from '../../src/platform/crypto.ts';
import { ArtifactStore } from '../../src/platform/storage/index.ts';
import type { ReplayJobView, RunView } from '../../src/runs/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { query } from '../support/postgres.ts';
import type { Caller, SpawnedWorker } from '../support/training.ts';
import {
  makeDataset,
  makeParty,
  registrar,
  runOf,
  smallMnistFiles,
  spawnWorker,
  until,
  untilOf,
  watch,
  workerEnvironment,
} from '../support/training.ts';
import { runCli } from '../unit/cli/support.ts';

jest.setTimeout(120_000);

/** With momentum and dropout, a resumption that lost the optimizer's state would end elsewhere. */
const RECIPE = { epochs: 10, hidden: [128], optimizer: 'momentum', dropout: 0.2, validationSplit: 0.1, seed: 5 };
const WITHOUT = `run_${'0'.repeat(26)}`;

let app: TestApp;
let operator: Caller;
let owner: Caller;
let somebody: Caller;
let dataset: string;
let run: RunView;
const workers: SpawnedWorker[] = [];

const worker = async (): Promise<SpawnedWorker> => {
  workers.push(await spawnWorker(workerEnvironment(app)));
  return workers.at(-1)!;
};
const sql = <T>(text: string, values: unknown[] = []) => query<T & object>(app.database.superuserUrl, text, values);

const ask = (body: object, caller = somebody) =>
  caller.ok<ReplayJobView>('POST', '/v1/replay-jobs', { run: run.id, ...body });
const untilJob = (id: string, wanted: (job: ReplayJobView) => boolean) =>
  untilOf<ReplayJobView>(somebody, `/v1/replay-jobs/${id}`, wanted);
const ended = (id: string) => untilJob(id, ({ state }) => state !== 'queued' && state !== 'running');

const statementsOf = async (id: string) =>
  (
    await sql<{ kind: string }>(
      `SELECT kind FROM ledger.statement WHERE position($1 IN convert_from(payload, 'UTF8')) > 0 ORDER BY index`,
      [id],
    )
  ).map(({ kind }) => kind);

/** The checkpoints of a replay that are still in the store. */
async function keptOf(id: string): Promise<string[]> {
  const rows = await sql<{ digest: `sha256:${string}` }>(
    'SELECT checkpoint_digest AS digest FROM ops.run_epoch WHERE run_id = $1',
    [id],
  );
  expect(rows.length).toBeGreaterThan(0);
  const store = app.app.nest.get(ArtifactStore);
  const kept = await Promise.all(rows.map(async ({ digest }) => ((await store.has(digest)) ? [digest] : [])));
  return kept.flat();
}

/** A replay that is on record needs no checkpoints any more; its worker drops them last. */
async function vanish(id: string): Promise<void> {
  for (let tries = 0; (await keptOf(id)).length > 0 && tries < 100; tries++) await sleep(100);
  expect(await keptOf(id)).toEqual([]);
}

const recordOf = async (id: string): Promise<RunBody> =>
  (await sql<{ document: RunBody }>('SELECT document FROM registry.run WHERE id = $1', [id]))[0]!.document;

/** A record that the registry signed, and that says another thing than what was trained. */
async function falseRecord(change: (record: RunBody) => RunBody): Promise<string> {
  const ledger = app.app.nest.get(Ledger);
  const id = newId('run');
  await ledger.attest(runKind, { maker: ledger.registryParty, id, body: change(await recordOf(run.id)) });
  return id;
}

const withEpoch = (epoch: number, change: object) => (record: RunBody) => ({
  ...record,
  epochs: record.epochs.map((one) => (one.epoch === epoch ? { ...one, ...change } : one)),
});

beforeAll(async () => {
  app = await startTestApp();
  operator = await registrar(app.url, app.config.data);
  owner = await makeParty(operator, 'Ada');
  somebody = await makeParty(operator, 'Ben');
  dataset = await makeDataset(owner, await smallMnistFiles(2000, 200));
  const trainer = await worker();
  const { id } = await owner.ok<RunView>('POST', '/v1/runs', runOf(owner, dataset, RECIPE));
  run = await until(owner, id, ({ state }) => state === 'registered', 90_000);
  await trainer.stop();
}, 180_000);

afterEach(async () => {
  await Promise.all(workers.splice(0).map((each) => each.stop()));
});
afterAll(() => app.close());

describe('a replay at the registry', () => {
  it('is told as it goes, and ends as one statement of the registry that says bit-exact', async () => {
    const { id, state, throughEpoch } = await ask({});
    expect([state, throughEpoch]).toEqual(['queued', RECIPE.epochs]);
    await worker();
    const events = await watch(somebody, id, { path: 'replay-jobs' });
    const epochs = events.filter(({ event }) => event === 'epoch').map(({ data }) => data as Record<string, unknown>);
    expect(epochs.map(({ epoch, weightDigest, differing }) => [epoch, weightDigest, differing])).toEqual(
      run.epochs.map(({ epoch, weightDigest }) => [epoch, weightDigest, []]),
    );
    expect(events.find(({ event }) => event === 'progress')?.data).toMatchObject({
      epochs: RECIPE.epochs,
      batches: 29,
      imagesPerSecond: expect.any(Number),
      etaSeconds: expect.any(Number),
    });
    expect(events.at(-1)).toMatchObject({ event: 'state', data: { state: 'recorded', outcome: 'bit-exact' } });
    expect(await somebody.ok('GET', `/v1/replay-jobs/${id}`)).toMatchObject({
      state: 'recorded',
      owner: somebody.party,
      attempts: 1,
      firstDifference: null,
      environment: { backend: 'wasm' },
      error: null,
    });
    const { party } = await operator.ok<{ party: { id: string } }>('GET', '/v1/whoami');
    expect(await owner.ok('GET', `/v1/replays?run=${run.id}`)).toMatchObject([
      { id, maker: party.id, outcome: 'bit-exact', throughEpoch: RECIPE.epochs, firstDifference: null },
    ]);
    expect(await statementsOf(id)).toEqual(['replay']);
    await vanish(id);
  });

  it('whose worker is killed goes on behind the last epoch with another one, and ends as it would have', async () => {
    const { id } = await ask({});
    const killed = await worker();
    await untilJob(id, ({ epochs }) => epochs.length >= 3);
    await killed.stop('SIGKILL');
    const halfway = await somebody.ok<ReplayJobView>('GET', `/v1/replay-jobs/${id}`);
    expect(halfway).toMatchObject({ state: 'running', outcome: null });
    const next = await worker();
    expect(await ended(id)).toMatchObject({ state: 'recorded', outcome: 'bit-exact', attempts: 2 });
    expect(next.output()).toContain(`Replaying the run ${run.id} after epoch ${halfway.epochs.length}`);
    expect(await statementsOf(id)).toEqual(['replay']);
  });

  it('whose worker is killed while it records is recorded once', async () => {
    const { id } = await ask({ throughEpoch: 1 });
    const gate = new pg.Client({ connectionString: app.database.superuserUrl });
    await gate.connect();
    try {
      await gate.query('BEGIN; LOCK TABLE registry.replay IN EXCLUSIVE MODE');
      const killed = await worker();
      const state = () => sql<{ state: string }>('SELECT state FROM ops.run_progress WHERE run_id = $1', [id]);
      for (let tries = 0; (await state())[0]?.state !== 'recording' && tries < 600; tries++) await sleep(100);
      expect(await state()).toEqual([{ state: 'recording' }]);
      await sleep(500);
      await killed.stop('SIGKILL');
      await gate.query(
        'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))',
      );
    } finally {
      await gate.query('ROLLBACK');
      await gate.end();
    }
    expect(await statementsOf(id)).toEqual([]);
    await worker();
    expect(await ended(id)).toMatchObject({ state: 'recorded', outcome: 'bit-exact', throughEpoch: 1, attempts: 2 });
    expect(await statementsOf(id)).toEqual(['replay']);
  });

  it('is cancelled in the middle of an epoch, or before it began, and leaves nothing on record', async () => {
    const [first, second] = [await ask({}), await ask({})];
    const running = await worker();
    await untilJob(first.id, ({ epochs }) => epochs.length > 0);
    for (const { id } of [second, first])
      expect(await somebody.ok('POST', `/v1/replay-jobs/${id}/cancel`)).toMatchObject({ state: 'cancelled' });
    const third = await ask({ throughEpoch: 1 });
    expect(await ended(third.id)).toMatchObject({ state: 'recorded' });
    expect(running.output()).toContain(`The replay ${first.id} was cancelled.`);
    expect(await somebody.ok('GET', `/v1/replay-jobs/${second.id}`)).toMatchObject({ attempts: 0, epochs: [] });
    expect([...(await statementsOf(first.id)), ...(await statementsOf(second.id))]).toEqual([]);
    expect(await keptOf(first.id)).toEqual([]);
    expect((await somebody.call('POST', `/v1/replay-jobs/${third.id}/cancel`)).body.code).toBe('state_conflict');
  });
});

describe('a record that was altered', () => {
  it.each<[string, (record: RunBody) => RunBody, object, number]>([
    ['in the weights of an epoch', withEpoch(2, { weightDigest: `sha256:${'0'.repeat(64)}` }), ['weightDigest'], 2],
    ['in the accuracy of an epoch', withEpoch(2, { testAccuracy: 0.9999 }), ['testAccuracy'], 3],
    [
      'in its seed',
      (record) => ({ ...record, hyperparameters: { ...record.hyperparameters, seed: 6 } }),
      expect.arrayContaining(['weightDigest']),
      1,
    ],
  ])('%s before it was signed differs, and the replay names the epoch', async (_, change, differing, through) => {
    const { id } = await ask({ run: await falseRecord(change), throughEpoch: 3 });
    await worker();
    const job = await ended(id);
    const firstDifference = Math.min(2, through);
    expect(job).toMatchObject({ state: 'recorded', outcome: 'differs', firstDifference });
    expect(job.epochs).toHaveLength(through);
    expect(job.epochs[firstDifference - 1]?.differing).toEqual(differing);
    expect(await statementsOf(id)).toEqual(['replay']);
  });

  it('in the database since is refused, with the epoch, and nothing goes on record', async () => {
    const id = await falseRecord((record) => record);
    await sql(`UPDATE registry.run SET document = jsonb_set(document, '{epochs,2,loss}', '0.001') WHERE id = $1`, [id]);
    const job = await ask({ run: id });
    await worker();
    expect(await ended(job.id)).toMatchObject({
      state: 'failed',
      error: { code: 'ledger_inconsistent', field: 'epochs.2', detail: expect.stringContaining('epoch 3') },
    });
    expect(await statementsOf(job.id)).toEqual([]);
    await sql(`UPDATE registry.run SET document = jsonb_set(document, '{epochs,2,loss}', $2) WHERE id = $1`, [
      id,
      JSON.stringify(run.epochs[2]!.loss),
    ]);
  });
});

describe('a request for a replay', () => {
  it.each<[string, () => object | Promise<object>, number, string, string]>([
    ['of a run that is not there', () => ({ run: WITHOUT }), 404, 'not_found', 'run'],
    ['through an epoch that the run has not', () => ({ throughEpoch: 11 }), 400, 'invalid_input', 'throughEpoch'],
    ['from another epoch than the first', () => ({ fromEpoch: 2 }), 400, 'invalid_input', 'fromEpoch'],
    ['through no epoch', () => ({ throughEpoch: 0 }), 400, 'invalid_input', 'throughEpoch'],
    [
      'of a run that is not on record',
      async () => ({ run: (await owner.ok<RunView>('POST', '/v1/runs', runOf(owner, dataset, RECIPE))).id }),
      409,
      'state_conflict',
      'run',
    ],
  ])('%s is refused at once', async (_, body, status, code, field) => {
    const answer = await owner.call('POST', '/v1/replay-jobs', { run: run.id, ...(await body()) });
    expect([answer.status, answer.body.code, answer.body.field]).toEqual([status, code, field]);
    for (const { id, state } of await owner.ok<RunView[]>('GET', '/v1/runs'))
      if (state === 'queued') await owner.ok('POST', `/v1/runs/${id}/cancel`);
  });

  it('is one replay under one idempotency key, and another request under it is refused', async () => {
    const send = (body: object) =>
      somebody.call('POST', '/v1/replay-jobs', { run: run.id, ...body }, { 'idempotency-key': 'once' });
    const [first, again] = [await send({}), await send({})];
    expect([first.status, again.status, again.body.id]).toEqual([201, 201, first.body.id]);
    expect((await send({ throughEpoch: 1 })).body.code).toBe('idempotency_key_reused');
    await somebody.ok('POST', `/v1/replay-jobs/${first.body.id}/cancel`);
  });

  it('takes a place of the quota of whoever asks', async () => {
    const party = await makeParty(operator, 'Cleo');
    await operator.ok('POST', `/v1/parties/${party.party}/quota`, { coreSeconds: null, runsAtOnce: 1 });
    const { id } = await ask({}, party);
    expect((await party.call('POST', '/v1/replay-jobs', { run: run.id })).body.code).toBe('quota_exceeded');
    expect((await party.call('POST', '/v1/runs', runOf(party, dataset))).body.code).toBe('quota_exceeded');
    await party.ok('POST', `/v1/replay-jobs/${id}/cancel`);
    await party.ok('POST', `/v1/replay-jobs/${(await ask({}, party)).id}/cancel`);
  });

  it('is told to whoever asked and to the registrar, and to nobody else', async () => {
    const { id } = await ask({});
    const ids = async (caller: Caller) =>
      (await caller.ok<ReplayJobView[]>('GET', '/v1/replay-jobs')).map(({ id }) => id);
    expect(await Promise.all([somebody, operator, owner].map(async (who) => (await ids(who)).includes(id)))).toEqual([
      true,
      true,
      false,
    ]);
    await somebody.ok('POST', `/v1/replay-jobs/${id}/cancel`);
  });
});

describe('muniment replay --at-registry', () => {
  const cli = (...argv: string[]) =>
    runCli(['replay', ...argv], {
      MUNIMENT_URL: app.url,
      MUNIMENT_HOME: `${app.config.data}/ben`,
      MUNIMENT_API_KEY: somebody.key,
    });

  it('follows the replay to its verdict, also when it comes back later', async () => {
    await worker();
    const watched = await cli(run.registrationId!, '--at-registry', '--watch');
    expect([watched.code, watched.out]).toEqual([
      0,
      expect.stringContaining('bit-exact: the record makes these weights, and this file'),
    ]);
    expect(watched.out).toContain(run.result!.weightDigest);
    expect(watched.notes.match(/epoch \d+: as on record/g)).toHaveLength(RECIPE.epochs);

    const asked = await cli(run.id, '--at-registry', '--epochs', '2', '--json');
    const { id } = JSON.parse(asked.out) as ReplayJobView;
    const later = await cli(id);
    expect([later.code, later.out]).toEqual([0, expect.stringContaining('bit-exact: up to epoch 2')]);
  });

  it('ends with 1 for a record that lies, and names the epoch', async () => {
    await worker();
    const id = await falseRecord(withEpoch(2, { testAccuracy: 0.9999 }));
    const { code, out } = await cli(id, '--at-registry', '--watch', '--epochs', '1..2');
    expect([code, out]).toEqual([1, expect.stringContaining('DIFFERS: epoch 2 is not what the record says')]);
  });
});

it('after all this, the ledger and its tables verify in full', async () => {
  const { findings, ok } = await runFsck({ database: app.database, anchorDir: app.config.anchorDir, full: true });
  expect({ ok, findings }).toEqual({ ok: true, findings: [] });
});
