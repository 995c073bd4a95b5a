/**
 * Contributors from the registration to the look-up: whom a run proposes, how an owner changes that, and what a party is
 * told of what it gave. A worker that acts for a party trains for real.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Contributor } from '../../src/core/registry/contributor.ts';
import { registration } from '../../src/core/registry/index.ts';
import { manifestOf } from '../../src/core/registry/dataset.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { newId, sha256 } from '../../src/platform/crypto.ts';
import type { Provenance } from '../../src/provenance/provenance.schema.ts';
import type { RunView } from '../../src/runs/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { digestOf, modelOf } from '../support/bodies.ts';
import type { Answer, Party } from '../support/client.ts';
import { Client, Operator } from '../support/client.ts';
import { query } from '../support/postgres.ts';
import type { SpawnedWorker } from '../support/training.ts';
import { Caller, runOf, smallMnistFiles, spawnWorker, until, workerEnvironment } from '../support/training.ts';
import { Users } from './cli-user.ts';

jest.setTimeout(90_000);

interface Model {
  id: string;
  contributors?: Contributor[];
}
interface Account {
  contributed: Total;
  consumed: Total;
  entries: (Total & { run: string; provider: string; consumer: string; backend: string; recordedIndex: number })[];
}
interface Total {
  runs: number;
  coreSeconds: number;
  deviceSeconds: number | null;
}

let app: TestApp;
let operator: Operator;
let users: Users;
let worker: SpawnedWorker;
let [owner, holder, lab]: Party[] = [];
let dataset: string;

beforeAll(async () => {
  app = await startTestApp();
  operator = await Operator.of(app.url, app.config.data);
  [owner, holder, lab] = [
    await operator.makeParty({ name: 'Ada' }),
    await operator.makeParty({ name: 'Archive' }),
    await operator.makeParty({ name: 'Lab' }),
  ];
  const files = await smallMnistFiles(500, 100);
  dataset = (
    await owner.made('/v1/datasets', {
      name: 'digits',
      version: '1',
      ...manifestOf(
        sha256,
        files.map(({ name, bytes, digest }) => ({ name, bytes: bytes.length, digest })),
      ),
      originUrl: 'https://example.org/digits',
      license: { expression: 'CC-BY-SA-3.0', status: 'asserted' },
      holder: { party: holder.id, name: null },
      collection: null,
    })
  ).id;
  for (const { bytes, digest } of files) await owner.put(`/v1/datasets/${dataset}/files/${digest}`, bytes);
  users = await Users.at(app.url);
  await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  worker = await spawnWorker({ ...workerEnvironment(app), MUNIMENT_WORKER_PARTY: lab.id });
});
afterAll(async () => {
  await worker.stop();
  await users.remove();
  await app.close();
});

const caller = (party: Party) => new Caller(app.url, party.apiKey, party.id);
let seed = 0;
/** A run that has ended, for a party for which the registry signs: then its model is registered. */
async function trained(party: Party, different: object = {}, state: RunView['state'] = 'registered'): Promise<RunView> {
  const asked = { ...runOf(caller(party), dataset, { epochs: 1, seed: ++seed }), ...different };
  const { id } = await party.made<{ id: string }>('/v1/runs', asked);
  return until(caller(party), id, (run) => run.state === state);
}
/** A run on record whose model is not: its owner's license text is lost between the two. */
async function unregistered(): Promise<RunView> {
  const start = (hyperparameters: object) =>
    owner!.made<{ id: string }>('/v1/runs', runOf(caller(owner!), dataset, hyperparameters));
  // The only worker has another run in hand for as long as it takes.
  const long = await start({ epochs: 1000 });
  await until(caller(owner!), long.id, ({ state }) => state === 'running');
  const { id } = await start({ epochs: 1, seed: ++seed });
  await query(
    app.database.superuserUrl,
    `UPDATE ops.run_request SET license = '{"expression": "LicenseRef-lost", "textDigest": null}' WHERE id = $1`,
    [id],
  );
  await owner!.made(`/v1/runs/${long.id}/cancel`, {});
  return until(caller(owner!), id, ({ state, error }) => state === 'trained' && error?.code === 'license_unknown');
}
const modelOfRun = (run: RunView) => owner!.read<Model>(`/v1/models/${run.registrationId}`);
const lookup = (digest: string) => new Client(app.url).read<Provenance>(`/v1/provenance/${digest}`);
const proposal = (): Contributor[] => [
  { party: owner!.id, role: 'creator' },
  { party: holder!.id, role: 'data-provider' },
  { party: lab!.id, role: 'compute-provider' },
];
const refusal = ({ status, body }: Answer) => [status, body.code as string, body.field as string];

