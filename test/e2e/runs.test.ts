import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { giveKey, signRegistration } from '../support/signing.ts';
import { bytesSource } from '../../src/core/weights/byte-source.ts';
import { inspectWeights } from '../../src/core/weights/inspect.ts';
import type { Digest } from '../../src/core/digest.ts';
import { newId, sha256 } from '../../src/platform/crypto.ts';
import { ArtifactStore } from '../../src/platform/storage/index.ts';
import type { RunView } from '../../src/runs/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { query } from '../support/postgres.ts';
import type { Caller, SpawnedWorker } from '../support/training.ts';
import {
  digestOf,
  makeDataset,
  makeParty,
  registrar,
  runOf,
  smallMnistFiles,
  spawnWorker,
  until,
  watch,
  workerEnvironment,
} from '../support/training.ts';

const SHORT = { epochs: 2 };
/** Long enough to be caught in the middle. */
const LONG = { epochs: 1000, hidden: [512] };

let app: TestApp;
let operator: Caller;
let owner: Caller;
let dataset: string;
let files: Awaited<ReturnType<typeof smallMnistFiles>>;
let worker: SpawnedWorker;

beforeAll(async () => {
  app = await startTestApp();
  operator = await registrar(app.url, app.config.data);
  owner = await makeParty(operator, 'Ada');
  files = await smallMnistFiles(1000, 200);
  dataset = await makeDataset(owner, files);
  worker = await spawnWorker(workerEnvironment(app));
}, 60_000);

afterAll(async () => {
  await worker.stop();
  await app.close();
});

const start = (caller: Caller, hyperparameters: object) =>
  caller.ok<RunView>('POST', '/v1/runs', runOf(caller, dataset, hyperparameters));

const statementsOf = (id: string) =>
  query<{ kind: string }>(
    app.database.superuserUrl,
    `SELECT kind FROM ledger.statement WHERE position($1 IN convert_from(payload, 'UTF8')) > 0 ORDER BY index`,
    [id],
  );

