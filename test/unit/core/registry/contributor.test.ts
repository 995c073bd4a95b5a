/** Contributors beside owners, and what runs on record say of the compute behind them. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { formatDigest } from '../../../../src/core/digest.ts';
import type { Contributor, ProposalBasis } from '../../../../src/core/registry/contributor.ts';
import { proposeContributors } from '../../../../src/core/registry/contributor.ts';
import { dataset, quota, registration, run } from '../../../../src/core/registry/index.ts';
import { manifestOf } from '../../../../src/core/registry/dataset.ts';
import { readersOf } from '../../../../src/core/registry/index.ts';
import type { RegistrationBody } from '../../../../src/core/registry/registration.ts';
import type { RunBody } from '../../../../src/core/registry/run.ts';
import { formatStatement } from '../../../../src/core/statement/statement.ts';
import { newId, sha256 } from '../../../../src/platform/crypto.ts';
import { modelOf } from '../../../support/bodies.ts';
import { anyDigest, ORIGIN, TestLog } from '../../../support/test-log.ts';

const refused = (code: string, field?: string) =>
  expect.objectContaining(field === undefined ? { code } : { code, field });
const attested = (maker: string) => ({ maker, attestedBy: 'registry' as const });
const repeat = (letter: string) => `sha256:${letter.repeat(64)}` as const;

let log: TestLog;
let [owner, other] = ['', ''];
beforeEach(() => {
  log = new TestLog();
  [owner, other] = [log.makeParty().id, log.makeParty().id];
});

const register = (contributors?: Contributor[]) =>
  log.speak(registration, attested(owner), modelOf(owner, contributors && { contributors }));

describe('contributors', () => {
  test('are on record with their roles, own nothing, and may be owners too', () => {
    const named: Contributor[] = [
      { party: other, role: 'data-provider' },
      { party: other, role: 'funder' },
      { party: owner, role: 'creator' },
    ];
    const { id, changes } = register(named);
    const rows = changes.filter(({ table }) => table === 'contributor').map(({ row }) => row);
    expect(rows).toMatchObject(named.map(({ party, role }) => ({ registrationId: id, partyId: party, role })));
    expect(log.get('title', id, other)).toBeUndefined();
  });

  test('cost a registration that names none no row', () => {
    expect(register().changes.map(({ table }) => table)).toEqual(['registration', 'title']);
  });

  test('refuses an empty list, so that naming nobody is said in one way', () => {
    expect(() => register([])).toThrow(refused('invalid_input', 'contributors'));
  });

  test('refuses a party named twice in one role', () => {
    const again: Contributor = { party: other, role: 'creator' };
    expect(() => register([again, { party: other, role: 'funder' }, again])).toThrow(
      refused('invalid_input', 'contributors.2'),
    );
  });

  test('refuses a party that is not on record', () => {
    expect(() => register([{ party: newId('party'), role: 'creator' }])).toThrow(
      refused('not_found', 'contributors.0.party'),
    );
  });

  test.each<[string, () => Contributor[]]>([
    ['a role that there is not', () => [{ party: other, role: 'owner' as never }]],
    ['a share', () => [{ party: other, role: 'creator', share: '1/2' } as never]],
    ['more than a thousand', () => Array.from({ length: 1001 }, () => ({ party: newId('party'), role: 'funder' }))],
  ])('refuses %s', (_, contributors) => {
    expect(() => register(contributors())).toThrow(refused('invalid_input'));
  });
});

describe('statements made before', () => {
  const party = `party_${'0'.repeat(26)}`;
  const common = {
    origin: ORIGIN,
    maker: party,
    nonce: '0'.repeat(32),
    statedAt: '2026-01-01T00:00:00.000Z',
    basis: [],
  };
  const [file, weight, nameless] = [repeat('a'), repeat('b'), repeat('c')];

  test('a registration that names nobody has the bytes that it had', () => {
    const body: RegistrationBody = {
      name: 'm',
      weights: {
        fileDigest: file,
        weightDigest: weight,
        namelessDigest: nameless,
        container: 'safetensors',
        bytes: 1,
        tensors: 1,
        parameters: 1,
      },
      owners: [{ party, share: '1/1' }],
      license: { expression: 'Apache-2.0', textDigest: null },
      run: null,
      datasets: [],
      parents: [],
    };
    const payload = formatStatement(sha256, registration, { ...common, id: `registration_${'1'.repeat(26)}` }, body);
    expect(formatDigest(sha256(payload))).toBe(
      'sha256:3bd6b8d1f2be66b20fe158909943ab80f329f807d23eb65697ebe2398bb856c8',
    );
  });

  test('a run that tells only what all its workers spent together has the bytes that it had', () => {
    const body: RunBody = {
      owner: party,
      dataset: `dataset_${'2'.repeat(26)}`,
      hyperparameters: { rate: 0.01 },
      preprocessing: {},
      code: { digest: repeat('d'), version: '0.1.0' },
      environment: { backend: 'wasm' },
      compute: { wallSeconds: 1.5, coreSeconds: 2.25, workers: [{ instance: 'a', party, attempt: 1 }] },
      startedOn: '2026-01-02T03:04:05.000Z',
      finishedOn: '2026-01-02T03:05:05.000Z',
      epochs: [
        {
          epoch: 1,
          loss: 0.25,
          trainAccuracy: 0.9,
          validationAccuracy: null,
          testAccuracy: 0.89,
          weightDigest: weight,
          seconds: 1.25,
        },
      ],
      testImages: 10_000,
      result: { weightDigest: weight, namelessDigest: nameless, fileDigest: file, bytes: 1, tensors: 1, parameters: 1 },
    };
    const payload = formatStatement(sha256, run, { ...common, id: `run_${'3'.repeat(26)}` }, body);
    expect(formatDigest(sha256(payload))).toBe(
      'sha256:3224304362026477ccd2bd90f9fc169377e1afb61f80784a628fa0d25b8f5389',
    );
  });
});

describe('the proposal of a run', () => {
  const [starter, holder, maker, lab, cloud] = ['a', 'b', 'c', 'd', 'e'];
  const basis = (change: Partial<ProposalBasis['dataset']>, workers: string[] = [lab]): ProposalBasis => ({
    run: {
      owner: starter,
      compute: { workers: workers.map((party, i) => ({ instance: 'i', party, attempt: i + 1 })) },
    },
    dataset: { maker: maker, holder: { party: null }, license: { status: 'asserted' }, ...change },
  });
  const said = (proposed: Contributor[]) => proposed.map(({ party, role }) => `${party} ${role}`);

  test('names who started it, who holds the data, and whose workers trained, each once', () => {
    expect(said(proposeContributors(basis({ holder: { party: holder } }, [lab, cloud, lab])))).toEqual([
      'a creator',
      'b data-provider',
      'd compute-provider',
      'e compute-provider',
    ]);
  });

  test('takes a maker that grants the license for the holder, and no other maker', () => {
    expect(said(proposeContributors(basis({ license: { status: 'granted' } })))).toContain('c data-provider');
    expect(said(proposeContributors(basis({})))).toEqual(['a creator', 'd compute-provider']);
  });

  test('gives one party all the roles that it had', () => {
    expect(said(proposeContributors(basis({ holder: { party: starter } }, [starter])))).toEqual([
      'a creator',
      'a data-provider',
      'a compute-provider',
    ]);
  });

  test('names no worker that an older record does not name', () => {
    expect(said(proposeContributors({ ...basis({}), run: { owner: 'a', compute: { seconds: 3 } } }))).toEqual([
      'a creator',
    ]);
  });
});

describe('the compute of a run', () => {
  const runWith = (compute: RunBody['compute']) => {
    const data = log.speak(dataset, attested(owner), {
      name: 'digits',
      version: newId('version'),
      ...manifestOf(sha256, [{ name: 'a', bytes: 1, digest: anyDigest() }]),
      originUrl: 'https://example.org/d',
      license: { expression: 'CC-BY-SA-3.0', status: 'asserted' },
      holder: { party: null, nameCommitment: anyDigest() },
      collection: null,
    });
    const [fileDigest, weightDigest, namelessDigest] = [anyDigest(), anyDigest(), anyDigest()];
    const result = { fileDigest, weightDigest, namelessDigest, bytes: 1, tensors: 1, parameters: 1 };
    const { changes } = log.speak(
      run,
      { maker: log.registry, basis: [data.statement] },
      {
        owner,
        dataset: data.id,
        hyperparameters: {},
        preprocessing: {},
        code: { digest: anyDigest(), version: '1' },
        environment: {},
        compute,
        startedOn: '2026-01-02T03:04:05.000Z',
        finishedOn: '2026-01-02T03:05:05.000Z',
        epochs: [
          {
            epoch: 1,
            loss: 1,
            trainAccuracy: 1,
            validationAccuracy: null,
            testAccuracy: 1,
            weightDigest: result.weightDigest,
            seconds: 1,
          },
        ],
        testImages: 1,
        result,
      },
    );
    return changes.filter(({ table }) => table === 'compute').map(({ row }) => row);
  };
  const worker = (party: string, attempt: number) => ({ instance: 'i', party, attempt });
  const spent = { wallSeconds: 2, coreSeconds: 1.234, deviceSeconds: null, backend: 'wasm', device: 'a processor' };

  test('is a row for each worker that says what it spent, in whole milliseconds', () => {
    const rows = runWith({
      coreSeconds: 5.734,
      workers: [
        { ...worker(log.registry, 1), spent },
        worker(other, 2),
        { ...worker(other, 3), spent: { ...spent, coreSeconds: 4.5, deviceSeconds: 0.001, backend: 'cuda' } },
      ],
    });
    expect(rows).toMatchObject([
      { position: 0, provider: log.registry, consumer: owner, coreMs: 1234, deviceMs: null, backend: 'wasm' },
      { position: 2, provider: other, consumer: owner, coreMs: 4500, deviceMs: 1, backend: 'cuda' },
    ]);
  });

  test('of an older record, or one in another shape, is no row', () => {
    expect(runWith({ seconds: 1.5 })).toEqual([]);
    expect(runWith({ coreSeconds: 2, workers: [worker(other, 1)] })).toEqual([]);
  });

  test('refuses a worker of a party that is not on record, and time that runs backwards', () => {
    expect(() => runWith({ workers: [{ ...worker(newId('party'), 1), spent }] })).toThrow(
      refused('not_found', 'compute.workers.0.party'),
    );
    const back = { ...spent, coreSeconds: -1 };
    expect(() => runWith({ workers: [{ ...worker(other, 1), spent: back }] })).toThrow(refused('invalid_input'));
  });
});

describe('quotas', () => {
  const limits = { coreSeconds: 3600, runsAtOnce: 2 };

  test('are set by the registrar, and each stays on record', () => {
    const first = log.speak(quota, { maker: log.registry }, { party: owner, ...limits });
    const second = log.speak(quota, { maker: log.registry }, { party: owner, coreSeconds: null, runsAtOnce: null });
    const third = log.speak(quota, { maker: log.registry }, { party: owner, ...limits, deviceSeconds: 60 });
    expect(log.get('quota', first.id)).toMatchObject({ partyId: owner, ...limits, deviceSeconds: null });
    expect(log.get('quota', third.id)).toMatchObject({ ...limits, deviceSeconds: 60 });
    expect(log.get('quota', second.id)).toMatchObject({ partyId: owner, coreSeconds: null, runsAtOnce: null });
  });

  test('refuses a party that sets one, for itself or others', () => {
    expect(() => log.speak(quota, attested(owner), { party: owner, ...limits })).toThrow(refused('forbidden'));
  });

  test('refuses one for a party that is not on record, and limits below nothing', () => {
    const set = (change: object) => log.speak(quota, { maker: log.registry }, { party: owner, ...limits, ...change });
    expect(() => set({ party: newId('party') })).toThrow(refused('not_found', 'party'));
    expect(() => set({ coreSeconds: -1 })).toThrow(refused('invalid_input', 'coreSeconds'));
    expect(() => set({ deviceSeconds: -1 })).toThrow(refused('invalid_input', 'deviceSeconds'));
    expect(() => set({ runsAtOnce: 0.5 })).toThrow(refused('invalid_input', 'runsAtOnce'));
  });

  test('are read by registry and party alone', () => {
    const common = { maker: log.registry } as never;
    expect(readersOf({ kind: quota, common, body: { party: owner, ...limits } })).toEqual([log.registry, owner]);
  });
});