describe('a registration', () => {
  it('names contributors, who stand beside the owners in model and look-up and are never mixed with them', async () => {
    const contributors: Contributor[] = [
      { party: lab!.id, role: 'funder' },
      { party: holder!.id, role: 'creator' },
      { party: holder!.id, role: 'data-provider' },
    ];
    const body = modelOf(owner!.id, { contributors });
    const { id } = await owner!.made('/v1/models', body);
    expect(await owner!.read(`/v1/models/${id}`)).toMatchObject({ owners: body.owners, contributors });
    const [match] = (await lookup(body.weights.fileDigest)).matches;
    expect(match!.contributors).toEqual([
      { party: lab!.id, name: 'Lab', role: 'funder' },
      { party: holder!.id, name: 'Archive', role: 'creator' },
      { party: holder!.id, name: 'Archive', role: 'data-provider' },
    ]);
    expect(match!.owners.map(({ party }) => party)).toEqual([owner!.id]);
    // They own nothing by that.
    expect(await holder!.read(`/v1/models?owner=${holder!.id}`)).toEqual([]);
    expect((await holder!.get(`/v1/models/${id}/artifact`)).status).toBe(404);
  });

  it('that names nobody shows nobody, and writes no row', async () => {
    const rows = () => query(app.database.superuserUrl, 'SELECT count(*)::int AS n FROM registry.contributor');
    const before = await rows();
    for (const contributors of [undefined, [] as Contributor[]]) {
      const body = modelOf(owner!.id, contributors && { contributors });
      const { id } = await owner!.made('/v1/models', body);
      expect(await owner!.read<Model>(`/v1/models/${id}`)).not.toHaveProperty('contributors');
      expect((await lookup(body.weights.fileDigest)).matches[0]!.contributors).toEqual([]);
    }
    expect(await rows()).toEqual(before);
  });

  it('shows an erased contributor without a name', async () => {
    const gone = await operator.makeParty({ name: 'Gone' });
    const body = modelOf(owner!.id, { contributors: [{ party: gone.id, role: 'creator' }] });
    await owner!.made('/v1/models', body);
    const shown = async () => (await lookup(body.weights.fileDigest)).matches[0]!.contributors;
    expect(await shown()).toEqual([{ party: gone.id, name: 'Gone', role: 'creator' }]);
    const { nameCommitment } = await gone.read<{ nameCommitment: string }>(`/v1/parties/${gone.id}`);
    await gone.made('/v1/erasures', { commitments: [nameCommitment], reason: 'asked-by-subject' });
    expect(await shown()).toEqual([{ party: gone.id, name: null, role: 'creator' }]);
  });

  it('is refused by name for contributors that cannot be', async () => {
    const twice: Contributor = { party: lab!.id, role: 'funder' };
    const post = (contributors: object[]) => owner!.post('/v1/models', { ...modelOf(owner!.id), contributors });
    expect(refusal(await post([twice, twice]))).toEqual([400, 'invalid_input', 'contributors.1']);
    expect(refusal(await post([{ party: newId('party'), role: 'creator' }]))).toEqual([
      404,
      'not_found',
      'contributors.0.party',
    ]);
    expect((await post([{ party: lab!.id, role: 'owner' }])).status).toBe(400);
  });

  it('signed by its maker says exactly what the maker signed, and an empty list is refused', async () => {
    const signer = await operator.makeParty({ keyed: true });
    const body = modelOf(signer.id, { contributors: [{ party: lab!.id, role: 'funder' }] });
    const { id } = await signer.made('/v1/models', signer.signedWrite(registration, body));
    expect(await signer.read<Model>(`/v1/models/${id}`)).toMatchObject({ contributors: body.contributors });
    expect(() => signer.signedWrite(registration, modelOf(signer.id, { contributors: [] }))).toThrow(
      expect.objectContaining({ code: 'invalid_input', field: 'contributors' }),
    );
  });
});

