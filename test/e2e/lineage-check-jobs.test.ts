/** Lineage checks by workers of the registry: asked for by nobody, of files that lie, by workers that are killed. */
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { encodersOf } from '../../src/core/conversion/elements.ts';
import type { Digest } from '../../src/core/digest.ts';
import type { Relation } from '../../src/core/licensing/relations.ts';
import { run as runKind } from '../../src/core/registry/index.ts';
import type { RegistrationBody } from '../../src/core/registry/registration.ts';
import { bytesSource } from '../../src/core/weights/byte-source.ts';
import { inspectWeights } from '../../src/core/weights/inspect.ts';
import { writeSafetensors } from '../../src/core/weights/safetensors.ts';
import { Ledger } from '../../src/ledger/index.ts';
import { runFsck } from '../../src/ledger/fsck/index.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import { ArtifactStore } from '../../src/platform/storage/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { datasetOf, digestOf, modelOf } from '../support/bodies.ts';
import { query } from '../support/postgres.ts';
import { Caller, makeParty, registrar, spawnWorker, untilOf, workerEnvironment } from '../support/training.ts';
import type { SpawnedWorker } from '../support/training.ts';
import { runCli } from '../unit/cli/support.ts';

jest.setTimeout(120_000);

let app: TestApp;
let operator: Caller;
let ada: Caller;
let ben: Caller;
const workers: SpawnedWorker[] = [];

interface Job {
  id: string;
  state: string;
  relation: string;
  parents: Digest[];
  finding: string | null;
  because: string | null;
  attempts: number;
  progress: object | null;
  statements: Digest[];
  error: { code: string; detail: string } | null;
}

const ELEMENTS = 96 * 96;
/** The same for a seed, unlike for any two */
function valuesOf(seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: ELEMENTS }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(state / 2 ** 31 - 1);
  });
}
const fileOf = (values: Float64Array, dtype: 'F16' | 'F32' = 'F32'): Uint8Array =>
  writeSafetensors([{ name: 'w', dtype, shape: [96, 96], data: encodersOf(dtype)[0]!(values) }]);

async function weightsOf(file: Uint8Array): Promise<RegistrationBody['weights']> {
  const { weightDigest, namelessDigest, tensors, parameters } = await inspectWeights(bytesSource(file), sha256);
  const container = 'safetensors';
  return {
    fileDigest: digestOf(file),
    weightDigest,
    namelessDigest,
    container,
    bytes: file.length,
    tensors: tensors.length,
    parameters,
  };
}

const register = async (
  owner: Caller,
  file: Uint8Array,
  parents: [Digest, Relation][] = [],
  weights: Partial<RegistrationBody['weights']> = {},
) => {
  const { id } = await owner.ok(
    'POST',
    '/v1/models',
    modelOf(owner.party, {
      weights: { ...(await weightsOf(file)), ...weights },
      parents: parents.map(([digest, relation]) => ({ digest, relation })),
    }),
  );
  return id!;
};
const store = (owner: Caller, id: string, file: Uint8Array) => owner.ok('PUT', `/v1/models/${id}/artifact`, file);
const weightDigestOf = async (file: Uint8Array) => (await weightsOf(file)).weightDigest!;

const worker = async (): Promise<SpawnedWorker> => {
  workers.push(await spawnWorker(workerEnvironment(app)));
  return workers.at(-1)!;
};
const sql = <T>(text: string, values: unknown[] = []) => query<T & object>(app.database.superuserUrl, text, values);
const jobsOf = (id: string, caller = operator) => caller.ok<Job[]>('GET', `/v1/lineage-check-jobs?registration=${id}`);
const ended = ({ id }: Job) =>
  untilOf<Job>(operator, `/v1/lineage-check-jobs/${id}`, ({ state }) => state !== 'queued' && state !== 'running');
const endOf = async (id: string) => ended((await jobsOf(id))[0]!);
/** Of the edges above a model, as its lineage shows them */
const standingsOf = async (id: string) =>
  (await ada.ok<{ edges: { standing?: string }[] }>('GET', `/v1/models/${id}/lineage`)).edges.map(
    ({ standing }) => standing ?? 'declared',
  );
