/** Fingerprints on record, and the search for near copies without pgvector, over HTTP. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { formatFingerprint } from '../../src/core/fingerprint/document.ts';
import { nearness } from '../../src/core/fingerprint/evidence.ts';
import type { Fingerprint } from '../../src/core/fingerprint/fingerprint.ts';
import { simHash } from '../../src/core/fingerprint/simhash.ts';
import { fingerprint, registration } from '../../src/core/registry/index.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import type { SimilarView } from '../../src/fingerprints/fingerprint.schema.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { modelOf } from '../support/bodies.ts';
import type { Party } from '../support/client.ts';
import { Client, Operator } from '../support/client.ts';
import { anyFingerprint, copyOf } from '../support/fingerprints.ts';
import { query } from '../support/postgres.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(120_000);

let app: TestApp;
let nobody: Client;
let operator: Operator;
let ada: Party;
let ben: Party;
let original: Receipt;
let stranger: Receipt;
const made = anyFingerprint();

beforeAll(async () => {
  app = await startTestApp();
  nobody = new Client(app.url);
  operator = await Operator.of(app.url, app.config.data);
  ada = await operator.makeParty({ name: 'Ada', keyed: true });
  ben = await operator.makeParty({ name: 'Ben' });
  const body = modelOf(ada.id, { name: 'digits' });
  original = await ada.made('/v1/models', ada.signedWrite(registration, body, [ada.statement]));
  stranger = await ben.made('/v1/models', modelOf(ben.id));
  await ada.made('/v1/fingerprints', ada.signedWrite(fingerprint, stated(original, made), [original.statement]));
  await ben.made('/v1/fingerprints', stated(stranger, anyFingerprint()));
});
afterAll(() => app.close());

const stated = ({ id }: Receipt, of: Fingerprint) => ({ registration: id, fingerprint: formatFingerprint(of) });
const statements = async (): Promise<number> =>
  (await query<{ n: number }>(app.database.superuserUrl, 'SELECT count(*)::int AS n FROM ledger.statement'))[0]!.n;
const similar = (body: object) => nobody.made<SimilarView>('/v1/similar', body);

describe('a fingerprint on record', () => {
  it('is read by everybody, as it was stated', async () => {
    expect(await nobody.read(`/v1/fingerprints?registration=${original.id}`)).toMatchObject([
      { registration: original.id, maker: ada.id, fingerprint: formatFingerprint(made) },
    ]);
  });

  it("of somebody else's model is refused", async () => {
    const { status, body } = await ben.post('/v1/fingerprints', stated(original, anyFingerprint()));
    expect({ status, body }).toMatchObject({ status: 403, body: { field: 'registration' } });
  });

  it('is stated once', async () => {
    const { status } = await ben.post('/v1/fingerprints', stated(stranger, anyFingerprint()));
    expect(status).toBe(409);
  });

  it('of a model that is not on record is not found', async () => {
    expect((await nobody.get(`/v1/fingerprints?registration=registration_${'0'.repeat(26)}`)).status).toBe(404);
  });
});

describe('the search', () => {
  it('finds the original of a copy, with what is needed to judge, and records nothing', async () => {
    const before = await statements();
    const copy = copyOf(made, 0.8);
    const { by, candidates, unrelated } = await similar({ fingerprint: formatFingerprint(copy), limit: 1 });
    expect({ by, unrelated }).toEqual({ by: 'scan', unrelated: [] });
    expect(candidates).toEqual([
      {
        registration: original.id,
        name: 'digits',
        modelDigest: expect.stringMatching(/^sha256:/) as unknown,
        registeredIndex: original.index,
        maker: ada.id,
        statement: expect.stringMatching(/^sha256:/) as unknown,
        recordedIndex: expect.any(Number) as unknown,
        nearness: nearness(copy.retrieval, made.retrieval),
        fingerprint: formatFingerprint(made),
      },
    ]);
    expect(await statements()).toBe(before);
  });

  it('takes a model on record, and leaves it out', async () => {
    const { candidates } = await similar({ registration: original.id });
    expect(candidates.map(({ registration }) => registration)).toEqual([stranger.id]);
  });

  it('leaves a model out that the fingerprint is said to be of', async () => {
    const { candidates } = await similar({ registration: stranger.id, fingerprint: formatFingerprint(made) });
    expect(candidates.map(({ registration, nearness: cosine }) => [registration, cosine])).toEqual([
      [original.id, expect.closeTo(1, 12)],
    ]);
  });

  it("counts a model once, by the nearest of its makers' fingerprints", async () => {
    const body = { ...stated(stranger, copyOf(made, 0.9)) };
    await operator.made('/v1/fingerprints', body);
    const { candidates } = await similar({ fingerprint: formatFingerprint(made) });
    expect(candidates.map(({ registration }) => registration)).toEqual([original.id, stranger.id]);
    expect(candidates[0]!.nearness).toBeCloseTo(1, 12);
    expect(candidates[1]!).toMatchObject({ maker: operatorId(candidates), fingerprint: body.fingerprint });
  });

  it('finds among more than it looks at exactly what an exact comparison with all of them finds', async () => {
    const others = Array.from({ length: 1100 }, anyFingerprint);
    const copies = others.slice(0, 4).map((of) => copyOf(of, 0.6));
    await insert(others);
    for (const copy of copies) {
      const exact = others
        .map(({ retrieval }, i) => ({ i, near: nearness(copy.retrieval, retrieval) }))
        .sort((a, b) => b.near - a.near)[0]!;
      const { candidates } = await similar({ fingerprint: formatFingerprint(copy), limit: 3 });
      expect(candidates[0]).toMatchObject({ name: `planted ${exact.i}`, nearness: exact.near });
    }
  });

  it.each<[string, () => object, string]>([
    ['nothing', () => ({}), 'fingerprint'],
    [
      'what is no fingerprint',
      () => ({ fingerprint: { ...formatFingerprint(made), retrieval: 'AAAA' } }),
      'fingerprint.retrieval',
    ],
    ['more candidates than it gives', () => ({ registration: original.id, limit: 51 }), 'limit'],
    ['more strangers than it gives', () => ({ registration: original.id, unrelated: 201 }), 'unrelated'],
  ])('refuses %s', async (_, body, field) => {
    const { status, body: problem } = await nobody.post('/v1/similar', body());
    expect({ status, problem }).toMatchObject({ status: 400, problem: { field } });
  });

  it('says of a model without a fingerprint that it has none', async () => {
    const { id } = await ben.made('/v1/models', modelOf(ben.id));
    const { status, body } = await nobody.post('/v1/similar', { registration: id });
    expect({ status, body }).toMatchObject({ status: 404, body: { field: 'registration' } });
  });
});

const operatorId = (candidates: SimilarView['candidates']) =>
  candidates.map(({ maker }) => maker).find((maker) => maker !== ada.id && maker !== ben.id);

/** Rows as statements would have made them, without the statements: a search does not look at these. */
async function insert(fingerprints: readonly Fingerprint[]): Promise<void> {
  const documents = fingerprints.map(formatFingerprint);
  await query(
    app.database.superuserUrl,
    `WITH k AS (
       SELECT 'registration_' || lpad(at::text, 26, '0') AS id, at, shape, retrieval, simhash
       FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k(shape, retrieval, simhash, at)),
     r AS (
       INSERT INTO registry.registration SELECT (jsonb_populate_record(x,
         jsonb_build_object('id', k.id, 'name', 'planted ' || k.at - 1, 'recorded_index', 1000000 + at))).*
       FROM k, registry.registration x WHERE x.id = '${original.id}')
     INSERT INTO registry.fingerprint (simhash, registration_id, scheme, maker, shape, retrieval, layers, outputs, statement,
       recorded_index)
     SELECT k.simhash::bit(1024), k.id, '${made.scheme}', 'party', k.shape, k.retrieval, f.layers, f.outputs, f.statement, 1000000 + k.at
     FROM k, registry.fingerprint f WHERE f.registration_id = '${original.id}'`,
    [
      documents.map(({ shape }) => shape),
      documents.map(({ retrieval }) => retrieval),
      fingerprints.map(({ retrieval }) => simHash(retrieval)),
    ],
  );
}