describe("a party's contributions", () => {
  it('are told page by page, the newest first, with all roles in one model together', async () => {
    const giver = await operator.makeParty({ name: 'Giver' });
    const made: string[] = [];
    for (const roles of [['creator'], ['creator', 'funder'], ['funder']] as const) {
      const contributors = roles.map((role) => ({ party: giver.id, role }));
      made.unshift((await owner!.made('/v1/models', modelOf(owner!.id, { contributors }))).id);
    }
    const page = (query: string) =>
      holder!.read<{ registration: string; roles: string[]; recordedIndex: number }[]>(
        `/v1/parties/${giver.id}/contributions?${query}`,
      );
    const first = await page('limit=2');
    expect(first.map(({ registration, roles }) => [registration, roles])).toEqual([
      [made[0], ['funder']],
      [made[1], ['creator', 'funder']],
    ]);
    const rest = await page(`before=${first[1]!.recordedIndex}`);
    expect(rest.map(({ registration }) => registration)).toEqual([made[2]]);
    expect(await users.do('registrar', 'party', 'contributions', 'Giver')).toMatchObject([...first, ...rest]);
  });

  it('of nobody are none, and of a party that is not on record not found', async () => {
    const idle = await operator.makeParty();
    expect(await idle.read(`/v1/parties/${idle.id}/contributions`)).toEqual([]);
    expect((await idle.get(`/v1/parties/${newId('party')}/contributions`)).body.code).toBe('not_found');
  });
});

describe('a run', () => {
  it('proposes who started it, who holds the data and who trained; its registration takes that by default', async () => {
    const run = await trained(owner!);
    expect(run.contributors).toBeNull();
    expect(await new Client(app.url).read(`/v1/runs/${run.id}/contributors`)).toEqual(proposal());
    expect((await modelOfRun(run)).contributors).toEqual(proposal());
    const [match] = (await lookup(run.result!.fileDigest)).matches;
    expect(match!.contributors.map(({ name, role }) => [name, role])).toEqual([
      ['Ada', 'creator'],
      ['Archive', 'data-provider'],
      ['Lab', 'compute-provider'],
    ]);
  });

  it('names others, or nobody, where its owner said so', async () => {
    const contributors: Contributor[] = [{ party: lab!.id, role: 'funder' }];
    const others = await trained(owner!, { contributors });
    expect(others.contributors).toEqual(contributors);
    expect((await modelOfRun(others)).contributors).toEqual(contributors);
    expect(await modelOfRun(await trained(owner!, { contributors: [] }))).not.toHaveProperty('contributors');
  });

  it('whose contributors would be refused in the end is refused at once', async () => {
    const asked = (contributors: object[]) =>
      owner!.post('/v1/runs', { ...runOf(caller(owner!), dataset), contributors });
    const twice = { party: lab!.id, role: 'funder' };
    expect(refusal(await asked([{ party: newId('party'), role: 'funder' }]))).toEqual([
      404,
      'not_found',
      'contributors.0.party',
    ]);
    expect(refusal(await asked([twice, twice]))).toEqual([400, 'invalid_input', 'contributors.1']);
  });

  it('that is not on record proposes nobody', async () => {
    const { id } = await owner!.made<{ id: string }>('/v1/runs', runOf(caller(owner!), dataset, { epochs: 1000 }));
    expect((await owner!.get(`/v1/runs/${id}/contributors`)).body).toMatchObject({
      code: 'state_conflict',
      status: 409,
    });
    await owner!.made(`/v1/runs/${id}/cancel`, {});
  });

  it.each([
    ['takes the proposal too', undefined, '/v1/models'],
    ['takes it in a batch', undefined, '/v1/models/batch'],
    ['names nobody where told so', [] as Contributor[], '/v1/models'],
  ])('whose model is registered by hand over HTTP %s', async (_, contributors, path) => {
    const run = await unregistered();
    const body = {
      ...modelOf(owner!.id, { run: run.id, datasets: [dataset], ...(contributors && { contributors }) }),
      weights: { container: 'safetensors', ...run.result! },
    };
    const receipt =
      path === '/v1/models'
        ? await owner!.made(path, body)
        : (await owner!.made<{ results: { receipt: Receipt }[] }>(path, { registrations: [body] })).results[0]!.receipt;
    expect((await owner!.read<Model>(`/v1/models/${receipt.id}`)).contributors).toEqual(
      contributors === undefined ? proposal() : undefined,
    );
  });
});

