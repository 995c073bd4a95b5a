/** The look-up: whoever holds nothing but a digest finds every record about it, with proofs that need no trust. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { utf8 } from '../../src/core/bytes.ts';
import { dataset, registration } from '../../src/core/registry/index.ts';
import type { RegistrationBody } from '../../src/core/registry/registration.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { DataSource } from '../../src/platform/database/index.ts';
import { Finder } from '../../src/provenance/found-now.ts';
import type { Provenance } from '../../src/provenance/provenance.schema.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyDigest, heldDatasetOf, modelOf } from '../support/bodies.ts';
import type { LogIdentity, Party } from '../support/client.ts';
import { Client, Operator, Verifier } from '../support/client.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(30_000);

let app: TestApp;
let operator: Operator;
let verifier: Verifier;
let stranger: Client;
let [ada, ben]: Party[] = [];
let data: Receipt;
let made: Receipt;
let body: RegistrationBody;
const lookup = (hash: string) => stranger.read<Provenance>(`/v1/provenance/${hash}`);

beforeAll(async () => {
  app = await startTestApp();
  stranger = new Client(app.url);
  operator = await Operator.of(app.url, app.config.data);
  verifier = new Verifier(await operator.read<LogIdentity>('/v1/log'));
  ada = await operator.makeParty({ name: 'Ada Lovelace', keyed: true });
  ben = await operator.makeParty({ name: 'Ben' });
  data = await ada.made(
    '/v1/datasets',
    ada.signedWrite(dataset, heldDatasetOf(ada.id, [{ name: 'a', bytes: utf8('a') }])),
  );
  body = modelOf(ada.id, {
    owners: [
      { party: ben.id, share: '1/4' },
      { party: ada.id, share: '3/4' },
    ],
    license: { expression: 'CC-BY-SA-3.0 OR LicenseRef-Mine', textDigest: anyDigest() },
    datasets: [data.id],
    parents: [
      { digest: anyDigest(), relation: 'fine-tuned-from' },
      { digest: anyDigest(), relation: 'distilled-from' },
    ],
  });
  made = await ada.made('/v1/models', ada.signedWrite(registration, body, [data.statement]));
});
afterAll(() => app.close());

describe('a look-up', () => {
  it.each(['file', 'weight', 'nameless'] as const)('finds the whole record by the %s digest', async (matched) => {
    const digest = body.weights[`${matched}Digest`]!;
    const { query, matches } = await lookup(digest);
    expect(query).toEqual({ digest });
    expect(matches).toHaveLength(1);
    expect(matches[0]).toMatchObject({
      matched,
      model: { ...body, id: made.id, maker: ada!.id, statement: made.statement, recordedIndex: made.index },
      owners: [
        { party: ada!.id, name: 'Ada Lovelace', share: '3/4', sinceIndex: made.index },
        { party: ben!.id, name: 'Ben', share: '1/4', sinceIndex: made.index },
      ],
      license: body.license,
      run: null,
      datasets: [{ id: data.id, maker: ada!.id, license: { expression: 'CC0-1.0', status: 'asserted' } }],
      parents: body.parents.map((parent) => ({ ...parent, standing: 'declared' })),
      precededBy: null,
      receipts: { run: null },
    });
    expect(Math.abs(Date.now() - Date.parse(matches[0]!.recordedAt))).toBeLessThan(60_000);
  });

  it('takes a digest as people paste it: bare, in upper case, with either prefix', async () => {
    const digest = body.weights.weightDigest!;
    const hex = digest.slice('sha256:'.length);
    const expected = (await lookup(digest)).matches.map(({ model }) => model.id);
    for (const spelled of [hex, hex.toUpperCase(), `SHA256:${hex}`, `sha256:${hex.toUpperCase()}`, `sha256%3A${hex}`]) {
      const { query, matches } = await lookup(spelled);
      expect([spelled, query.digest, matches.map(({ model }) => model.id)]).toEqual([spelled, digest, expected]);
    }
  });

  it('refuses what is no digest by name, and says what to give', async () => {
    const hex = body.weights.fileDigest.slice('sha256:'.length);
    for (const wrong of [
      hex.slice(1),
      `${hex}0`,
      `sha512:${hex}`,
      `${hex.slice(1)}g`,
      'x',
      `sha256:sha256:${hex}`,
      "';--",
    ]) {
      const { status, body: problem } = await stranger.get(`/v1/provenance/${wrong}`);
      expect([wrong, status, problem.code, problem.field]).toEqual([wrong, 400, 'digest_malformed', 'hash']);
      expect(problem.fix).toContain('sha256sum');
    }
  });

  it('answers an unknown digest with a clean 404', async () => {
    const digest = anyDigest();
    const { status, headers, body: problem } = await stranger.get(`/v1/provenance/${digest}`);
    expect([status, headers.get('content-type')]).toEqual([404, expect.stringContaining('application/problem+json')]);
    expect(problem).toEqual({
      type: 'urn:muniment:error:not_found',
      title: 'not found',
      status: 404,
      code: 'not_found',
      detail: `Nothing is on record about ${digest}.`,
      field: 'hash',
      fix: `The proof that no public registration names it: GET /v1/map/${digest}.`,
      requestId: expect.any(String),
    });
  });

  it('proves each statement behind its answer to whoever pinned the key of the log', async () => {
    const { matches, checkpoint, treeSize } = await lookup(body.weights.fileDigest);
    expect((await verifier.checkpoint(checkpoint)).size).toBe(treeSize);
    const { receipts } = matches[0]!;
    expect(receipts.registration.statement).toBe(made.statement);
    expect(receipts.datasets.map(({ statement }) => statement)).toEqual([data.statement]);
    for (const receipt of [receipts.registration, ...receipts.datasets]) {
      expect(receipt.checkpoint).toBe(checkpoint);
      expect(await verifier.receipt(receipt)).toMatchObject({ fingerprint: ada!.key!.keyId });
    }
    expect((await verifier.receipt(receipts.registration)).body).toEqual(body);
  });

  it('gives proofs that fail when anything in them is changed', async () => {
    const { matches } = await lookup(body.weights.fileDigest);
    const { registration: honest, datasets } = matches[0]!.receipts;
    const [other] = datasets;
    const payload = Buffer.from(honest.envelope.payload, 'base64').toString('utf8');
    const forgeries: Record<string, Receipt> = {
      'another owner': {
        ...honest,
        envelope: {
          ...honest.envelope,
          payload: Buffer.from(payload.replaceAll(ada!.id, ben!.id)).toString('base64'),
        },
      },
      'another place': { ...honest, index: honest.index - 1 },
      'another size': { ...honest, treeSize: honest.treeSize + 1 },
      'a hash less': { ...honest, inclusionProof: honest.inclusionProof.slice(1) },
      'a hash twice': { ...honest, inclusionProof: [...honest.inclusionProof, honest.inclusionProof[0]!] },
      "another statement's proof": { ...honest, inclusionProof: other!.inclusionProof, index: other!.index },
      "another statement's envelope": { ...honest, envelope: other!.envelope },
      'another id': { ...honest, id: other!.id },
      'a checkpoint of another log': {
        ...honest,
        checkpoint: honest.checkpoint.replaceAll('muniment.local/', 'muniment.lokal/'),
      },
    };
    for (const [forgery, receipt] of Object.entries(forgeries)) {
      const judged = await verifier.receipt(receipt).then(
        () => 'accepted',
        (error: unknown) => (error as { code: string }).code,
      );
      expect([forgery, judged]).toEqual([
        forgery,
        expect.stringMatching(/^(?:proof_invalid|signature_invalid|malformed_\w+|checkpoint_untrusted)$/),
      ]);
    }
    await verifier.receipt(honest);
  });

  it('marks weights that came back under other tensor names, and names which digest matched', async () => {
    const { namelessDigest } = body.weights;
    const twin = modelOf(ben!.id, { name: 'renamed tensors' });
    await ben!.made('/v1/models', { ...twin, weights: { ...twin.weights, namelessDigest } });
    const { matches } = await lookup(namelessDigest!);
    expect(matches.map(({ matched, model, precededBy }) => [matched, model.name, precededBy])).toEqual([
      ['nameless', body.name, null],
      ['nameless', 'renamed tensors', matches[0]!.model['id']],
    ]);
    expect((await lookup(body.weights.weightDigest!)).matches).toHaveLength(1);
  });

  it('shows what went on record since it was asked before', async () => {
    const model = modelOf(ben!.id);
    const digest = model.weights.weightDigest!;
    await ben!.made('/v1/models', model);
    const asked = async () => (await lookup(digest)).matches.map(({ owners }) => owners.map(({ name }) => name));
    expect(await asked()).toEqual([['Ben']]);
    expect(await asked()).toEqual([['Ben']]);
    const again = { ...model, owners: [{ party: ada!.id, share: '1/1' }] };
    await ada!.made('/v1/models', ada!.signedWrite(registration, again));
    expect(await asked()).toEqual([['Ben'], ['Ada Lovelace']]);
  });

  it('takes nothing found before for what is on record now, when another look-up overtakes it', async () => {
    const model = modelOf(ben!.id);
    const digest = model.weights.weightDigest!;
    await ben!.made('/v1/models', model);
    const finder = new Finder(app.app.nest.get(DataSource));
    const registrations = async () => (await finder.find(digest)).found.current.length;
    expect(await registrations()).toBe(1);
    const holder = new pg.Client({ connectionString: app.database.superuserUrl });
    await holder.connect();
    // Names cannot be read; what has none is found meanwhile.
    await holder.query('BEGIN; LOCK TABLE registry.disclosure IN ACCESS EXCLUSIVE MODE');
    const slow = registrations();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const again = { ...model, owners: [{ party: ada!.id, share: '1/1' }] };
    await ada!.made('/v1/models', ada!.signedWrite(registration, again));
    await finder.find(anyDigest());
    await holder.end();
    expect(await slow).toBe(2);
  });

  it('finds a model whose container cannot be read by its file digest alone', async () => {
    const weights = {
      ...body.weights,
      fileDigest: anyDigest(),
      weightDigest: null,
      namelessDigest: null,
      container: 'unknown',
      tensors: null,
      parameters: null,
    };
    const receipt = await ben!.made('/v1/models', modelOf(ben!.id, { weights }));
    expect((await lookup(weights.fileDigest)).matches).toMatchObject([
      { matched: 'file', model: { id: receipt.id, modelDigest: weights.fileDigest } },
    ]);
  });
});

describe('the log', () => {
  it('only ever grows: every checkpoint is proved to extend every earlier one', async () => {
    const seen = [await verifier.checkpoint((await stranger.get('/checkpoint')).text)];
    for (let i = 0; i < 4; i++) {
      const receipt = await ben!.made('/v1/models', modelOf(ben!.id));
      seen.push(await verifier.checkpoint(receipt.checkpoint));
      // The proof is against what is published; the look-up publishes what it needs.
      await stranger.read(`/v1/receipts/${receipt.statement}`);
    }
    for (const [i, first] of seen.entries()) {
      for (const second of seen.slice(i)) await verifier.consistent(stranger, first, second);
    }
    const [first, second] = [seen[0]!, seen.at(-1)!];
    const root = Uint8Array.from(first.root);
    root[7]! ^= 1;
    await expect(verifier.consistent(stranger, { ...first, root }, second)).rejects.toMatchObject({
      code: 'proof_invalid',
    });
  });

  it('proves nothing about sizes that it never had', async () => {
    const { treeSize } = await stranger.read<LogIdentity>('/v1/log');
    for (const [first, second, status] of [
      [treeSize, treeSize + 1000, 404],
      [2, 1, 404],
      [-1, 1, 400],
      [1.5, 2, 400],
      ['one', 2, 400],
      [1, 1e300, 400],
    ]) {
      const answer = await stranger.get(`/v1/log/consistency?first=${first}&second=${second}`);
      expect([first, second, answer.status]).toEqual([first, second, status]);
    }
  });

  it('upgrades the receipt of a write to the published checkpoint, for everybody', async () => {
    const receipt = await stranger.read<Receipt>(`/v1/receipts/${made.statement}`);
    expect(receipt).toMatchObject({ index: made.index, envelope: made.envelope });
    await verifier.receipt(receipt);
    expect((await stranger.get(`/v1/receipts/${anyDigest()}`)).body).toMatchObject({ code: 'not_found' });
    expect((await stranger.get('/v1/receipts/sha256:00')).body).toMatchObject({
      code: 'invalid_input',
      field: 'digest',
    });
  });
});