const checksOf = (id: string) =>
  ada.ok<{ finding: string; counts: boolean; statement: Digest }[]>('GET', `/v1/lineage-checks?registration=${id}`);
const startChecks = (caller: Caller, registration: string) =>
  caller.call('POST', '/v1/lineage-check-jobs', { registration });

let seed = 1;
/** A parent of ada's with its file here, unless told otherwise. */
async function parentOf(stored = true) {
  const values = valuesOf(seed++);
  const file = fileOf(values);
  const id = await register(ada, file);
  if (stored) await store(ada, id, file);
  return { id, file, values, digest: await weightDigestOf(file) };
}

beforeAll(async () => {
  app = await startTestApp();
  operator = await registrar(app.url, app.config.data);
  ada = await makeParty(operator, 'Ada');
  ben = await makeParty(operator, 'Ben');
}, 120_000);
afterEach(async () => {
  await Promise.all(workers.splice(0).map((each) => each.stop()));
});
afterAll(() => app.close());

describe('an edge whose files are kept', () => {
  it('is confirmed by itself when the last file is stored, that of the child or of the parent', async () => {
    await worker();
    for (const last of ['child', 'parent'] as const) {
      const parent = await parentOf(last === 'child');
      const file = fileOf(parent.values, 'F16');
      const child = await register(ben, file, [[parent.digest, 'converted-from']]);
      if (last === 'child') expect(await jobsOf(child)).toEqual([]);
      await store(ben, child, file);
      if (last === 'parent') {
        expect(await jobsOf(child)).toEqual([]);
        await store(ada, parent.id, parent.file);
      }
      const job = await endOf(child);
      expect(job).toMatchObject({
        state: 'recorded',
        relation: 'converted-from',
        parents: [parent.digest],
        finding: 'confirmed',
        because: 'Every tensor was made again from the parent, byte for byte.',
        attempts: 1,
        progress: null,
        error: null,
      });
      const checks = await checksOf(child);
      expect(checks).toMatchObject([{ finding: 'confirmed', counts: true }]);
      expect(job.statements).toEqual(checks.map(({ statement }) => statement));
      expect(await standingsOf(child)).toEqual(['confirmed']);
      const found = await ada.ok<object>('GET', `/v1/provenance/${digestOf(file)}`);
      expect(found).toMatchObject({ matches: [{ parents: [{ standing: 'confirmed' }] }] });
      // Sent again, the file is here already: the edge is not checked again.
      await store(ben, child, file);
      expect((await jobsOf(child)).map(({ id, state }) => [id, state])).toEqual([[job.id, 'recorded']]);
    }
  });

  it('is contradicted where the weights are others', async () => {
    await worker();
    const parent = await parentOf();
    const file = fileOf(valuesOf(4711), 'F16');
    const child = await register(ben, file, [[parent.digest, 'quantized-from']]);
    await store(ben, child, file);
    expect(await endOf(child)).toMatchObject({ state: 'recorded', finding: 'contradicted' });
    expect(await standingsOf(child)).toEqual(['contradicted']);
    const found = await ben.ok<{ edges?: unknown }>('GET', `/v1/models/${child}/obligations?action=host`);
    expect(JSON.stringify(found)).toContain('contradicted');
  });

  it('is told and not recorded where nothing explains it', async () => {
    await worker();
    const parent = await parentOf();
    const file = fileOf(parent.values.map((value, i) => value + (i % 7) / 100));
    const child = await register(ben, file, [[parent.digest, 'converted-from']]);
    await store(ben, child, file);
    const job = await endOf(child);
    expect(job).toMatchObject({ state: 'unexplained', finding: 'unexplained', statements: [] });
    expect(await checksOf(child)).toEqual([]);
    expect(await standingsOf(child)).toEqual(['declared']);
    // The same files, the same program: the same finding.
    expect((await startChecks(ben, child)).body).toMatchObject([{ id: job.id, state: 'unexplained', attempts: 1 }]);
  });

  it('of a merge is checked with all its parents, with a statement for each', async () => {
    await worker();
    const [one, other] = [await parentOf(), await parentOf()];
    const file = fileOf(one.values.map((value, i) => Math.fround(0.25 * value + 0.75 * other.values[i]!)));
    const child = await register(ben, file, [
      [one.digest, 'merged-from'],
      [other.digest, 'merged-from'],
    ]);
    await store(ben, child, file);
    const job = await endOf(child);
    expect(job).toMatchObject({ state: 'recorded', finding: 'confirmed', parents: [one.digest, other.digest] });
    expect(job.statements).toHaveLength(2);
    expect(await jobsOf(child)).toHaveLength(1);
    expect(await standingsOf(child)).toEqual(['confirmed', 'confirmed']);
  });

  it('is checked once where its last two files come at once, by way of two replicas', async () => {
    const beside = await startTestApp({ beside: app });
    try {
      for (let round = 0; round < 5; round++) {
        const parent = await parentOf(false);
        const file = fileOf(parent.values, 'F16');
        const child = await register(ben, file, [[parent.digest, 'converted-from']]);
        const benThere = new Caller(beside.url, ben.key, ben.party);
        await Promise.all([store(benThere, child, file), store(ada, parent.id, parent.file)]);
        expect(await jobsOf(child)).toMatchObject([{ state: 'queued' }]);
      }
    } finally {
      await beside.close({ keep: true });
    }
    const sent = await sql<{ check: string }>(
      `SELECT data ->> 'check' AS check FROM pgboss.job WHERE name = 'lineage-check'`,
    );
    expect(new Set(sent.map(({ check }) => check)).size).toBe(sent.length);
    await sql(`DELETE FROM pgboss.job WHERE name = 'lineage-check' AND state = 'created'`);
  });

  it('is checked when the result of a run is registered, whose file was here before', async () => {
    const parent = await parentOf();
    const file = fileOf(parent.values, 'F16');
    const { weightDigest, namelessDigest, fileDigest, bytes } = await weightsOf(file);
    const dataset = await ben.ok('POST', '/v1/datasets', datasetOf([{ name: 'digits', bytes: new Uint8Array(9) }]));
    const ledger = app.app.nest.get(Ledger);
    const figures = { loss: 1, trainAccuracy: 1, validationAccuracy: null, testAccuracy: 1, seconds: 1 };
    const run = await ledger.attest(runKind, {
      maker: ledger.registryParty,
      body: {
        owner: ben.party,
        dataset: dataset['id']!,
        hyperparameters: { epochs: 1 },
        preprocessing: {},
        code: { digest: digestOf(file), version: '1' },
        environment: { backend: 'wasm' },
        compute: {},
        startedOn: '2026-01-02T03:04:05.000Z',
        finishedOn: '2026-01-02T03:05:05.000Z',
        epochs: [{ ...figures, epoch: 1, weightDigest: weightDigest! }],
        testImages: 1,
        result: {
          weightDigest: weightDigest!,
          namelessDigest: namelessDigest!,
          fileDigest,
          bytes,
          tensors: 1,
          parameters: ELEMENTS,
        },
      },
    });
    await app.app.nest.get(ArtifactStore).put(fileDigest, Readable.from([file]));
    const { id } = await ben.ok(
      'POST',
      '/v1/models',
      modelOf(ben.party, {
        weights: await weightsOf(file),
        run: run.id,
        datasets: [dataset['id']!],
        parents: [{ digest: parent.digest, relation: 'converted-from' }],
      }),
    );
    expect(await jobsOf(id!)).toMatchObject([{ state: 'queued' }]);
    await worker();
    expect(await endOf(id!)).toMatchObject({ state: 'recorded', finding: 'confirmed' });
  });

  it('is held to the file that has the digest, and not to one that a registration only says has it', async () => {
    const values = valuesOf(seed++);
    const genuine = fileOf(values);
    const { weightDigest, namelessDigest } = await weightsOf(genuine);
    // Of a container that is not read here, what is said of the weights is believed when the file is stored.
    const lie = { container: 'other', weightDigest, namelessDigest };
    for (const other of [fileOf(valuesOf(815)), Uint8Array.from({ length: 3000 }, (_, i) => (i * i) % 251)]) {
      const liar = await makeParty(operator, 'Eve');
      const said = { ...lie, fileDigest: digestOf(other), bytes: other.length };
      await store(liar, await register(liar, genuine, [], said), other);
    }
    const parent = await register(ada, genuine);
    const file = fileOf(values, 'F16');
    const child = await register(ben, file, [[weightDigest!, 'converted-from']]);
    await store(ben, child, file);
    const failing = await worker();
    for (let tries = 0; (await jobsOf(child))[0]?.state !== 'failed' && tries < 600; tries++) await sleep(100);
    const [job] = await jobsOf(child);
    expect(job).toMatchObject({ state: 'failed', error: { code: 'unsupported_container' }, statements: [] });
    await failing.stop();
    await store(ada, parent, genuine);
    expect(await jobsOf(child)).toMatchObject([{ id: job!.id, state: 'queued', error: null }]);
    await worker();
    expect(await endOf(child)).toMatchObject({ id: job!.id, state: 'recorded', finding: 'confirmed', error: null });
  });
});

