/** SIGKILL of workers and servers in the middle of trainings: built processes, a real database, real MNIST pictures. */
import { randomInt } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { runFsck } from '../../../src/ledger/fsck/index.ts';
import type { RunView } from '../../../src/runs/index.ts';
import { startTestApp } from '../../support/app.ts';
import type { TestApp } from '../../support/app.ts';
import { query } from '../../support/postgres.ts';
import type { SpawnedServer } from '../../support/server.ts';
import { isAlive, spawnServer } from '../../support/server.ts';
import type { SpawnedWorker } from '../../support/training.ts';
import {
  Caller,
  makeDataset,
  makeParty,
  registrar,
  runOf,
  smallMnistFiles,
  spawnWorker,
  until,
  watch,
  workerEnvironment,
} from '../../support/training.ts';

/** With momentum, a resumption that lost the optimizer's state would end elsewhere. */
const RECIPE = { epochs: 14, hidden: [256], optimizer: 'momentum', dropout: 0.2, validationSplit: 0.1, seed: 5 };

let app: TestApp;
let operator: Caller;
let dataset: string;
let undisturbed: RunView;
const workers: SpawnedWorker[] = [];

const worker = async (): Promise<SpawnedWorker> => {
  workers.push(await spawnWorker(workerEnvironment(app)));
  return workers.at(-1)!;
};

const start = (caller: Caller, hyperparameters: object = RECIPE) =>
  caller.ok<RunView>('POST', '/v1/runs', runOf(caller, dataset, hyperparameters));

const isRegistered = ({ state }: RunView) => state === 'registered';

/** Of one run: which statements name it, in the order of the log. */
const statementsOf = async (id: string) =>
  (
    await query<{ kind: string }>(
      app.database.superuserUrl,
      `SELECT kind FROM ledger.statement WHERE position($1 IN convert_from(payload, 'UTF8')) > 0 ORDER BY index`,
      [id],
    )
  ).map(({ kind }) => kind);

function expectSameTraining(run: RunView): void {
  const digests = ({ epochs }: RunView) => epochs.map(({ epoch, weightDigest }) => [epoch, weightDigest]);
  expect(digests(run)).toEqual(digests(undisturbed));
  expect(run.result?.weightDigest).toBe(undisturbed.result?.weightDigest);
}

beforeAll(async () => {
  app = await startTestApp();
  operator = await registrar(app.url, app.config.data);
  const first = await makeParty(operator, 'Undisturbed');
  dataset = await makeDataset(first, await smallMnistFiles(3000, 200));
  const calm = await worker();
  const { id } = await start(first);
  undisturbed = await until(first, id, isRegistered);
  await calm.stop();
}, 90_000);

afterEach(async () => {
  await Promise.all(workers.splice(0).map((each) => each.stop()));
});

afterAll(() => app.close());

describe('a worker that is killed', () => {
  it('in the middle of a training is followed by one that ends with the same weights, registered once', async () => {
    const owner = await makeParty(operator, 'Killed once');
    const { id } = await start(owner);
    const killed = await worker();
    await until(owner, id, ({ epochs }) => epochs.length >= 3);
    await killed.stop('SIGKILL');
    const halfway = await owner.ok<RunView>('GET', `/v1/runs/${id}`);
    expect(halfway.epochs.length).toBeLessThan(RECIPE.epochs);

    const next = await worker();
    const run = await until(owner, id, isRegistered);
    expect(next.output()).toContain(`after epoch ${halfway.epochs.length}`);
    expect(run.attempts).toBe(2);
    expectSameTraining(run);
    expect(await statementsOf(id)).toEqual(['run', 'registration']);
  }, 60_000);

  it('again and again, at any moment, still leaves one run with the same weights and nothing half-written', async () => {
    const owner = await makeParty(operator, 'Killed often');
    const { id } = await start(owner);
    for (let kill = 0; kill < 5; kill++) {
      const victim = await worker();
      await until(owner, id, ({ attempts, state }) => attempts > kill || state === 'registered');
      await sleep(randomInt(50, 900));
      await victim.stop('SIGKILL');
    }
    await worker();
    const run = await until(owner, id, isRegistered);
    expectSameTraining(run);
    expect(await statementsOf(id)).toEqual(['run', 'registration']);
    const left = (await readdir(tmpdir())).filter((name) => name.startsWith('muniment-data-'));
    expect(left.filter((name) => workers.every(({ pid }) => !name.includes(`-${pid}-`)))).toEqual([]);
  }, 120_000);

  it('between the record of the run and that of the model is followed by one that makes only the second', async () => {
    const owner = await makeParty(operator, 'Killed between');
    const { id } = await start(owner, { epochs: 1, seed: 77 });
    const gate = new pg.Client({ connectionString: app.database.superuserUrl });
    await gate.connect();
    try {
      // Holds up every registration, and nothing before it.
      await gate.query('BEGIN; LOCK TABLE registry.registration IN EXCLUSIVE MODE');
      const killed = await worker();
      await until(owner, id, ({ statement }) => statement !== null);
      await sleep(300);
      await killed.stop('SIGKILL');
      // Its write and the COMMIT behind it lie with the database already, which would carry both out.
      const ended = await gate.query(
        'SELECT pg_terminate_backend(pid, 5000) AS ended FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))',
      );
      expect(ended.rows).toEqual([{ ended: true }]);
    } finally {
      await gate.query('ROLLBACK');
      await gate.end();
    }
    expect(await statementsOf(id)).toEqual(['run']);
    await worker();
    const run = await until(owner, id, isRegistered);
    expect(run).toMatchObject({ attempts: 2, error: null });
    expect(await statementsOf(id)).toEqual(['run', 'registration']);
  }, 60_000);

  it('leaves its run to another worker that is there already', async () => {
    const owner = await makeParty(operator, 'Taken over');
    const { id } = await start(owner);
    const killed = await worker();
    await until(owner, id, ({ epochs }) => epochs.length >= 1);
    await worker();
    await killed.stop('SIGKILL');
    expectSameTraining(await until(owner, id, isRegistered));
    expect(await statementsOf(id)).toEqual(['run', 'registration']);
  }, 60_000);
});

