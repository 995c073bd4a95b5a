/** Hostile and clumsy requests at the routes that write: each gets its name, none a stack trace, none leaves a trace. */
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { utf8 } from '../../src/core/bytes.ts';
import { registration } from '../../src/core/registry/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyWeights, datasetOf, digestOf, modelOf } from '../support/bodies.ts';
import type { Party } from '../support/client.ts';
import { Operator } from '../support/client.ts';
import { query } from '../support/postgres.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(30_000);

let app: TestApp;
let operator: Operator;
let [ada, keyed]: Party[] = [];
let before: number;
const JSON_TYPE = { 'content-type': 'application/json' };
const size = async () =>
  Number((await query<{ n: string }>(app.database.superuserUrl, 'SELECT count(*) AS n FROM ledger.statement'))[0]!.n);

beforeAll(async () => {
  app = await startTestApp();
  operator = await Operator.of(app.url, app.config.data);
  [ada, keyed] = [await operator.makeParty(), await operator.makeParty({ keyed: true })];
  before = await size();
});
afterAll(() => app.close());
afterEach(async () => {
  expect(await size()).toBe(before);
  const failures = app.logged.filter(({ level }) => level === 'error' || level === 'fatal');
  expect(failures).toEqual([]);
});

/** A well-formed registration as text, in which one thing is then made wrong. */
const text = () => JSON.stringify(modelOf(ada!.id));

describe.each(['/v1/models', '/v1/datasets', '/v1/parties', '/v1/runs', '/v1/grants', '/v1/parties/ID/api-keys'])(
  'POST %s',
  (route) => {
    const path = () => route.replace('ID', ada!.id);
    const caller = () => (route === '/v1/parties' ? operator : ada!);
    it.each<[string, () => string, number, string]>([
      ['that breaks off', () => text().slice(0, -1), 400, 'malformed_json'],
      ['with a member twice', () => text().replace('{', '{"name":"another",'), 400, 'malformed_json'],
      [
        'with a member twice, spelled in two ways',
        () => text().replace('{', '{"n\\u0061me":"another",'),
        400,
        'malformed_json',
      ],
      [
        'with a member twice, far inside',
        () => text().replace('"share":', '"share":"1/2","share":'),
        400,
        'malformed_json',
      ],
      ['with NaN', () => text().replace('"bytes":4096', '"bytes":NaN'), 400, 'malformed_json'],
      ['with __proto__', () => text().replace('{', '{"__proto__":{"admin":true},'), 400, 'invalid_input'],
      [
        'with __proto__ spelled otherwise',
        () => text().replace('{', '{"\\u005f_proto__":{"admin":true},'),
        400,
        'invalid_input',
      ],
      [
        'with constructor.prototype',
        () => text().replace('{', '{"constructor":{"prototype":{"admin":true}},'),
        400,
        'invalid_input',
      ],
      ['with U+0000', () => text().replace('a small', 'a\\u0000small'), 400, 'invalid_input'],
      ['with a lone surrogate', () => text().replace('a small', 'a\\ud800small'), 400, 'invalid_input'],
      ['nested a hundred levels deep', () => `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`, 400, 'malformed_json'],
      ['nested a hundred thousand levels deep', () => '['.repeat(100_000), 400, 'malformed_json'],
      ['that is a number', () => '7', 400, 'invalid_input'],
      ['that is null', () => 'null', 400, 'invalid_input'],
      ['that is an array', () => '[]', 400, 'invalid_input'],
      ['with a member that nobody knows', () => '{"nmae":"x"}', 400, 'invalid_input'],
      ['over the limit', () => JSON.stringify({ name: 'x'.repeat(1_100_000) }), 413, 'payload_too_large'],
    ])('refuses JSON %s', async (_, body, status, code) => {
      const answer = await caller().send('POST', path(), body(), JSON_TYPE);
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(answer.text).not.toMatch(/\bat .*\.[jt]s/);
      expect(({} as { admin?: boolean }).admin).toBeUndefined();
    });

    it('refuses other media types with 415', async () => {
      for (const type of [
        'text/plain',
        'application/xml',
        'multipart/form-data; boundary=x',
        'application/cbor',
        'nonsense',
      ]) {
        const { status, body } = await caller().send('POST', path(), text(), { 'content-type': type });
        expect([type, status, body.code]).toEqual([type, 415, 'unsupported_media_type']);
      }
    });

    it('refuses what is no JSON though its media type is taken elsewhere', async () => {
      for (const type of ['application/octet-stream', 'application/x-www-form-urlencoded']) {
        const { status, body } = await caller().send('POST', path(), text(), { 'content-type': type });
        expect([type, status >= 400 && status < 500, body.code]).toEqual([
          type,
          true,
          expect.stringMatching(/unsupported_media_type|invalid_input/),
        ]);
      }
    });
  },
);

it.each<[string, () => object]>([
  ['/v1/models', () => modelOf(ada!.id)],
  ['/v1/datasets', () => datasetOf([{ name: 'a', bytes: utf8('a') }])],
  ['/v1/parties', () => ({ name: 'Ada' })],
  ['/v1/parties/ID/api-keys', () => ({ label: 'a' })],
])('POST %s names a member that it does not know, at the top and inside', async (route, body) => {
  const caller = route === '/v1/parties' ? operator : ada!;
  const { status, body: problem } = await caller.post(route.replace('ID', ada!.id), { ...body(), nmae: 'x' });
  expect([status, problem.field, problem.detail]).toEqual([400, 'nmae', '"nmae" is not known here.']);
  if (!('license' in body())) return;
  const inside = await caller.post(route, {
    ...body(),
    license: { ...(body() as { license: object }).license, text: '' },
  });
  expect([inside.status, inside.body.field]).toEqual([400, 'license.text']);
});

