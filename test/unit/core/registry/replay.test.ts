import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../../src/core/digest.ts';
import { manifestOf } from '../../../../src/core/registry/dataset.ts';
import { dataset, replay, run } from '../../../../src/core/registry/index.ts';
import type { ReplayBody } from '../../../../src/core/registry/replay.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';
import { anyDigest, TestLog } from '../../../support/test-log.ts';

let log: TestLog;
let owner: string;
let somebody: string;
let trained: { id: string; statement: Digest };
/** After the epochs 1, 2 and 3 */
let weights: Digest[];
let fileDigest: Digest;

beforeEach(() => {
  log = new TestLog();
  [owner, somebody] = [log.makeParty().id, log.makeParty().id];
  weights = [anyDigest(), anyDigest(), anyDigest()];
  fileDigest = anyDigest();
  const attested = { maker: owner, basis: [], attestedBy: 'registry' as const };
  const data = log.speak(dataset, attested, {
    name: 'digits',
    version: '1',
    ...manifestOf(sha256, [{ name: 'a', bytes: 1, digest: anyDigest() }]),
    originUrl: 'https://example.org/d',
    license: { expression: 'CC-BY-SA-3.0', status: 'asserted' },
    holder: { party: null, nameCommitment: anyDigest() },
    collection: null,
  });
  const figures = { loss: 1, trainAccuracy: 1, validationAccuracy: null, testAccuracy: 1, seconds: 1 };
  trained = log.speak(
    run,
    { maker: log.registry, basis: [data.statement] },
    {
      owner,
      dataset: data.id,
      hyperparameters: {},
      preprocessing: {},
      code: { digest: anyDigest(), version: '1' },
      environment: {},
      compute: {},
      startedOn: '2026-01-02T03:04:05.000Z',
      finishedOn: '2026-01-02T03:05:05.000Z',
      epochs: weights.map((weightDigest, i) => ({ ...figures, epoch: i + 1, weightDigest })),
      testImages: 1,
      result: {
        weightDigest: weights[2]!,
        namelessDigest: anyDigest(),
        fileDigest,
        bytes: 1,
        tensors: 1,
        parameters: 1,
      },
    },
  );
});

const exact = (): ReplayBody => ({
  run: trained.id,
  outcome: 'bit-exact',
  throughEpoch: 3,
  weightDigest: weights[2]!,
  firstDifference: null,
  fileDigest,
  code: { digest: anyDigest(), version: '1' },
  environment: { backend: 'wasm' },
});
const differs = (): ReplayBody => ({
  ...exact(),
  outcome: 'differs',
  throughEpoch: 2,
  weightDigest: anyDigest(),
  firstDifference: 2,
  fileDigest: null,
});
const state = (body: ReplayBody, basis = [trained.statement]) =>
  log.speak(replay, { maker: somebody, basis, attestedBy: 'registry' }, body);

