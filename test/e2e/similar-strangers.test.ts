/** Which models on record count as strangers, when a p-value is taken from them: nobody chooses them after the fact. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Digest } from '../../src/core/digest.ts';
import { formatFingerprint } from '../../src/core/fingerprint/document.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import type { SimilarView } from '../../src/fingerprints/fingerprint.schema.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { anyWeights, modelOf } from '../support/bodies.ts';
import type { Party } from '../support/client.ts';
import { Client, Operator } from '../support/client.ts';
import { anyFingerprint } from '../support/fingerprints.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(120_000);

interface Model {
  id: string;
  name: string;
  weights: ReturnType<typeof anyWeights>;
}

let app: TestApp;
let nobody: Client;
let operator: Operator;
let candidate: Model;
let suspect: Model;
const models = new Map<string, Model>();

beforeAll(async () => {
  app = await startTestApp();
  nobody = new Client(app.url);
  operator = await Operator.of(app.url, app.config.data);
  await model('base');
  await model('tuned', { from: ['base'] });
  await model('stranger');
  await model('merged', { from: ['base', 'stranger'] });
  await model('of the merged', { from: ['merged'] });
  await model('stranger again', { weights: of('stranger').weights });
  const crowd = await operator.makeParty({ name: 'Crowd' });
  for (const name of ['first', 'second', 'third', 'fourth']) await model(`crowd ${name}`, { by: crowd });
  await model('other');
  await model('of the other', { from: ['other'] });
  const [awaited, late] = [anyWeights(), anyWeights()];
  await model('before its parent', { named: awaited.weightDigest! });
  await model('of something unknown', { named: late.weightDigest! });
  const silent = await register('silent');
  candidate = await model('candidate', { from: ['tuned'], weights: awaited });
  await state(silent);
  await model('later');
  await model('of the candidate', { from: ['candidate'] });
  // What came from nobody knows what is said to come from the candidate, after the fact; and a stranger is said to be it.
  await model('said later', { from: ['candidate'], weights: late });
  await model('the candidate again', { from: ['stranger', 'crowd first'], weights: awaited });
  suspect = await model('suspect', { from: ['of the other'] });
});
afterAll(() => app.close());

const of = (name: string): Model => models.get(name)!;

interface Facts {
  by?: Party;
  from?: string[];
  /** A parent by its digest */
  named?: Digest;
  weights?: Model['weights'];
}

async function register(
  name: string,
  { by, from = [], named, weights = anyWeights() }: Facts = {},
): Promise<Model & { state: () => Promise<Receipt> }> {
  const owner = by ?? (await operator.makeParty({ name: `Maker of ${name}` }));
  const digests = [...from.map((parent) => of(parent).weights.weightDigest!), ...(named === undefined ? [] : [named])];
  const parents = digests.map((digest) => ({ digest, relation: 'fine-tuned-from' as const }));
  const { id } = await owner.made<Receipt>('/v1/models', modelOf(owner.id, { name, parents, weights }));
  const made = { id, name, weights };
  models.set(name, made);
  const body = { registration: id, fingerprint: formatFingerprint(anyFingerprint()) };
  return { ...made, state: () => owner.made<Receipt>('/v1/fingerprints', body) };
}

const state = ({ state: now }: { state: () => Promise<Receipt> }) => now();

async function model(name: string, facts: Facts = {}): Promise<Model> {
  const made = await register(name, facts);
  await state(made);
  return made;
}

const asked = (body: object = {}) =>
  nobody.made<SimilarView>('/v1/similar', {
    fingerprint: formatFingerprint(anyFingerprint()),
    limit: 0,
    strangersTo: [candidate.id],
    ...body,
  });
const namesOf = ({ unrelated }: SimilarView) =>
  unrelated.map(({ registration }) => [...models.values()].find(({ id }) => id === registration)!.name);

const STRANGERS = ['stranger', 'crowd first', 'crowd second', 'crowd third', 'other', 'of the other'];

describe('strangers to a model', () => {
  it('are older, not related by what was declared when it came on record, three of one registrant, and each once', async () => {
    const answer = await asked();
    expect(namesOf(answer)).toEqual([...STRANGERS, 'of something unknown']);
    expect(answer.candidates).toEqual([]);
    for (const { strangerTo } of answer.unrelated) expect(strangerTo).toEqual([candidate.id]);
    const registrants = answer.unrelated.map(({ registrant }) => registrant);
    expect(new Set(registrants).size).toBe(registrants.length - 2);
  });

  it('are the oldest where fewer are asked for, and none where none are', async () => {
    expect(namesOf(await asked({ unrelated: 2 }))).toEqual(STRANGERS.slice(0, 2));
    expect(namesOf(await asked({ unrelated: 0 }))).toEqual([]);
    expect(namesOf(await asked({ strangersTo: [] }))).toEqual([]);
  });

  it('are not related to the suspect, either', async () => {
    const names = namesOf(await asked({ registration: suspect.id }));
    expect(names).toEqual([...STRANGERS.slice(0, 4), 'of something unknown']);
  });

  it('are older than the suspect, too', async () => {
    expect(namesOf(await asked({ registration: of('crowd third').id }))).toEqual([
      'stranger',
      'crowd first',
      'crowd second',
    ]);
    expect(namesOf(await asked({ registration: of('base').id }))).toEqual([]);
  });

  it('are those of the first registration of the weights, but for what a later one declares', async () => {
    expect(namesOf(await asked({ strangersTo: [of('the candidate again').id] }))).toEqual([
      'crowd second',
      'crowd third',
      'crowd fourth',
      'other',
      'of the other',
    ]);
  });

  it('of several models are told apart', async () => {
    const [own, early] = [candidate.id, of('crowd second').id];
    const { unrelated } = await asked({ strangersTo: [own, early] });
    const to = Object.fromEntries(unrelated.map(({ registration, strangerTo }) => [registration, strangerTo]));
    expect(to[of('stranger').id]).toEqual([own, early]);
    expect(to[of('base').id]).toEqual([early]);
    expect(to[of('other').id]).toEqual([own]);
  });

  it('see as many inputs', async () => {
    const { layers, ...rest } = formatFingerprint(anyFingerprint());
    const other = layers.map((layer) => ({ ...layer, width: 26 }));
    expect(namesOf(await asked({ fingerprint: { ...rest, layers: other } }))).toEqual([]);
  });

  it.each(['registration', 'strangersTo'])('are not told of a model that is not on record: %s', async (member) => {
    const unknown = `registration_${'0'.repeat(26)}`;
    const { status } = await nobody.post('/v1/similar', {
      fingerprint: formatFingerprint(anyFingerprint()),
      [member]: member === 'strangersTo' ? [unknown] : unknown,
    });
    expect(status).toBe(404);
  });
});