describe('a worker that is killed', () => {
  it('while it records leaves the check to another one, and it is recorded once', async () => {
    const parent = await parentOf();
    const file = fileOf(parent.values, 'F16');
    const child = await register(ben, file, [[parent.digest, 'converted-from']]);
    await store(ben, child, file);
    const gate = new pg.Client({ connectionString: app.database.superuserUrl });
    await gate.connect();
    try {
      await gate.query('BEGIN; LOCK TABLE registry.lineage_check IN EXCLUSIVE MODE');
      const killed = await worker();
      for (let tries = 0; (await jobsOf(child))[0]?.state !== 'running' && tries < 600; tries++) await sleep(100);
      await sleep(1000);
      expect(await jobsOf(child)).toMatchObject([
        { state: 'running', progress: { bytes: file.length + parent.file.length }, statements: [] },
      ]);
      await killed.stop('SIGKILL');
      await gate.query(
        'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))',
      );
    } finally {
      await gate.query('ROLLBACK');
      await gate.end();
    }
    // Two at once take it once.
    await Promise.all([worker(), worker()]);
    expect(await endOf(child)).toMatchObject({ state: 'recorded', finding: 'confirmed', attempts: 2 });
    expect(await checksOf(child)).toHaveLength(1);
  });

  it('after it recorded, the next one finds its own statement there', async () => {
    const parent = await parentOf();
    const file = fileOf(parent.values, 'F16');
    const child = await register(ben, file, [[parent.digest, 'converted-from']]);
    await store(ben, child, file);
    const first = await worker();
    const job = await endOf(child);
    await first.stop();
    const [sent] = await sql<{ job: string }>('SELECT job_id AS job FROM ops.lineage_check_job WHERE id = $1', [
      job.id,
    ]);
    await sql(`UPDATE ops.lineage_check_job SET state = 'running', found = NULL WHERE id = $1`, [job.id]);
    await sql(`UPDATE pgboss.job SET state = 'retry', completed_on = NULL, start_after = now() WHERE id = $1`, [
      sent!.job,
    ]);
    await worker();
    expect(await endOf(child)).toMatchObject({ state: 'recorded', statements: job.statements, attempts: 2 });
    expect(await checksOf(child)).toHaveLength(1);
  });
});