describe('a replay', () => {
  test('is stated by anybody, and stays beside those of others', () => {
    const found = [
      state(exact()),
      state(differs()),
      state({ ...exact(), throughEpoch: 1, weightDigest: weights[0]!, fileDigest: null }),
    ];
    expect(found.map(({ id }) => log.get('replay', id))).toMatchObject([
      { runId: trained.id, maker: somebody, outcome: 'bit-exact', throughEpoch: 3, firstDifference: null },
      { outcome: 'differs', throughEpoch: 2, firstDifference: 2 },
      { outcome: 'bit-exact', throughEpoch: 1 },
    ]);
  });

  test('with the weights on record and other figures, or another file, differs', () => {
    expect(() => state({ ...exact(), outcome: 'differs', firstDifference: 1 })).not.toThrow();
    expect(() => state({ ...exact(), outcome: 'differs', fileDigest: anyDigest() })).not.toThrow();
  });

  test.each<[string, () => ReplayBody, string]>([
    ['of epochs that the run has not', () => ({ ...exact(), throughEpoch: 4 }), 'throughEpoch'],
    ['that is bit-exact with other weights', () => ({ ...exact(), weightDigest: anyDigest() }), 'weightDigest'],
    ['that is bit-exact with another file', () => ({ ...exact(), fileDigest: anyDigest() }), 'outcome'],
    ['that is bit-exact with a difference', () => ({ ...exact(), firstDifference: 1 }), 'outcome'],
    ['that differs in nothing', () => ({ ...exact(), outcome: 'differs' }), 'outcome'],
    ['that differs behind its end', () => ({ ...differs(), firstDifference: 3 }), 'firstDifference'],
    ['of all epochs without a file', () => ({ ...exact(), fileDigest: null }), 'fileDigest'],
    ['of a part with a file', () => ({ ...exact(), throughEpoch: 1, weightDigest: weights[0]! }), 'fileDigest'],
    ['of other weights with a file', () => ({ ...differs(), throughEpoch: 3, fileDigest }), 'fileDigest'],
  ])('%s is refused', (_, body, field) => {
    expect(() => state(body())).toThrow(expect.objectContaining({ code: 'invalid_input', field }));
  });

  const near = (): ReplayBody => ({
    ...exact(),
    outcome: 'within-tolerance',
    weightDigest: anyDigest(),
    fileDigest: null,
    approximation: {
      fromEpoch: 2,
      tolerance: 0.6,
      epochs: [
        { epoch: 2, distance: 0.4, relative: 0.01, largest: 0.02 },
        { epoch: 3, distance: 0.000004, relative: 1e-7, largest: 3e-7 },
      ],
    },
  });
  const withApproximation = (
    change: Partial<NonNullable<ReplayBody['approximation']>>,
    rest: Partial<ReplayBody> = {},
  ) => ({
    ...near(),
    approximation: { ...near().approximation!, ...change },
    ...rest,
  });
  const beyond = [
    { epoch: 2, distance: 0.4, relative: 0.01, largest: 0.02 },
    { epoch: 3, distance: 0.61, relative: 0.01, largest: 0.02 },
  ];

  test('of weights on record after each epoch says how near it came, and which epoch did not', () => {
    const found = [
      state(near()),
      state(withApproximation({ epochs: beyond }, { outcome: 'differs', firstDifference: 3 })),
      // The figures of an epoch differ, too, where its weights are near.
      state({ ...near(), outcome: 'differs', firstDifference: 2 }),
    ];
    expect(found.map(({ id }) => log.get('replay', id))).toMatchObject([
      { outcome: 'within-tolerance', throughEpoch: 3, firstDifference: null },
      { outcome: 'differs', firstDifference: 3 },
      { outcome: 'differs', firstDifference: 2 },
    ]);
  });

  test.each<[string, () => ReplayBody, string]>([
    ['without one', () => ({ ...exact(), outcome: 'within-tolerance' }), 'approximation'],
    ['as bit-exact', () => ({ ...near(), outcome: 'bit-exact' }), 'outcome'],
    ['of an epoch beyond it', () => withApproximation({ epochs: beyond }), 'firstDifference'],
    ['that every training meets', () => withApproximation({ tolerance: 1 }), 'approximation.tolerance'],
    [
      'with the first epoch beyond it passed over',
      () => withApproximation({ epochs: beyond, tolerance: 0.3 }, { outcome: 'differs', firstDifference: 3 }),
      'firstDifference',
    ],
    ['that differs before it begins', () => ({ ...near(), outcome: 'differs', firstDifference: 1 }), 'firstDifference'],
    ['of other epochs', () => withApproximation({ fromEpoch: 1 }), 'approximation.epochs'],
    [
      'of epochs in another order',
      () => withApproximation({ epochs: near().approximation!.epochs.toReversed() }),
      'approximation.epochs',
    ],
    [
      'of the very weights on record, away from them',
      () => ({ ...near(), weightDigest: weights[2]! }),
      'approximation.epochs',
    ],
    ['with a file', () => ({ ...near(), fileDigest }), 'fileDigest'],
  ])('within a tolerance %s is refused', (_, body, field) => {
    expect(() => state(body())).toThrow(expect.objectContaining({ code: 'invalid_input', field }));
  });

  test('of a run that is not there, or whose record it does not name, is refused', () => {
    expect(() => state({ ...exact(), run: `run_${'0'.repeat(26)}` })).toThrow(
      expect.objectContaining({ code: 'not_found' }),
    );
    expect(() => state(exact(), [])).toThrow(expect.objectContaining({ code: 'basis_stale' }));
  });
});