it('a worker that lost its hold on a run writes nothing more to it', async () => {
  const owner = await makeParty(operator, 'Stolen');
  const { id } = await start(owner);
  const first = await worker();
  await until(owner, id, ({ epochs }) => epochs.length >= 2);
  // As if another worker had taken the run while this one was frozen.
  await query(app.database.superuserUrl, 'UPDATE ops.run_progress SET attempt = attempt + 1 WHERE run_id = $1', [id]);
  expectSameTraining(await until(owner, id, isRegistered));
  expect(first.output()).toContain('taken it over');
  expect(await statementsOf(id)).toEqual(['run', 'registration']);
}, 60_000);

it('a run whose job was given up is told as failed, and one that merely waits is left alone', async () => {
  const owner = await makeParty(operator, 'Given up');
  const [lost, waiting] = [await start(owner), await start(owner, { epochs: 1, seed: 78 })];
  const database = app.database.superuserUrl;
  const old = `UPDATE ops.run_progress SET changed_at = now() - interval '2 minutes' WHERE run_id = ANY ($1)`;
  await query(database, old, [[lost.id, waiting.id]]);
  await query(database, `UPDATE pgboss.job SET state = 'failed' WHERE data->>'run' = $1`, [lost.id]);
  await worker();
  await until(owner, waiting.id, isRegistered);
  const run = await owner.ok<RunView>('GET', `/v1/runs/${lost.id}`);
  expect(run).toMatchObject({ state: 'failed', attempts: 0, error: { code: 'internal' } });
}, 60_000);

it('a stopped worker gives its run back, and the next one goes on with it', async () => {
  const owner = await makeParty(operator, 'Stopped');
  const { id } = await start(owner);
  const stopped = await worker();
  await until(owner, id, ({ epochs }) => epochs.length >= 2);
  expect(await stopped.stop('SIGTERM')).toBe(0);
  expect((await owner.ok<RunView>('GET', `/v1/runs/${id}`)).state).toBe('queued');
  await worker();
  expectSameTraining(await until(owner, id, isRegistered));
}, 60_000);

describe('a server with its worker', () => {
  const serve = () =>
    spawnServer({ env: { ...workerEnvironment(app), MUNIMENT_BACKEND: 'wasm', MUNIMENT_WORKER: 'true' } });
  const workerPid = (server: SpawnedServer): number =>
    Number(/"pid":(\d+)[^\n]*Started the worker process/g.exec(server.output())?.[1]);
  let server: SpawnedServer;

  afterEach(() => server.stop());

  it('starts a worker again that was killed, and the run ends as if nothing had been', async () => {
    server = await serve();
    const owner = await makeParty(operator, 'Supervised');
    const { id } = await start(owner);
    await until(owner, id, ({ epochs }) => epochs.length >= 2);
    process.kill(workerPid(server), 'SIGKILL');
    expectSameTraining(await until(owner, id, isRegistered));
    expect(server.output()).toContain('ended with SIGKILL; another one is started');
  }, 60_000);

  it('that is killed takes its worker with it; after the next start the run goes on', async () => {
    server = await serve();
    const owner = await makeParty(operator, 'Killed server');
    const { id } = await start(owner);
    await until(owner, id, ({ epochs }) => epochs.length >= 2);
    const pid = workerPid(server);
    await server.stop('SIGKILL');
    for (let waited = 0; isAlive(pid) && waited < 3000; waited += 50) await sleep(50);
    expect(isAlive(pid)).toBe(false);

    server = await serve();
    const run = await until(owner, id, isRegistered);
    expectSameTraining(run);
    expect(await statementsOf(id)).toEqual(['run', 'registration']);
  }, 60_000);

  it('that is stopped ends the streams of those who watch, stops its worker and leaves no process behind', async () => {
    server = await serve();
    const pid = workerPid(server);
    const owner = await makeParty(operator, 'Watched');
    const { id } = await start(owner);
    await until(owner, id, ({ epochs }) => epochs.length >= 1);
    const watcher = new Caller(server.url, owner.key);
    const events = watch(watcher, id);
    await sleep(300);
    expect(await server.stop()).toBe(0);
    expect(server.output()).not.toContain('still in flight');
    expect((await events).some(({ event }) => event === 'epoch')).toBe(true);
    expect(isAlive(pid)).toBe(false);
    await owner.ok('POST', `/v1/runs/${id}/cancel`);
  }, 60_000);
});

it('after all this, the ledger and its tables verify in full', async () => {
  const { findings, ok } = await runFsck({ database: app.database, anchorDir: app.config.anchorDir, full: true });
  expect({ ok, findings }).toEqual({ ok: true, findings: [] });
}, 60_000);
