import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../../src/core/digest.ts';
import { CHALLENGE_SCHEME } from '../../../../src/core/behaviour/challenges.ts';
import { manifestOf } from '../../../../src/core/registry/dataset.ts';
import { behaviour, behaviourSeed, dataset, registration } from '../../../../src/core/registry/index.ts';
import { newNonce, sha256 } from '../../../../src/platform/crypto.ts';
import { anyDigest, TestLog } from '../../../support/test-log.ts';

type Spoken = { id: string; statement: Digest };

let log: TestLog;
let owner: string;
let somebody: string;
let data: Spoken;
let model: Spoken;

beforeEach(() => {
  log = new TestLog();
  [owner, somebody] = [log.makeParty().id, log.makeParty().id];
  data = log.speak(
    dataset,
    { maker: owner, basis: [], attestedBy: 'registry' },
    {
      name: 'digits',
      version: '1',
      ...manifestOf(sha256, [{ name: 'a', bytes: 1, digest: anyDigest() }]),
      originUrl: 'https://example.org/d',
      license: { expression: 'CC-BY-SA-3.0', status: 'asserted' },
      holder: { party: null, nameCommitment: anyDigest() },
      collection: null,
    },
  );
  model = log.speak(
    registration,
    { maker: owner, basis: [], attestedBy: 'registry' },
    {
      name: 'a model',
      weights: {
        fileDigest: anyDigest(),
        weightDigest: anyDigest(),
        namelessDigest: anyDigest(),
        container: 'safetensors',
        bytes: 1,
        tensors: 1,
        parameters: 1,
      },
      owners: [{ party: owner, share: '1' }],
      license: { expression: 'MIT', textDigest: null },
      run: null,
      datasets: [],
      parents: [],
    },
  );
});

const seedBody = () => ({
  registration: model.id,
  dataset: data.id,
  scheme: CHALLENGE_SCHEME,
  challenges: 1000,
  secretCommitment: anyDigest(),
  askedBy: owner,
  value: newNonce() + newNonce(),
});
const draw = (change: object = {}, common: object = {}) =>
  log.speak(
    behaviourSeed,
    { maker: log.registry, basis: [model.statement, data.statement], ...common },
    { ...seedBody(), ...change },
  );
const state = (seed: Spoken, common: object = {}) =>
  log.speak(
    behaviour,
    { maker: owner, basis: [seed.statement], attestedBy: 'registry' as const, ...common },
    { registration: model.id, answersCommitment: anyDigest() },
  );
const refusal = (code: string, field: string) => expect.objectContaining({ code, field }) as unknown as Error;

describe('the seed of a behaviour', () => {
  test('is drawn by the registry, once for a registration', () => {
    draw();
    expect(() => draw()).toThrow(refusal('already_exists', 'registration'));
    expect(() => draw({ challenges: 2000 })).toThrow(refusal('already_exists', 'registration'));
  });

  test('is no owner’s to draw', () => {
    expect(() => draw({}, { maker: owner, attestedBy: 'registry' })).toThrow(refusal('forbidden', 'maker'));
  });

  test.each<[string, () => object, string, string]>([
    ['a stranger', () => ({ askedBy: somebody }), 'forbidden', 'registration'],
    [
      'a model that is not there',
      () => ({ registration: `registration_${'0'.repeat(26)}` }),
      'not_found',
      'registration',
    ],
    ['data that are not there', () => ({ dataset: `dataset_${'0'.repeat(26)}` }), 'not_found', 'dataset'],
  ])('is not drawn for %s', (_, change, code, field) => {
    expect(() => draw(change())).toThrow(refusal(code, field));
  });

  test.each<[string, object, string]>([
    ['too few challenges', { challenges: 99 }, 'challenges'],
    ['too many', { challenges: 10_001 }, 'challenges'],
    ['a way of making them that nobody knows', { scheme: 'my-own' }, 'scheme'],
    ['a value that is shorter', { value: '00' }, 'value'],
  ])('does not ask for %s', (_, change, field) => {
    expect(() => draw(change)).toThrow(refusal('invalid_input', field));
  });

  test('names the records of the model and of the data', () => {
    for (const missing of [model, data]) {
      const basis = [model, data].filter((record) => record !== missing).map(({ statement }) => statement);
      expect(() => draw({}, { basis })).toThrow(refusal('basis_stale', 'basis'));
    }
  });
});

describe('a behaviour', () => {
  test('is an owner’s to state, once, behind its seed', () => {
    expect(() => state(data)).toThrow(refusal('not_found', 'registration'));
    const seed = draw();
    expect(() => state(seed, { maker: somebody })).toThrow(refusal('forbidden', 'registration'));
    expect(() => state(seed, { basis: [] })).toThrow(refusal('basis_stale', 'basis'));
    state(seed);
    expect(() => state(seed)).toThrow(refusal('already_exists', 'registration'));
  });
});
