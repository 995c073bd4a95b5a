/** Registrations over HTTP: what is refused by name, what stays on record, and the weights that owners keep here. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { utf8 } from '../../src/core/bytes.ts';
import { dataset, registration } from '../../src/core/registry/index.ts';
import type { RegistrationBody } from '../../src/core/registry/registration.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { bytesSource } from '../../src/core/weights/byte-source.ts';
import { inspectWeights } from '../../src/core/weights/inspect.ts';
import { writeSafetensors } from '../../src/core/weights/safetensors.ts';
import { newId, sha256 } from '../../src/platform/crypto.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyDigest, anyWeights, digestOf, heldDatasetOf, modelOf } from '../support/bodies.ts';
import type { LogIdentity, Party } from '../support/client.ts';
import { Client, Operator, Verifier } from '../support/client.ts';
import { query } from '../support/postgres.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(30_000);

let app: TestApp;
let operator: Operator;
let verifier: Verifier;
let stranger: Client;
let [ada, ben]: Party[] = [];

beforeAll(async () => {
  app = await startTestApp();
  stranger = new Client(app.url);
  operator = await Operator.of(app.url, app.config.data);
  verifier = new Verifier(await operator.read<LogIdentity>('/v1/log'));
  [ada, ben] = [await operator.makeParty({ name: 'Ada' }), await operator.makeParty({ name: 'Ben', keyed: true })];
});
afterAll(() => app.close());

const count = async (table: string) =>
  Number((await query<{ n: string }>(app.database.superuserUrl, `SELECT count(*) AS n FROM ${table}`))[0]!.n);

const view = (receipt: Receipt, maker: Party, body: RegistrationBody) => ({
  ...body,
  id: receipt.id,
  modelDigest: body.weights.weightDigest,
  maker: maker.id,
  precededBy: null,
  artifactStored: false,
  statement: receipt.statement,
  recordedIndex: receipt.index,
});

const owners = (...shares: [party: string, share: string][]) => ({
  owners: shares.map(([party, share]) => ({ party, share })),
});

type Results = { results: ({ receipt: Receipt } | { problem: { code: string; field?: string } })[] };
const receiptOf = (result: Results['results'][number]) => ('receipt' in result ? result.receipt : undefined);
const codeOf = (result: Results['results'][number]) => ('problem' in result ? result.problem.code : undefined);

describe('many registrations in one request', () => {
  it('are recorded in their order, and each that is refused says why and leaves the others alone', async () => {
    const good = [modelOf(ada!.id), modelOf(ada!.id)];
    const halves = modelOf(ada!.id, owners([ada!.id, '1/2']));
    const { results } = await ada!.made<Results>('/v1/models/batch', {
      registrations: [good[0], halves, good[1], good[0]],
    });
    expect(results.map(codeOf)).toEqual([undefined, 'shares_invalid', undefined, 'already_registered']);
    const receipts = results.flatMap((result) => receiptOf(result) ?? []);
    expect(receipts[1]!.index).toBe(receipts[0]!.index + 1);
    for (const [i, receipt] of receipts.entries()) {
      expect(await verifier.receipt(receipt)).toMatchObject({ body: good[i]!, common: { maker: ada!.id } });
    }
  });

  it('may be signed by their maker, and one with a broken signature is refused alone', async () => {
    const [right, wrong] = [
      ben!.signedWrite(registration, modelOf(ben!.id)),
      ben!.signedWrite(registration, modelOf(ben!.id)),
    ];
    wrong.signatures[0]!.sig = right.signatures[0]!.sig;
    const { results } = await ben!.made<Results>('/v1/models/batch', { registrations: [wrong, right] });
    expect(results.map(codeOf)).toEqual(['signature_invalid', undefined]);
    await verifier.receipt(receiptOf(results[1]!)!);
  });

  it('repeated under one idempotency key are recorded once; a longer or other request under it is refused whole', async () => {
    const once = { 'idempotency-key': 'batch-1' };
    const halves = modelOf(ada!.id, owners([ada!.id, '1/2']));
    const registrations = [halves, ...Array.from({ length: 5 }, () => modelOf(ada!.id))];
    const before = await count('registry.registration');
    const [first, again] = await Promise.all([
      ada!.made<Results>('/v1/models/batch', { registrations }, once),
      ada!.made<Results>('/v1/models/batch', { registrations }, once),
    ]);
    const places = ({ results }: Results) => results.map((result) => receiptOf(result)?.index);
    expect(places(again)).toEqual(places(first));
    expect(places(first).filter((index) => index !== undefined)).toHaveLength(5);
    const longer = await ada!.made<Results>(
      '/v1/models/batch',
      { registrations: [...registrations, modelOf(ada!.id)] },
      once,
    );
    expect(new Set(longer.results.map(codeOf))).toEqual(new Set(['idempotency_key_reused']));
    const single = await ada!.post('/v1/models', modelOf(ada!.id), once);
    expect([single.status, single.body.code]).toEqual([409, 'idempotency_key_reused']);
    expect(await count('registry.registration')).toBe(before + 5);
  });

  it.each([
    ['none', 0],
    ['more than 500', 501],
  ])('are refused by name when there are %s', async (_, length) => {
    const registrations = Array.from({ length }, () => modelOf(ada!.id));
    const { status, body } = await ada!.post('/v1/models/batch', { registrations });
    expect([status, body.code, body.field]).toEqual([400, 'invalid_input', 'registrations']);
  });

  it('are refused whole, with the member named, when one has not the form of a registration', async () => {
    const before = await count('ledger.statement');
    const registrations = [modelOf(ada!.id), { ...modelOf(ada!.id), name: '' }];
    const { status, body } = await ada!.post('/v1/models/batch', { registrations });
    expect([status, body.code, body.field]).toEqual([400, 'invalid_input', 'registrations.1.name']);
    expect(await count('ledger.statement')).toBe(before);
  });
});

describe('a registration', () => {
  it('is made from plain JSON for a party without a key, and says so', async () => {
    const body = modelOf(ada!.id, { parents: [{ digest: anyDigest(), relation: 'fine-tuned-from' }] });
    const receipt = await ada!.made('/v1/models', body);
    expect(await verifier.receipt(receipt)).toMatchObject({
      body,
      common: { maker: ada!.id, attestedBy: 'registry', id: receipt.id },
    });
    expect(await stranger.read(`/v1/models/${receipt.id}`)).toEqual(view(receipt, ada!, body));
  });

  it("is taken as its maker's own envelope, with the data that it builds on", async () => {
    const data = await ben!.made(
      '/v1/datasets',
      ben!.signedWrite(dataset, heldDatasetOf(ben!.id, [{ name: 'a', bytes: utf8('a') }])),
    );
    const body = modelOf(ben!.id, { datasets: [data.id] });
    const unfounded = await ben!.post('/v1/models', ben!.signedWrite(registration, body));
    expect([unfounded.status, unfounded.body.code, unfounded.body.field]).toEqual([409, 'basis_stale', 'basis']);
    const invented = await ben!.post('/v1/models', ben!.signedWrite(registration, body, [data.statement, anyDigest()]));
    expect([invented.status, invented.body.code]).toEqual([409, 'basis_stale']);
    const receipt = await ben!.made('/v1/models', ben!.signedWrite(registration, body, [data.statement]));
    expect(await stranger.read(`/v1/models/${receipt.id}`)).toEqual(view(receipt, ben!, body));
  });

  it('is listed for everybody, the newest first, page by page and by owner', async () => {
    const cleo = await operator.makeParty();
    const made: string[] = [];
    for (const name of ['one', 'two', 'three'])
      made.unshift((await cleo.made('/v1/models', modelOf(cleo.id, { name }))).id);
    const ids = async (search: string) =>
      (await stranger.read<{ id: string; recordedIndex: number }[]>(`/v1/models?owner=${cleo.id}${search}`)).map(
        ({ id }) => id,
      );
    expect(await ids('')).toEqual(made);
    expect(await ids('&limit=2')).toEqual(made.slice(0, 2));
    const [, second] = await stranger.read<{ recordedIndex: number }[]>(`/v1/models?owner=${cleo.id}`);
    expect(await ids(`&before=${second!.recordedIndex}`)).toEqual(made.slice(2));
  });

  it.each<[string, () => object, number, string, string]>([
    [
      'shares that add up to less than 1',
      () => owners([ada!.id, '1/2'], [ben!.id, '1/3']),
      400,
      'shares_invalid',
      'owners',
    ],
    [
      'shares that add up to more than 1',
      () => owners([ada!.id, '2/3'], [ben!.id, '1/2']),
      400,
      'shares_invalid',
      'owners',
    ],
    [
      'a share that is a decimal fraction',
      () => owners([ada!.id, '0.5'], [ben!.id, '0.5']),
      400,
      'shares_invalid',
      'owners.0.share',
    ],
    ['a negative share', () => owners([ada!.id, '3/2'], [ben!.id, '-1/2']), 400, 'shares_invalid', 'owners.0.share'],
    ['a share by zero', () => owners([ada!.id, '1/0']), 400, 'shares_invalid', 'owners.0.share'],
    ['an owner named twice', () => owners([ada!.id, '1/2'], [ada!.id, '1/2']), 400, 'shares_invalid', 'owners'],
    [
      'shares that are too fine',
      () => owners([ada!.id, '999999999/1000000000'], [ben!.id, '1/1000000000']),
      400,
      'share_too_fine',
      'owners.0.share',
    ],
    [
      'an owner that is not on record',
      () => owners([ada!.id, '1/2'], [newId('party'), '1/2']),
      404,
      'not_found',
      'owners.1.party',
    ],
    ['owners without its maker', () => owners([ben!.id, '1/1']), 403, 'forbidden', 'owners'],
    [
      'an unknown SPDX id',
      () => ({ license: { expression: 'Apache-2', textDigest: null } }),
      400,
      'license_unknown',
      'license.expression',
    ],
    [
      'an expression that is none',
      () => ({ license: { expression: 'MIT AND', textDigest: null } }),
      400,
      'license_unknown',
      'license.expression',
    ],
    [
      'a LicenseRef without its text',
      () => ({ license: { expression: 'LicenseRef-Mine', textDigest: null } }),
      400,
      'license_unknown',
      'license.textDigest',
    ],
    [
      'a LicenseRef without its text inside an expression',
      () => ({ license: { expression: 'MIT OR LicenseRef-Mine', textDigest: null } }),
      400,
      'license_unknown',
      'license.textDigest',
    ],
    [
      'a weight digest of the wrong length',
      () => ({ weights: { ...anyWeights(), weightDigest: 'sha256:00' } }),
      400,
      'invalid_input',
      'weights.weightDigest',
    ],
    [
      'a weight digest without its nameless digest',
      () => ({ weights: { ...anyWeights(), namelessDigest: null } }),
      400,
      'invalid_input',
      'weights.namelessDigest',
    ],
    [
      'a fractional number of bytes',
      () => ({ weights: { ...anyWeights(), bytes: 1.5 } }),
      400,
      'invalid_input',
      'weights.bytes',
    ],
    ['a dataset that is not on record', () => ({ datasets: [newId('dataset')] }), 404, 'not_found', 'datasets.0'],
    ['a run that is not on record', () => ({ run: newId('run') }), 404, 'not_found', 'run'],
    [
      'an unknown relation',
      () => ({ parents: [{ digest: anyDigest(), relation: 'stolen-from' }] }),
      400,
      'invalid_input',
      'parents.0.relation',
    ],
    ['an empty name', () => ({ name: '' }), 400, 'invalid_input', 'name'],
    ['a name with the character U+0000', () => ({ name: 'a\0b' }), 400, 'invalid_input', 'name'],
    ['the id of another kind of thing', () => ({ id: newId('grant') }), 400, 'invalid_input', 'id'],
  ])('with %s is refused by name and leaves nothing', async (_, different, status, code, field) => {
    const before = await count('ledger.statement');
    const answer = await ada!.post('/v1/models', modelOf(ada!.id, different()));
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.body.field ?? '').toBe(field);
    expect(await count('ledger.statement')).toBe(before);
  });

  it('takes a LicenseRef that comes with the digest of its text, and an owner with a third', async () => {
    const body = modelOf(ada!.id, {
      ...owners([ada!.id, '1/3'], [ben!.id, '2/3']),
      license: { expression: 'LicenseRef-Mine OR Apache-2.0', textDigest: anyDigest() },
    });
    await verifier.receipt(await ada!.made('/v1/models', body));
  });

  it('of the same weights by another party stays on record, marked, and changes nothing of the first', async () => {
    const body = modelOf(ada!.id);
    const first = await ada!.made('/v1/models', body);
    const theirs = modelOf(ben!.id, { weights: body.weights, name: 'mine, all mine' });
    const second = await ben!.made('/v1/models', ben!.signedWrite(registration, theirs));
    const third = await operator.makeParty();
    const last = await third.made('/v1/models', modelOf(third.id, { weights: body.weights }));
    expect(await stranger.read(`/v1/models/${first.id}`)).toEqual(view(first, ada!, body));
    expect(await stranger.read(`/v1/models/${second.id}`)).toMatchObject({ precededBy: first.id, maker: ben!.id });
    expect(await stranger.read(`/v1/models/${last.id}`)).toMatchObject({ precededBy: first.id });
    const { matches } = await stranger.read<{ matches: { model: { id: string }; precededBy: string | null }[] }>(
      `/v1/provenance/${body.weights.weightDigest}`,
    );
    expect(matches.map(({ model, precededBy }) => [model.id, precededBy])).toEqual([
      [first.id, null],
      [second.id, first.id],
      [last.id, first.id],
    ]);
  });

  it('of the same weights by the same party is refused, also under other owners, and when both come at once', async () => {
    const body = modelOf(ada!.id);
    const first = await ada!.made('/v1/models', body);
    const again = await ada!.post('/v1/models', { ...body, ...owners([ada!.id, '1/2'], [ben!.id, '1/2']) });
    expect([again.status, again.body.code]).toEqual([409, 'already_registered']);
    expect(again.body.detail).toContain(first.id);
    const other = modelOf(ada!.id);
    const both = await Promise.all([ada!.post('/v1/models', other), ada!.post('/v1/models', other)]);
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it('is recorded once under one idempotency key, and another body under that key is refused', async () => {
    const body = modelOf(ada!.id);
    const once = { 'idempotency-key': 'model-1' };
    const first = await ada!.made('/v1/models', body, once);
    const again = await ada!.made('/v1/models', body, once);
    expect(again).toMatchObject({ id: first.id, index: first.index, envelope: first.envelope });
    await verifier.receipt(again);
    const other = await ada!.post('/v1/models', modelOf(ada!.id), once);
    expect([other.status, other.body.code, other.body.field]).toEqual([
      409,
      'idempotency_key_reused',
      'Idempotency-Key',
    ]);
    const cleo = await operator.makeParty();
    expect((await cleo.post('/v1/models', modelOf(cleo.id), once)).status).toBe(201);
    for (const key of ['', 'ä', 'a b', 'x'.repeat(201)]) {
      const { status } = await ada!.post('/v1/models', modelOf(ada!.id), {
        'idempotency-key': encodeURI(key) === key || key === 'a b' ? key : '\xe4',
      });
      expect([key, status]).toEqual([key, 400]);
    }
  });

  it('sent many times at once under one idempotency key is one record', async () => {
    const body = modelOf(ada!.id);
    const receipts = await Promise.all(
      Array.from({ length: 12 }, () => ada!.made('/v1/models', body, { 'idempotency-key': 'model-many' })),
    );
    expect(new Set(receipts.map(({ index }) => index)).size).toBe(1);
    for (const receipt of receipts.slice(-3)) await verifier.receipt(receipt);
  });

  it('whose transaction fails leaves no row, no leaf and no used-up idempotency key', async () => {
    const body = modelOf(ada!.id, { parents: [{ digest: anyDigest(), relation: 'merged-from' }] });
    const once = { 'idempotency-key': 'model-failing' };
    const tables = ['ledger.statement', 'registry.registration', 'registry.title', 'ops.idempotency'];
    const state = async () => [
      ...(await Promise.all(tables.map(count))),
      ...(await query(app.database.superuserUrl, `SELECT size, root, note FROM ledger.log_head`)),
      ...(await query(app.database.superuserUrl, `SELECT * FROM ledger.tile ORDER BY level, index`)),
    ];
    // One of the last tables that a registration writes refuses the row.
    await query(
      app.database.superuserUrl,
      `CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more'; END $$;
       CREATE TRIGGER fail BEFORE INSERT ON registry.relation FOR EACH ROW EXECUTE FUNCTION public.fail()`,
    );
    const before = await state();
    try {
      const { status, body: problem } = await ada!.post('/v1/models', body, once);
      expect([status, problem.code, problem.detail]).toEqual([500, 'internal', expect.not.stringContaining('no more')]);
      expect(await state()).toEqual(before);
      expect((await stranger.get(`/v1/provenance/${body.weights.fileDigest}`)).status).toBe(404);
    } finally {
      await query(app.database.superuserUrl, `DROP TRIGGER fail ON registry.relation; DROP FUNCTION public.fail()`);
    }
    const receipt = await ada!.made('/v1/models', body, once);
    await verifier.receipt(receipt);
    expect(await count('ledger.statement')).toBe((before[0] as number) + 1);
  });
});

/** A file of 23,000 numbers, and what is said of it on record. */
const weights = writeSafetensors([
  { name: 'w', dtype: 'U8', shape: [23, 1000], data: utf8('pretty numbers 314159265'.repeat(1000).slice(0, 23_000)) },
]);
async function saidOf(file: Uint8Array): Promise<RegistrationBody['weights']> {
  const { weightDigest, namelessDigest, tensors, parameters, bytes } = await inspectWeights(bytesSource(file), sha256);
  const fileDigest = digestOf(file);
  return {
    fileDigest,
    weightDigest,
    namelessDigest,
    container: 'safetensors',
    bytes,
    tensors: tensors.length,
    parameters,
  };
}