describe('a run', () => {
  let run: RunView;

  it('is told as it goes, recorded and registered exactly once', async () => {
    const asked = await start(owner, { ...SHORT, seed: 11 });
    expect(asked).toMatchObject({ state: 'queued', owner: owner.party, epochs: [], result: null, statement: null });
    expect(asked.hyperparameters).toMatchObject({ arch: 'mlp', batchSize: 64, seed: 11, epochs: 2 });

    const events = await watch(owner, asked.id);
    expect(events.filter(({ event }) => event === 'epoch').map(({ data }) => data.epoch as number)).toEqual([1, 2]);
    expect(events.at(-1)).toMatchObject({ event: 'state', data: { state: 'registered' } });

    run = await owner.ok<RunView>('GET', `/v1/runs/${asked.id}`);
    expect(run).toMatchObject({ state: 'registered', attempts: 1, error: null });
    expect(run.environment).toMatchObject({ backend: 'wasm', isFallbackAdapter: false });
    expect(run.epochs.at(-1)?.weightDigest).toBe(run.result?.weightDigest);
    expect((await statementsOf(run.id)).map(({ kind }) => kind)).toEqual(['run', 'registration']);
    const model = await owner.ok('GET', `/v1/models/${run.registrationId}`);
    expect(model).toMatchObject({ run: run.id, maker: owner.party, weights: { fileDigest: run.result?.fileDigest } });
  });

  it('leaves weights that its owner fetches, and that hash to what is on record', async () => {
    const response = await fetch(`${app.url}/v1/runs/${run.id}/artifact`, {
      headers: { authorization: `Bearer ${owner.key}` },
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const { weightDigest, namelessDigest, tensors, parameters, metadata } = await inspectWeights(
      bytesSource(bytes),
      sha256,
    );
    expect({
      weightDigest,
      namelessDigest,
      fileDigest: digestOf(bytes),
      bytes: bytes.length,
      tensors: tensors.length,
      parameters,
    }).toEqual(run.result);
    expect(metadata).toEqual({ 'muniment.run': run.id });
    expect(parameters).toBe(784 * 128 + 128 + 128 * 10 + 10);
    const other = await makeParty(operator, 'Eve');
    expect((await other.call('GET', `/v1/runs/${run.id}/artifact`)).status).toBe(404);
    const accesses = await query(app.database.superuserUrl, 'SELECT party_id FROM ops.run_access WHERE run_id = $1', [
      run.id,
    ]);
    expect(accesses).toEqual([{ party_id: owner.party }]);
  });

  it('says on record what it was made with', async () => {
    const [row] = await query<{ document: Record<string, never> }>(
      app.database.superuserUrl,
      'SELECT document FROM registry.run WHERE id = $1',
      [run.id],
    );
    expect(row?.document).toMatchObject({
      code: { digest: expect.stringMatching(/^sha256:/) },
      compute: {
        wallSeconds: expect.any(Number),
        coreSeconds: expect.any(Number),
        workers: [{ attempt: 1, instance: expect.any(String), party: expect.stringMatching(/^party_/) }],
      },
      environment: { backend: 'wasm', threads: expect.any(Number), variant: expect.any(String), skipped: [] },
      preprocessing: { images: 'pixel / 255', trainImages: 1000, validationImages: 0 },
      testImages: 200,
    });
  });

  it('is told from where a watcher left off', async () => {
    const events = await watch(owner, run.id, { lastEventId: '1' });
    expect(events.map(({ id, event }) => [id, event])).toEqual([
      ['2', 'epoch'],
      ['2', 'state'],
    ]);
  });

  it('is public once it is on record, and nobody else sees it before', async () => {
    const other = await makeParty(operator, 'Mallory');
    const anonymous = await fetch(`${app.url}/v1/runs/${run.id}`);
    expect(anonymous.status).toBe(200);
    const long = await start(owner, { ...LONG, seed: 12 });
    expect((await other.call('GET', `/v1/runs/${long.id}`)).status).toBe(404);
    expect((await other.call('GET', `/v1/runs/${long.id}/events`)).status).toBe(404);
    expect((await other.call('POST', `/v1/runs/${long.id}/cancel`)).status).toBe(404);
    const ids = async (caller: Caller) => (await caller.ok<RunView[]>('GET', '/v1/runs')).map(({ id }) => id);
    expect(await ids(other)).not.toContain(long.id);
    expect(await ids(owner)).toContain(long.id);
    expect(await ids(operator)).toContain(long.id);
    await owner.ok('POST', `/v1/runs/${long.id}/cancel`);
  });

  it('that makes weights which its owner has registered already is recorded, and says so', async () => {
    const { id } = await start(owner, { ...SHORT, seed: 11 });
    const again = await until(owner, id, ({ state, error }) => state === 'trained' && error !== null);
    expect(again.result?.weightDigest).toBe(run.result?.weightDigest);
    expect(again).toMatchObject({ registrationId: null, error: { code: 'already_registered' } });
  });

  it('fails by name when it diverges, and leaves nothing on record', async () => {
    const { id } = await start(owner, { epochs: 3, learningRate: 10, hidden: [512, 512, 512, 512] });
    const events = await watch(owner, id);
    expect(events.at(-1)?.data).toMatchObject({
      state: 'failed',
      error: { code: 'invalid_input', field: 'hyperparameters.learningRate' },
    });
    expect(await statementsOf(id)).toEqual([]);
  });
});

describe('an owner with a key of its own', () => {
  it('registers the model itself: the run waits as trained and is then registered', async () => {
    const signer = await makeParty(operator, 'Grace');
    const key = await giveKey(signer);
    const { id } = await start(signer, { ...SHORT, seed: 21 });
    const trained = await until(signer, id, ({ state }) => state === 'trained');
    expect(trained).toMatchObject({ registrationId: null, error: null });
    expect((await statementsOf(id)).map(({ kind }) => kind)).toEqual(['run']);
    const receipt = await signRegistration(signer, key, trained);
    expect(await signer.ok('GET', `/v1/runs/${id}`)).toMatchObject({ state: 'registered', registrationId: receipt.id });
  });
});

it('checkpoints of runs that are over are removed, since wasm replays from the seed', async () => {
  const ended = async () => {
    const rows = await query<{ digest: Digest }>(
      app.database.superuserUrl,
      `SELECT e.checkpoint_digest AS digest FROM ops.run_epoch e JOIN ops.run_progress p USING (run_id)
       WHERE p.state IN ('trained', 'failed', 'cancelled')`,
    );
    const store = app.app.nest.get(ArtifactStore);
    const kept = await Promise.all(rows.map(({ digest }) => store.has(digest)));
    return { epochs: rows.length, kept: kept.filter(Boolean).length };
  };
  let found = await ended();
  for (let tries = 0; found.kept > 0 && tries < 50; tries++) {
    await sleep(100);
    found = await ended();
  }
  expect(found).toEqual({ epochs: expect.any(Number), kept: 0 });
  expect(found.epochs).toBeGreaterThan(3);
});

describe('a cancellation', () => {
  it('stops a run in the middle of an epoch and leaves nothing on record', async () => {
    const { id } = await start(owner, { ...LONG, seed: 31 });
    await until(owner, id, ({ epochs }) => epochs.length > 0);
    expect(await owner.ok('POST', `/v1/runs/${id}/cancel`)).toMatchObject({ state: 'cancelled' });
    const next = await start(owner, { ...SHORT, seed: 32 });
    await until(owner, next.id, ({ state }) => state !== 'queued');
    expect(worker.output()).toContain(`The run ${id} was cancelled.`);
    expect(await statementsOf(id)).toEqual([]);
    expect((await owner.call('POST', `/v1/runs/${id}/cancel`)).status).toBe(200);
    await until(owner, next.id, ({ state }) => state === 'registered');
    expect((await owner.call('POST', `/v1/runs/${next.id}/cancel`)).body.code).toBe('state_conflict');
  });

  it('of a run that waits keeps it from being trained', async () => {
    const first = await start(owner, { ...LONG, seed: 33 });
    await until(owner, first.id, ({ state }) => state === 'running');
    const second = await start(owner, { ...SHORT, seed: 34 });
    expect(second.state).toBe('queued');
    await owner.ok('POST', `/v1/runs/${second.id}/cancel`);
    await owner.ok('POST', `/v1/runs/${first.id}/cancel`);
    await sleep(2000);
    expect(await owner.ok('GET', `/v1/runs/${second.id}`)).toMatchObject({ state: 'cancelled', attempts: 0 });
  });
});

describe('a request', () => {
  const altered = (change: object) => ({ ...runOf(owner, dataset, SHORT), ...change });

  it.each<[string, () => object | Promise<object>, number, string, string | undefined]>([
    [
      'an unknown hyperparameter',
      () => altered({ hyperparameters: { lr: 1 } }),
      400,
      'invalid_input',
      'hyperparameters.lr',
    ],
    [
      'too many epochs',
      () => altered({ hyperparameters: { epochs: 5000 } }),
      400,
      'invalid_input',
      'hyperparameters.epochs',
    ],
    ['an unknown backend', () => altered({ backend: 'abacus' }), 400, 'invalid_input', 'backend'],
    [
      'shares that add up to less than one',
      () => altered({ owners: [{ party: owner.party, share: '1/2' }] }),
      400,
      'shares_invalid',
      'owners',
    ],
    [
      'an owner who is not on record',
      () =>
        altered({
          owners: [
            { party: owner.party, share: '1/2' },
            { party: newId('party'), share: '1/2' },
          ],
        }),
      404,
      'not_found',
      'owners.1.party',
    ],
    [
      'owners without the one who asks',
      () => altered({ owners: [{ party: operatorParty, share: '1' }] }),
      403,
      'forbidden',
      'owners',
    ],
    [
      'an unknown license',
      () => altered({ license: { expression: 'MIT-ish', textDigest: null } }),
      400,
      'license_unknown',
      'license.expression',
    ],
    [
      'a license of its own without a text',
      () => altered({ license: { expression: 'LicenseRef-mine', textDigest: null } }),
      400,
      'license_unknown',
      'license.textDigest',
    ],
    ['a dataset that is not on record', () => altered({ dataset: newId('dataset') }), 404, 'not_found', 'dataset'],
    [
      'a dataset whose files are not stored',
      async () => altered({ dataset: await makeDataset(owner, await smallMnistFiles(100, 11), false) }),
      409,
      'dataset_unavailable',
      'dataset',
    ],
    [
      'a dataset without labels',
      async () =>
        altered({
          dataset: await makeDataset(
            owner,
            files.filter(({ name }) => !name.includes('labels')),
            false,
          ),
        }),
      400,
      'dataset_malformed',
      'dataset',
    ],
    [
      'a run id that is taken',
      async () => altered({ id: (await owner.ok<RunView[]>('GET', '/v1/runs'))[0]?.id }),
      409,
      'already_exists',
      'id',
    ],
  ])('with %s is refused at once', async (_, body, status, code, field) => {
    const { status: answered, body: problem } = await owner.call('POST', '/v1/runs', await body());
    expect([answered, problem.code, problem.field]).toEqual([status, code, field]);
  });

  it('without the scope runs:write is refused', async () => {
    const reader = await makeParty(operator, 'Rita', ['read']);
    const { body } = await reader.call('POST', '/v1/runs', runOf(reader, dataset));
    expect(body.code).toBe('scope_missing');
  });

  it('repeated under one idempotency key starts one run, and another request under it is refused', async () => {
    const headers = { 'idempotency-key': 'once' };
    const body = altered({ hyperparameters: { ...SHORT, seed: 41 } });
    const answers = await Promise.all([1, 2, 3].map(() => owner.call('POST', '/v1/runs', body, headers)));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map(({ body: run }) => run.id as string)).size).toBe(1);
    const other = await owner.call('POST', '/v1/runs', altered({ name: 'another' }), headers);
    expect([other.status, other.body.code]).toEqual([409, 'idempotency_key_reused']);
  });
});