describe('a number', () => {
  it.each(['1e400', '-1', '1.5', '9007199254740993', '1e21', '"4096"', 'true', 'null'])(
    '%s is no count of bytes',
    async (number) => {
      const body = text().replace('"bytes":4096', `"bytes":${number}`);
      const answer = await ada!.send('POST', '/v1/models', body, JSON_TYPE);
      expect([answer.status, answer.body.code, answer.body.field]).toEqual([400, 'invalid_input', 'weights.bytes']);
    },
  );
});

describe('an envelope', () => {
  it.each<[string, (envelope: ReturnType<Party['signedWrite']>) => object, string]>([
    ['no signature', (envelope) => ({ ...envelope, signatures: [] }), 'signatures'],
    [
      'two signatures',
      (envelope) => ({ ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] }),
      'signatures',
    ],
    ['another payload type', (envelope) => ({ ...envelope, payloadType: 'text/plain' }), 'payloadType'],
    ['a payload that is no base64', (envelope) => ({ ...envelope, payload: '~~~' }), 'payload'],
    ['a payload in loose base64', (envelope) => ({ ...envelope, payload: `${envelope.payload}\n` }), 'payload'],
    [
      'a signature that is no base64',
      (envelope) => ({ ...envelope, signatures: [{ ...envelope.signatures[0], sig: '~' }] }),
      'signatures.0.sig',
    ],
    ['a payload over 256 KiB', (envelope) => ({ ...envelope, payload: 'A'.repeat(400_000) }), 'payload'],
    ['a member that nobody knows', (envelope) => ({ ...envelope, trust: 'me' }), 'trust'],
    ['plain members beside it', (envelope) => ({ ...envelope, name: 'x' }), 'name'],
    [
      'a disclosure of something that it does not commit to',
      (envelope) => ({ ...envelope, disclosures: [{ value: 'x', salt: '0'.repeat(32) }] }),
      'disclosures.0',
    ],
  ])('with %s is refused by name', async (_, change, field) => {
    const answer = await keyed!.post('/v1/models', change(keyed!.signedWrite(registration, modelOf(keyed!.id))));
    expect([answer.status, answer.body.field]).toEqual([400, field]);
  });
});

describe('a query', () => {
  it.each([
    '/v1/models?limit=0',
    '/v1/models?limit=1001',
    '/v1/models?limit=x',
    '/v1/models?before=-1',
    '/v1/models?sort=name',
    '/v1/models?owner=%00',
    '/v1/models?limit=1&limit=2',
    '/v1/datasets?manifest=sha256:0',
    '/v1/parties?name=%00',
    '/v1/receipts/sha256:%00',
    '/v1/log/consistency',
    '/v1/log/consistency?first=1',
  ])('such as %s is refused', async (path) => {
    const { status, body } = await ada!.get(path);
    expect([path, status, body.code]).toEqual([path, 400, 'invalid_input']);
  });

  it.each([
    '/tile/0/000',
    '/tile/9/000',
    '/tile/0/x000/000.p/999',
    '/tile/0/000.p/0',
    '/tile/../secret',
    '/tile/entries/%00',
    '/tile/0/9',
  ])('for the tile %s, which the log has not, is answered with 404 or refused', async (path) => {
    const { status } = await ada!.get(path);
    expect([path, status]).toEqual([path, path.includes('%00') ? 400 : 404]);
  });
});

it('an upload that is cut off leaves no file, and the server goes on', async () => {
  const bytes = utf8('0123456789'.repeat(100_000));
  const dataset = await ada!.made('/v1/datasets', datasetOf([{ name: 'a', bytes }]));
  before += 1;
  const { port } = new URL(app.url);
  const upload = httpRequest({
    port,
    method: 'PUT',
    path: `/v1/datasets/${dataset.id}/files/${digestOf(bytes)}`,
    headers: {
      authorization: `Bearer ${ada!.apiKey}`,
      'content-type': 'application/octet-stream',
      'content-length': bytes.length,
    },
  });
  const broken = once(upload, 'error').catch(() => undefined);
  upload.write(bytes.subarray(0, 300_000));
  await sleep(200);
  upload.destroy(new Error('the cable was pulled'));
  await broken;
  const files = async () =>
    (await readdir(app.config.artifactDir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  for (const end = Date.now() + 5000; (await files()).length > 0 && Date.now() < end;) await sleep(20);
  expect(await files()).toEqual([]);
  expect((await ada!.put(`/v1/datasets/${dataset.id}/files/${digestOf(bytes)}`, bytes)).status).toBe(204);
  app.logged.length = 0;
});

it('a thousand weights that claim to be one model do not slow the server down beyond its limits', async () => {
  const owners = Array.from({ length: 1001 }, () => ({ party: ada!.id, share: '1/1001' }));
  const answer = await ada!.post('/v1/models', modelOf(ada!.id, { owners, weights: anyWeights() }));
  expect([answer.status, answer.body.code, answer.body.field]).toEqual([400, 'invalid_input', 'owners']);
});