describe('weights that are not what their registration says', () => {
  const broken = (length: bigint, header: string): Uint8Array => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(length);
    return Buffer.concat([bytes, Buffer.from(header), Buffer.alloc(64)]);
  };
  const header = (tensors: object) => broken(BigInt(JSON.stringify(tensors).length), JSON.stringify(tensors));
  const tensor = (dtype: string, from: number, to: number) => ({ dtype, shape: [to - from], data_offsets: [from, to] });

  it.each<[string, Uint8Array, string, Partial<RegistrationBody['weights']>]>([
    ['a header of 2^63 bytes', broken(2n ** 63n, '{}'), 'malformed_container', {}],
    ['tensors that overlap', header({ a: tensor('U8', 0, 40), b: tensor('U8', 20, 64) }), 'malformed_container', {}],
    ['an unknown dtype', header({ a: tensor('U9', 0, 64) }), 'malformed_container', {}],
    ['a file that is cut off', weights.subarray(0, 1000), 'malformed_container', {}],
    ['another weight digest', weights, 'digest_mismatch', { weightDigest: anyDigest() }],
    ['another nameless digest', weights, 'digest_mismatch', { namelessDigest: anyDigest() }],
    ['another number of parameters', weights, 'digest_mismatch', { parameters: 7 }],
  ])('are not kept: %s', async (_, file, code, different) => {
    const maker = await operator.makeParty();
    const said = { ...(await saidOf(weights)), fileDigest: digestOf(file), bytes: file.length, ...different };
    const { id } = await maker.made('/v1/models', modelOf(maker.id, { weights: said }));
    const answer = await maker.put(`/v1/models/${id}/artifact`, file);
    expect([answer.status, answer.body.code]).toEqual([400, code]);
    const files = await readdir(app.config.artifactDir, { recursive: true, withFileTypes: true });
    expect(files.filter((entry) => entry.isFile())).toEqual([]);
    expect(await stranger.read(`/v1/models/${id}`)).toMatchObject({ artifactStored: false });
  });
});