let operatorParty = '';
beforeAll(async () => {
  operatorParty = (await operator.ok<{ party: { id: string } }>('GET', '/v1/whoami')).party.id;
});

it('the server loads no TensorFlow.js', async () => {
  const refuse = `export const resolve = (name, context, next) => {
    if (name.startsWith('@tensorflow/')) throw new Error('loads ' + name);
    return next(name, context);
  };`;
  const hook = `import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(refuse)}));`;
  const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
  const run = promisify(execFile);
  const load = (program: string) =>
    run(process.execPath, ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, '-e', program]);
  await load(`import(${JSON.stringify(main)}).then(() => process.exit(0))`);
  await expect(load(`import('@tensorflow/tfjs-core')`)).rejects.toThrow('loads @tensorflow/tfjs-core');
}, 30_000);

describe('the worker', () => {
  it('stays under one GiB, also on the whole of MNIST', async () => {
    const all = await makeDataset(owner, await smallMnistFiles(60_000, 10_000), false);
    const { id } = await owner.ok<RunView>('POST', '/v1/runs', runOf(owner, all, { epochs: 1 }));
    const run = await until(owner, id, ({ state }) => state === 'registered', 120_000);
    expect(run.epochs[0]?.testAccuracy).toBeGreaterThan(0.8);
    expect(await worker.peakMiB()).toBeLessThan(1024);
  }, 150_000);
});