describe('a request for a check', () => {
  it.each<[string, () => Promise<[Caller, string]>, number, string]>([
    [
      'of a model whose parent is not kept here',
      async () => {
        const parent = await parentOf(false);
        const file = fileOf(parent.values, 'F16');
        const child = await register(ben, file, [[parent.digest, 'converted-from']]);
        await store(ben, child, file);
        expect(await jobsOf(child)).toEqual([]);
        return [ben, child];
      },
      409,
      'artifact_unavailable',
    ],
    [
      'of a model that is not kept here itself',
      async () => {
        const parent = await parentOf();
        return [ben, await register(ben, fileOf(parent.values, 'F16'), [[parent.digest, 'converted-from']])];
      },
      409,
      'artifact_unavailable',
    ],
    [
      'of a fine-tuned model',
      async () => {
        const parent = await parentOf();
        const file = fileOf(valuesOf(seed++));
        const child = await register(ben, file, [[parent.digest, 'fine-tuned-from']]);
        await store(ben, child, file);
        return [ben, child];
      },
      400,
      'invalid_input',
    ],
    ['of somebody else’s model', async () => [ben, (await parentOf()).id], 403, 'forbidden'],
    ['of no model', () => Promise.resolve([ben, `registration_${'0'.repeat(26)}`]), 404, 'not_found'],
  ])('%s is refused', async (_, of, status, code) => {
    const [caller, id] = await of();
    const answer = await startChecks(caller, id);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(await sql('SELECT 1 FROM ops.lineage_check_job WHERE registration_id = $1', [id])).toEqual([]);
  });

  it('gets one of which the queue has lost the job another one', async () => {
    const parent = await parentOf();
    const file = fileOf(parent.values, 'F16');
    const child = await register(ben, file, [[parent.digest, 'converted-from']]);
    await store(ben, child, file);
    await sql(
      `DELETE FROM pgboss.job WHERE id = (SELECT job_id FROM ops.lineage_check_job WHERE registration_id = $1)`,
      [child],
    );
    await worker();
    const [job] = (await startChecks(operator, child)).body as Job[];
    expect(await ended(job!)).toMatchObject({ state: 'recorded', finding: 'confirmed' });
  });

  it('is told to the owner and the registrar, and to nobody else', async () => {
    const parent = await parentOf();
    const file = fileOf(parent.values, 'F16');
    const child = await register(ben, file, [[parent.digest, 'converted-from']]);
    await store(ben, child, file);
    const [job] = await jobsOf(child, ben);
    for (const path of [`/${job!.id}`, `?registration=${child}`]) {
      expect((await ada.call('GET', `/v1/lineage-check-jobs${path}`)).status).toBeGreaterThanOrEqual(403);
    }
    expect(await ben.ok('GET', `/v1/lineage-check-jobs/${job!.id}`)).toMatchObject({ state: 'queued', statements: [] });
  });
});