describe('on the command line', () => {
  const SHORT = ['--epochs', '1', '--backend', 'wasm', '--license', 'MIT'];
  let party: string;
  beforeAll(async () => {
    party = await users.join('registrar', 'acme', 'Acme Labs');
    await users.do('acme', 'trust', 'pin');
    await users.do('acme', 'keygen', '--register');
  });
  const train = (...argv: string[]) =>
    users.do<RunView>(
      'acme',
      ...['train', '--dataset', dataset, '--owner', 'Acme Labs', ...SHORT, '--seed', String(++seed + 100), ...argv],
    );
  const contributorsOf = async ({ registrationId }: { registrationId: string | null }) =>
    (await owner!.read<Model>(`/v1/models/${registrationId}`)).contributors;

  it('an owner with a key signs the proposal, made from the signed records; look-up shows it beside the owners', async () => {
    const run = await train('--watch');
    expect(await contributorsOf(run)).toEqual([{ party, role: 'creator' }, ...proposal().slice(1)]);
    const { matches } = await users.do<{ matches: { owners: object[]; contributors: object[] }[] }>(
      'acme',
      'lookup',
      run.result!.fileDigest,
    );
    expect(matches[0]!.owners).toEqual([{ party, name: 'Acme Labs', share: '1/1' }]);
    expect(matches[0]!.contributors).toEqual([
      { party, name: 'Acme Labs', role: 'creator' },
      { party: holder!.id, name: 'Archive', role: 'data-provider' },
      { party: lab!.id, name: 'Lab', role: 'compute-provider' },
    ]);
  });

  it('an owner names others with --contributor, or nobody with --no-contributors', async () => {
    const others = await train('--watch', '--contributor', 'Lab:funder', `${holder!.id}:creator`);
    expect(await contributorsOf(others)).toEqual([
      { party: lab!.id, role: 'funder' },
      { party: holder!.id, role: 'creator' },
    ]);
    expect(await contributorsOf(await train('--watch', '--no-contributors'))).toBeUndefined();
  });

  it('what is said when the record is signed goes before what was said at the start', async () => {
    const { id } = await train('--contributor', 'Lab:funder');
    const out = users.path('watched.safetensors');
    const watch = ['train', 'watch', id, '--contributor', 'Archive:creator', '--out', out];
    const run = await users.do<RunView>('acme', ...watch);
    expect(await contributorsOf(run)).toEqual([{ party: holder!.id, role: 'creator' }]);
    expect(digestOf(await readFile(out))).toBe(run.result!.fileDigest);
    const late = await users.run('acme', 'train', 'watch', id, '--no-contributors');
    expect([late.code, late.value['code']]).toEqual([1, 'state_conflict']);
  });

  it.each([
    ['a role that there is not', ['--contributor', 'Lab:owner'], 2, 'usage'],
    ['a party without a role', ['--contributor', 'Lab'], 2, 'usage'],
    ['a party that is not on record', ['--contributor', 'Nobody:creator'], 3, 'not_found'],
    ['a party twice in one role', ['--contributor', 'Lab:funder', 'Lab:funder'], 1, 'invalid_input'],
    ['somebody and nobody', ['--contributor', 'Lab:funder', '--no-contributors'], 2, 'usage'],
  ])('refuses %s', async (_, argv, code, name) => {
    const argvOfTrain = ['train', '--dataset', dataset, '--owner', 'Acme Labs', ...SHORT, ...argv];
    const said = await users.runHere('acme', app.url, ...argvOfTrain);
    expect([said.code, said.value['code']]).toEqual([code, name]);
  });

  it('shows what a party gave and took, and its quota', async () => {
    const compute = await users.do<Account>('acme', 'party', 'compute', '--limit', '2');
    expect(compute.entries).toHaveLength(2);
    expect(compute.consumed.runs).toBeGreaterThan(2);
    expect(compute.contributed).toEqual({ runs: 0, coreSeconds: 0, deviceSeconds: 0 });
    const set = await users.do('registrar', 'party', 'quota', 'Acme Labs', '--core-seconds', '3600', '--runs', '2');
    expect(set).toMatchObject({ party, coreSeconds: 3600, runsAtOnce: 2, setBy: 'registrar' });
    await users.do('registrar', 'party', 'quota', 'Acme Labs', '--device-seconds', '60');
    await users.do('registrar', 'party', 'quota', 'Acme Labs', '--core-seconds', 'unlimited');
    expect(await users.do('acme', 'party', 'quota')).toMatchObject({
      coreSeconds: null,
      deviceSeconds: 60,
      runsAtOnce: 2,
    });
    await users.do('registrar', 'party', 'quota', 'Acme Labs', '--device-seconds', 'unlimited');
    expect(await users.do('acme', 'party', 'quota')).toMatchObject({ deviceSeconds: null, runsAtOnce: 2 });
    const refused = await users.run('acme', 'party', 'quota', '--runs', '9');
    expect([refused.code, refused.value['code']]).toEqual([1, 'forbidden']);
  });
});