describe('stored weights', () => {
  const fileDigest = digestOf(weights);
  let made: Receipt;
  const path = () => `/v1/models/${made.id}/artifact`;
  const accesses = () =>
    query(
      app.database.superuserUrl,
      'SELECT registration_id, party_id, api_key_id, file_digest FROM registry.artifact_access ORDER BY id',
    );

  beforeAll(async () => {
    const body = modelOf(ada!.id, {
      weights: await saidOf(weights),
      owners: [
        { party: ada!.id, share: '3/4' },
        { party: ben!.id, share: '1/4' },
      ],
    });
    made = await ada!.made('/v1/models', body);
  });

  it('are refused when they are others than registered, or when another owner or stranger sends them', async () => {
    const eve = await operator.makeParty();
    for (const [caller, bytes, status, code] of [
      [ada!, weights.map((byte, i) => (i === 77 ? byte ^ 1 : byte)), 400, 'digest_mismatch'],
      [ada!, weights.subarray(1), 400, 'digest_mismatch'],
      [ada!, new Uint8Array(weights.length + 1), 413, 'payload_too_large'],
      [ben!, weights, 403, 'forbidden'],
      [eve, weights, 403, 'forbidden'],
    ] as const) {
      const answer = await caller.put(path(), bytes);
      expect([answer.status, answer.body.code]).toEqual([status, code]);
    }
    const json = await ada!.put(path(), '{}', { 'content-type': 'application/json' });
    expect([json.status, json.body.code]).toEqual([415, 'unsupported_media_type']);
    const files = await readdir(app.config.artifactDir, { recursive: true, withFileTypes: true });
    expect(files.filter((entry) => entry.isFile())).toEqual([]);
    expect((await ada!.get(path())).body).toMatchObject({ code: 'not_found' });
    expect(await stranger.read(`/v1/models/${made.id}`)).toMatchObject({ artifactStored: false });
  });

  it('come back byte by byte, to every owner and to nobody else, and each access is written down', async () => {
    expect((await ada!.put(path(), weights)).status).toBe(204);
    expect(await stranger.read(`/v1/models/${made.id}`)).toMatchObject({ artifactStored: true });
    const eve = await operator.makeParty();
    for (const caller of [eve, operator]) expect((await caller.get(path())).body).toMatchObject({ code: 'not_found' });
    expect((await stranger.get(path())).status).toBe(401);
    expect(await accesses()).toEqual([]);
    for (const owner of [ada!, ben!]) {
      const { status, headers, bytes } = await owner.bytes(path());
      expect([status, headers.get('content-length'), headers.get('etag')]).toEqual([
        200,
        String(weights.length),
        `"${fileDigest}"`,
      ]);
      expect(Buffer.from(bytes).equals(weights)).toBe(true);
    }
    const by = (owner: Party) => ({
      registration_id: made.id,
      party_id: owner.id,
      api_key_id: `apikey_${owner.apiKey.split('_')[1]}`,
      file_digest: fileDigest,
    });
    expect(await accesses()).toEqual([by(ada!), by(ben!)]);
  });

  it('are not handed to whoever registers the same digests without having them', async () => {
    const eve = await operator.makeParty();
    const claim = modelOf(eve.id, { weights: { ...anyWeights(), fileDigest, bytes: weights.length } });
    const claimed = await eve.made('/v1/models', claim);
    const { status, body } = await eve.get(`/v1/models/${claimed.id}/artifact`);
    expect([status, body.code]).toEqual([404, 'not_found']);
  });

  it('rest encrypted', async () => {
    const files = await readdir(app.config.artifactDir, { recursive: true, withFileTypes: true });
    const paths = files.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    expect(paths.some((name) => name.endsWith(fileDigest.slice('sha256:'.length)))).toBe(true);
    for (const name of paths) expect((await readFile(name)).includes(Buffer.from(weights.subarray(0, 16)))).toBe(false);
  });

  it('that were altered on the disk never leave the registry as if they were whole', async () => {
    const files = await readdir(app.config.artifactDir, { recursive: true, withFileTypes: true });
    const [entry] = files.filter((file) => file.isFile());
    const name = join(entry!.parentPath, entry!.name);
    const bytes = await readFile(name);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(name, bytes);
    const outcome = await ada!.bytes(path()).then(
      ({ status, bytes: got }) => (status === 200 && Buffer.from(got).equals(weights) ? 'whole' : 'refused'),
      () => 'cut off',
    );
    expect(outcome).not.toBe('whole');
  });
});