describe('muniment lineage check --at-registry', () => {
  const cli = (...argv: string[]) =>
    runCli(['lineage', 'check', ...argv], {
      MUNIMENT_URL: app.url,
      MUNIMENT_HOME: `${app.config.data}/ben`,
      MUNIMENT_API_KEY: ben.key,
    });

  it('follows the check to its end, and ends with 1 for an edge that is contradicted', async () => {
    await worker();
    const parent = await parentOf();
    for (const [values, code, text] of [
      [parent.values, 0, 'confirmed'],
      [valuesOf(2718), 1, 'CONTRADICTED'],
    ] as const) {
      const file = fileOf(values, 'F16');
      const child = await register(ben, file, [[parent.digest, 'converted-from']]);
      await store(ben, child, file);
      const watched = await cli(child, '--at-registry', '--watch');
      expect([watched.code, watched.out]).toEqual([code, expect.stringContaining(text)]);
      expect(watched.notes).toContain(text.toLowerCase());
    }
  });

  it.each([
    [['model.safetensors'], 'The file of a parent is missing.'],
    [['a.safetensors', 'b.safetensors', '--watch'], 'The option --watch needs --at-registry.'],
    [['a.safetensors', '--at-registry', '--record'], 'Leave out --record'],
    [['a.safetensors', 'b.safetensors', '--at-registry'], 'Leave out the files of the parents'],
  ])('%j is refused', async (argv, sentence) => {
    const { code, notes } = await cli(...argv);
    expect([code, notes]).toEqual([2, expect.stringContaining(sentence)]);
  });
});

it('after all this, the ledger and its tables verify in full', async () => {
  const { findings, ok } = await runFsck({ database: app.database, anchorDir: app.config.anchorDir, full: true });
  expect({ ok, findings }).toEqual({ ok: true, findings: [] });
});