describe('the compute of a party', () => {
  it('is what its workers gave and its runs took, exact in total and page by page', async () => {
    const account = (party: Party, query = '') =>
      holder!.read<Account>(`/v1/parties/${party.id}/compute?limit=1000${query}`);
    const [given, taken] = [await account(lab!), await account(owner!)];
    const milliseconds = ({ coreSeconds }: Total) => Math.round(coreSeconds * 1000);
    for (const [{ entries }, total, side] of [
      [given, given.contributed, 'provider'],
      [taken, taken.consumed, 'consumer'],
    ] as const) {
      expect(entries.length).toBeGreaterThan(2);
      expect(milliseconds(total)).toBe(entries.reduce((sum, entry) => sum + milliseconds(entry), 0));
      expect(total.runs).toBe(new Set(entries.map(({ run }) => run)).size);
      expect(new Set(entries.map((entry) => entry[side])).size).toBe(1);
      expect(
        entries.every(({ coreSeconds, deviceSeconds, backend }) => {
          return coreSeconds > 0 && deviceSeconds === null && backend === 'wasm';
        }),
      ).toBe(true);
    }
    expect(given.consumed.runs).toBe(0);
    expect(taken.contributed.runs).toBe(0);

    const paged: Account['entries'] = [];
    for (let before: number | undefined; ;) {
      const { entries, contributed } = await holder!.read<Account>(
        `/v1/parties/${lab!.id}/compute?limit=2${before === undefined ? '' : `&before=${before}`}`,
      );
      expect(contributed).toEqual(given.contributed);
      if (entries.length === 0) break;
      paged.push(...entries);
      before = entries.at(-1)!.recordedIndex;
    }
    expect(paged).toEqual(given.entries);
  });

  it('is the processor time that the worker measured, by the record that anybody can check', async () => {
    const run = await trained(owner!);
    const receipt = await owner!.read<Receipt>(`/v1/receipts/${run.statement}`);
    const payload = JSON.parse(Buffer.from(receipt.envelope.payload, 'base64').toString()) as {
      predicate: { muniment_run: { compute: { coreSeconds: number; workers: object[] } } };
    };
    const { coreSeconds, workers } = payload.predicate.muniment_run.compute;
    expect(workers).toEqual([
      {
        instance: expect.any(String),
        party: lab!.id,
        attempt: 1,
        spent: {
          wallSeconds: expect.any(Number),
          coreSeconds,
          deviceSeconds: null,
          backend: 'wasm',
          device: expect.any(String),
        },
      },
    ]);
    const { entries } = await owner!.read<Account>(`/v1/parties/${owner!.id}/compute?limit=1`);
    expect(entries).toMatchObject([{ run: run.id, provider: lab!.id, consumer: owner!.id, coreSeconds }]);
    const { used } = await owner!.read<{ used: Total }>(`/v1/parties/${owner!.id}/quota`);
    expect(used.coreSeconds).toBeGreaterThanOrEqual(coreSeconds);
  });

  it('that was spent on a run cancelled in its first epoch counts against the quota, though no record tells of it', async () => {
    const waster = await operator.makeParty();
    const { id } = await waster.made<{ id: string }>(
      '/v1/runs',
      runOf(caller(waster), dataset, { batchSize: 1, hidden: [2048, 2048] }),
    );
    await until(caller(waster), id, ({ state, progress }) => state === 'running' && (progress?.batch ?? 0) > 10);
    expect(await waster.made(`/v1/runs/${id}/cancel`, {})).toMatchObject({ state: 'cancelled', epochs: [] });
    const { used } = await waster.read<{ used: Total }>(`/v1/parties/${waster.id}/quota`);
    expect(used).toMatchObject({ runs: 0, coreSeconds: expect.any(Number) });
    expect(used.coreSeconds).toBeGreaterThan(0.1);
    expect(await waster.read<Account>(`/v1/parties/${waster.id}/compute`)).toMatchObject({ consumed: { runs: 0 } });
  });

  it('is bounded by the quota, however many runs were started before any was spent: what waited does not begin', async () => {
    const greedy = await operator.makeParty();
    await operator.made(`/v1/parties/${greedy.id}/quota`, { coreSeconds: 1, runsAtOnce: null });
    const start = (hyperparameters: object) =>
      greedy.made<{ id: string }>('/v1/runs', runOf(caller(greedy), dataset, hyperparameters));
    const first = await start({ batchSize: 1, hidden: [2048, 2048] });
    const others = [await start({ epochs: 1, seed: ++seed }), await start({ epochs: 1, seed: ++seed })];
    const spent = async () => (await greedy.read<{ used: Total }>(`/v1/parties/${greedy.id}/quota`)).used.coreSeconds;
    while ((await spent()) < 1) await sleep(100);
    await greedy.made(`/v1/runs/${first.id}/cancel`, {});
    for (const { id } of others) {
      const over = await until(caller(greedy), id, ({ state }) => !['queued', 'running'].includes(state));
      expect(over).toMatchObject({
        state: 'failed',
        epochs: [],
        error: { code: 'quota_exceeded', field: 'coreSeconds' },
      });
    }
  });

  it('of a party that is not on record is not found', async () => {
    expect((await owner!.get(`/v1/parties/${newId('party')}/compute`)).body.code).toBe('not_found');
  });
});

it('a worker for a party that is not on record does not start, and names the setting', async () => {
  const starting = spawnWorker({ ...workerEnvironment(app), MUNIMENT_WORKER_PARTY: newId('party') });
  await expect(starting).rejects.toThrow('MUNIMENT_WORKER_PARTY');
});
