/** Parties, their signing keys and API keys over HTTP: who may speak for whom, and what is never kept. */
import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { fromBase64, toBase64, toHex, utf8 } from '../../src/core/bytes.ts';
import { apiKey, apiKeyRevocation, key, registration } from '../../src/core/registry/index.ts';
import { possessionText } from '../../src/core/registry/key.ts';
import { commit } from '../../src/core/registry/commitment.ts';
import { formatEnvelope, pae } from '../../src/core/statement/dsse.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { makeP256, newId, sha256, statementKey } from '../../src/platform/crypto.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyDigest, digestOf, modelOf } from '../support/bodies.ts';
import type { Party } from '../support/client.ts';
import { Client, Operator, Verifier } from '../support/client.ts';
import type { LogIdentity } from '../support/client.ts';
import { query } from '../support/postgres.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(30_000);

let app: TestApp;
let operator: Operator;
let verifier: Verifier;
const newKey = () => statementKey(makeP256().pkcs8);
const payloadOf = ({ envelope }: Receipt) => Buffer.from(fromBase64(envelope.payload)).toString('utf8');
const sql = <T extends object>(text: string, values: unknown[] = []) =>
  query<T>(app.database.superuserUrl, text, values);
const size = async () => Number((await sql<{ n: string }>('SELECT count(*) AS n FROM ledger.statement'))[0]!.n);

beforeAll(async () => {
  app = await startTestApp();
  operator = await Operator.of(app.url, app.config.data);
  verifier = new Verifier(await operator.read<LogIdentity>('/v1/log'));
});
afterAll(() => app.close());

describe('a party', () => {
  it('comes to be by the registrar alone', async () => {
    const receipt = await operator.made('/v1/parties', { name: 'Ada Lovelace', kind: 'person' });
    expect(await operator.read(`/v1/parties/${receipt.id}`)).toEqual({
      id: receipt.id,
      name: 'Ada Lovelace',
      nameCommitment: expect.stringMatching(/^sha256:/),
      kind: 'person',
      roles: [],
      ended: null,
      keys: [],
      statement: receipt.statement,
      recordedIndex: receipt.index,
    });
    const ada = await operator.makeParty();
    const refused = await ada.post('/v1/parties', { name: 'Mallory' });
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
    expect((await new Client(app.url).post('/v1/parties', { name: 'Mallory' })).status).toBe(401);
  });

  it('has its name in no statement, only a salted commitment that the name opens', async () => {
    const name = 'Grace Brewster Hopper';
    const receipt = await operator.made('/v1/parties', { name });
    const { body } = await verifier.receipt(receipt);
    const [opening] = await sql<{ commitment: string; value: string; salt: string }>(
      'SELECT * FROM registry.disclosure WHERE value = $1',
      [name],
    );
    expect(body).toMatchObject({ nameCommitment: opening!.commitment });
    expect(commit(sha256, opening!.salt, name)).toBe(opening!.commitment);
    for (const hidden of [name, opening!.salt, digestOf(utf8(name)).slice('sha256:'.length)]) {
      expect(JSON.stringify(receipt) + payloadOf(receipt)).not.toContain(hidden);
    }
  });

  it('is made once by a request repeated under one idempotency key', async () => {
    const once = { 'idempotency-key': 'party-1' };
    const [first, again] = [
      await operator.made('/v1/parties', { name: 'Mary' }, once),
      await operator.made('/v1/parties', { name: 'Mary' }, once),
    ];
    expect([again.id, again.index, again.statement]).toEqual([first.id, first.index, first.statement]);
    await verifier.receipt(again);
    const other = await operator.post('/v1/parties', { name: 'Mallory' }, once);
    expect([other.status, other.body.code]).toEqual([409, 'idempotency_key_reused']);
  });

  it('is found by its exact name, and never by part of it', async () => {
    const { id } = await operator.makeParty({ name: 'Katherine Johnson' });
    const found = await operator.read<{ id: string }[]>('/v1/parties?name=Katherine%20Johnson');
    expect(found.map((party) => party.id)).toEqual([id]);
    expect(await operator.read('/v1/parties?name=Katherine')).toEqual([]);
  });

  it('is not made with an id that is taken', async () => {
    const { id } = await operator.makeParty();
    const { status, body } = await operator.post('/v1/parties', { id, name: 'Impostor' });
    expect([status, body.code, body.field]).toEqual([409, 'already_exists', 'id']);
    expect(await operator.read(`/v1/parties/${id}`)).toMatchObject({ name: 'Ada' });
  });
});

it('parties are listed page by page, in the order in which they came', async () => {
  for (const name of ['Page', 'Page', 'Page']) await operator.made('/v1/parties', { name });
  const all = await operator.read<{ id: string; recordedIndex: number }[]>('/v1/parties');
  const paged: typeof all = [];
  for (let page = all.slice(0, 0); paged.length === 0 || page.length > 0; paged.push(...page)) {
    page = await operator.read(`/v1/parties?limit=2&after=${paged.at(-1)?.recordedIndex ?? 0}`);
    expect(page.length).toBeLessThanOrEqual(2);
  }
  expect(paged).toEqual(all.filter(({ recordedIndex }) => recordedIndex > 0));
  const [first, ...others] = await operator.read<typeof all>('/v1/parties?name=Page');
  expect(await operator.read(`/v1/parties?name=Page&after=${first!.recordedIndex}`)).toEqual(others);
  expect((await operator.get('/v1/parties?limit=1001')).status).toBe(400);
});

describe('an API key', () => {
  const make = (party: Party, body: object = {}, headers = {}) =>
    party.made<{ key: string; receipt: Receipt }>(`/v1/parties/${party.id}/api-keys`, body, headers);
  const idOf = (secret: string) => `apikey_${secret.split('_')[1]}`;

  it('does what its scopes name and nothing else', async () => {
    const ada = await operator.makeParty();
    const reader = ada.with((await make(ada, { scopes: ['read'] })).key);
    expect((await reader.get('/v1/parties')).status).toBe(200);
    expect(await reader.read('/v1/whoami')).toMatchObject({ party: { id: ada.id }, scopes: ['read'], roles: [] });
    for (const [path, body] of [
      ['/v1/models', modelOf(ada.id)],
      [`/v1/parties/${ada.id}/api-keys`, {}],
      [`/v1/parties/${ada.id}/keys`, ada.possession(newKey())],
      ['/v1/datasets', {}],
    ] as const) {
      const refused = await reader.post(path, body);
      expect([path, refused.status, refused.body.code]).toEqual([path, 403, 'scope_missing']);
    }
    const writer = ada.with((await make(ada, { scopes: ['models:write'] })).key);
    expect((await writer.post('/v1/models', modelOf(ada.id))).status).toBe(201);
    expect((await writer.get('/v1/parties')).body).toMatchObject({ code: 'scope_missing' });
    const unknown = await ada.post(`/v1/parties/${ada.id}/api-keys`, { scopes: ['everything'] });
    expect([unknown.status, unknown.body.field]).toEqual([400, 'scopes.0']);
  });

  it('ends at its time, and at once when it is revoked', async () => {
    const ada = await operator.makeParty();
    const soon = new Date(Date.now() + 700).toISOString();
    const short = ada.with((await make(ada, { expiresAt: soon })).key);
    expect((await short.get('/v1/whoami')).status).toBe(200);

    const { key: secret, receipt } = await make(ada);
    const second = ada.with(secret);
    expect((await second.get('/v1/whoami')).status).toBe(200);
    const revoked = await ada.made(`/v1/api-keys/${receipt.id}/revoke`, { reason: 'lost' });
    expect((await second.get('/v1/whoami')).status).toBe(401);
    await verifier.receipt(revoked);

    await sleep(Math.max(0, Date.parse(soon) - Date.now() + 1));
    expect((await short.get('/v1/whoami')).status).toBe(401);
  });

  it('answers alike whether the key is unknown, wrong, expired, revoked or malformed', async () => {
    const ada = await operator.makeParty();
    const expired = await make(ada, { expiresAt: '2020-01-01T00:00:00.000Z' });
    const revoked = await make(ada);
    await ada.made(`/v1/api-keys/${revoked.receipt.id}/revoke`, {});
    const unknown = `mun_${newId('apikey').slice('apikey_'.length)}_${'0'.repeat(64)}`;
    const wrong = ada.apiKey.replace(/_[0-9a-f]{64}$/, `_${'0'.repeat(64)}`);
    const answers = [];
    for (const secret of [unknown, wrong, expired.key, revoked.key, 'mun_x', ada.apiKey.toUpperCase()]) {
      const { status, headers, body } = await ada.with(secret).get('/v1/whoami');
      answers.push({ status, challenge: headers.get('www-authenticate'), ...body, requestId: '' });
    }
    expect(answers[0]).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });

  it('has its secret nowhere: in no table, no log line and no answer but the first', async () => {
    const ada = await operator.makeParty({ keyed: true });
    const { key: secret, receipt } = await operator.made<{ key: string; receipt: Receipt }>(
      `/v1/parties/${ada.id}/api-keys`,
      { label: 'to be searched for' },
    );
    await ada.with(secret).read('/v1/whoami');
    await ada.with(secret).read(`/v1/receipts/${receipt.statement}`);
    const hidden = secret.split('_')[2]!;
    expect(await verifier.receipt(receipt)).toMatchObject({ body: { secretDigest: digestOf(utf8(hidden)) } });

    const tables = await sql<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    expect(tables.length).toBeGreaterThan(15);
    let seen = '';
    for (const { name } of tables) {
      seen += (await sql<{ rows: string | null }>(`SELECT string_agg(t::text, ' ') AS rows FROM ${name} t`))[0]!.rows;
    }
    // The search would find it: what is there on purpose is found, as text and inside a payload.
    expect(seen).toContain(receipt.id);
    expect(seen).toContain(toHex(utf8('to be searched for')));
    const everything = seen + JSON.stringify(app.logged);
    for (const form of [hidden, toHex(utf8(hidden)), Buffer.from(hidden, 'hex').toString('base64')]) {
      expect(everything).not.toContain(form);
    }
  });

  it('that was made by a request whose answer got lost is voided when the request is repeated, however often', async () => {
    const ada = await operator.makeParty();
    const once = { 'idempotency-key': 'lost-answer' };
    const keys: string[] = [];
    for (let i = 0; i < 4; i++) {
      keys.push((await make(ada, { label: 'mine' }, once)).key);
      const works = await Promise.all(keys.map(async (secret) => (await ada.with(secret).get('/v1/whoami')).status));
      expect(works).toEqual([...keys.slice(1).map(() => 401), 200]);
    }
    const other = await ada.post(`/v1/parties/${ada.id}/api-keys`, { label: 'another' }, once);
    expect([other.status, other.body.code]).toEqual([409, 'idempotency_key_reused']);
    expect((await ada.with(keys.at(-1)!).get('/v1/whoami')).status).toBe(200);
  });

  it('is revoked once by a revocation repeated under one idempotency key', async () => {
    const ada = await operator.makeParty();
    const { receipt } = await make(ada);
    const revoke = () =>
      ada.made(`/v1/api-keys/${receipt.id}/revoke`, { reason: 'r' }, { 'idempotency-key': 'revoke-1' });
    const first = await revoke();
    expect((await revoke()).index).toBe(first.index);
    const again = await ada.post(`/v1/api-keys/${receipt.id}/revoke`, {});
    expect([again.status, again.body.code]).toEqual([409, 'state_conflict']);
  });

  it('may have a secret that only its party ever knew', async () => {
    const ada = await operator.makeParty({ keyed: true });
    const secret = '5e'.repeat(32);
    const body = {
      party: ada.id,
      secretDigest: digestOf(utf8(secret)),
      label: 'drawn here',
      scopes: ['read'],
      expiresAt: null,
    };
    const receipt = await ada.made(
      `/v1/parties/${ada.id}/api-keys`,
      ada.signedWrite(apiKey, body, [], { id: newId('apikey') }),
    );
    const mine = ada.with(`mun_${receipt.id.slice('apikey_'.length)}_${secret}`);
    expect(await mine.read('/v1/whoami')).toMatchObject({ apiKeyId: receipt.id });

    await ada.made(
      `/v1/api-keys/${receipt.id}/revoke`,
      ada.signedWrite(apiKeyRevocation, { apiKey: receipt.id, reason: '' }),
    );
    expect((await mine.get('/v1/whoami')).status).toBe(401);
  });

  it('whose statement speaks of another party or key than the address is refused', async () => {
    const [ada, eve] = [await operator.makeParty({ keyed: true }), await operator.makeParty()];
    const body = { party: ada.id, secretDigest: anyDigest(), label: '', scopes: ['read'], expiresAt: null };
    const foreign = await ada.post(`/v1/parties/${eve.id}/api-keys`, ada.signedWrite(apiKey, body));
    expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);
    const other = await ada.post(`/v1/parties/${ada.id}/api-keys`, ada.signedWrite(apiKey, { ...body, party: eve.id }));
    expect([other.status, other.body.code, other.body.field]).toEqual([400, 'invalid_input', 'party']);
    const second = await operator.made<{ receipt: Receipt }>(`/v1/parties/${ada.id}/api-keys`, {});
    const revocation = ada.signedWrite(apiKeyRevocation, { apiKey: idOf(ada.apiKey), reason: '' });
    const mismatch = await ada.post(`/v1/api-keys/${second.receipt.id}/revoke`, revocation);
    expect([mismatch.status, mismatch.body.code]).toEqual([400, 'invalid_input']);
    expect((await ada.get('/v1/whoami')).status).toBe(200);
  });
});

describe('a signing key', () => {
  it('is registered with proof that the party can sign with it, and shows on the party', async () => {
    const ada = await operator.makeParty();
    const made = newKey();
    const receipt = await ada.registerKey(made);
    expect(await verifier.receipt(receipt)).toMatchObject({ common: { maker: ada.id, attestedBy: 'registry' } });
    expect(await ada.read(`/v1/parties/${ada.id}`)).toMatchObject({
      keys: [{ fingerprint: made.keyId, publicKey: made.spki }],
    });
  });

  it('is refused with a forged proof of possession', async () => {
    const [ada, eve] = [await operator.makeParty(), await operator.makeParty()];
    const [victim, mine] = [newKey(), newKey()];
    const honest = ada.possession(victim);
    const before = await size();
    const inHerName = mine.sign(possessionText(eve.origin, eve.id, victim.keyId));
    for (const [attack, caller, body, code] of [
      ['signed by another key', eve, { ...honest, possession: eve.possession(mine).possession }, 'signature_invalid'],
      ["a proof that was made for another party's registration", eve, honest, 'signature_invalid'],
      [
        'the proof of another key',
        ada,
        { ...ada.possession(mine), possession: honest.possession },
        'signature_invalid',
      ],
      ['a signature of zero bytes', ada, { ...honest, possession: '' }, 'signature_invalid'],
      [
        "her own key under the name of another's, which would keep that one from ever being registered",
        eve,
        { ...eve.possession(mine), fingerprint: victim.keyId, possession: toBase64(inHerName) },
        'digest_mismatch',
      ],
    ] as const) {
      const { body: problem } = await caller.post(`/v1/parties/${caller.id}/keys`, body);
      expect([attack, problem.code]).toEqual([attack, code]);
    }
    expect(await size()).toBe(before);
    expect(await ada.read(`/v1/parties/${ada.id}`)).toMatchObject({ keys: [] });
  });

  it('belongs to one party for ever', async () => {
    const [ada, eve] = [await operator.makeParty(), await operator.makeParty()];
    const shared = newKey();
    await ada.registerKey(shared);
    const { status, body } = await eve.post(`/v1/parties/${eve.id}/keys`, eve.possession(shared));
    expect([status, body.code]).toEqual([409, 'already_exists']);
  });

  it('that is no point on P-256, or on another curve, is refused by name', async () => {
    const ada = await operator.makeParty();
    const honest = ada.possession(newKey());
    const spki = fromBase64(honest.spki).slice();
    spki.fill(1, 30);
    const ed25519 = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' });
    for (const wrong of [spki, ed25519, utf8('key'), utf8('')]) {
      const body = { ...honest, spki: toBase64(wrong), fingerprint: digestOf(wrong) };
      const { status, body: problem } = await ada.post(`/v1/parties/${ada.id}/keys`, body);
      expect([status, problem.code]).toEqual([400, 'invalid_input']);
    }
    const noBase64 = await ada.post(`/v1/parties/${ada.id}/keys`, { ...honest, spki: 'no base64!' });
    expect([noBase64.status, noBase64.body.code]).toEqual([400, 'invalid_input']);
  });

  it('makes every later word of its party need a signature', async () => {
    const ada = await operator.makeParty({ keyed: true });
    for (const [path, body] of [
      ['/v1/models', modelOf(ada.id)],
      [`/v1/parties/${ada.id}/keys`, ada.possession(newKey())],
      [`/v1/parties/${ada.id}/api-keys`, {}],
    ] as const) {
      const { status, body: problem } = await ada.post(path, body);
      expect([path, status, problem.code]).toEqual([path, 403, 'signature_required']);
    }
    const second = newKey();
    const receipt = await ada.made(
      `/v1/parties/${ada.id}/keys`,
      ada.signedWrite(key, ada.possession(second), [ada.statement]),
    );
    expect((await verifier.receipt(receipt)).common.attestedBy).toBeUndefined();
    const signed = ada.signedWrite(registration, modelOf(ada.id), [], {}, second);
    expect((await ada.post('/v1/models', signed)).status).toBe(201);
  });
});

describe('an envelope', () => {
  it('is taken as its maker signed it, byte by byte', async () => {
    const ada = await operator.makeParty({ keyed: true });
    const signed = ada.signedWrite(registration, modelOf(ada.id));
    const receipt = await ada.made('/v1/models', signed);
    expect(receipt.envelope).toEqual(signed);
    expect(await verifier.receipt(receipt)).toMatchObject({ common: { maker: ada.id }, fingerprint: ada.key!.keyId });
    const dsse = ada.signedWrite(registration, modelOf(ada.id));
    const typed = await ada.post('/v1/models', dsse, { 'content-type': 'application/vnd.dsse.envelope.v1+json' });
    expect(typed.status).toBe(201);
  });

  it('is refused when somebody else made it, sent it, or signed it', async () => {
    const [ada, eve] = [await operator.makeParty({ keyed: true }), await operator.makeParty({ keyed: true })];
    const signed = ada.signedWrite(registration, modelOf(ada.id));
    const inHerName = eve.signedWrite(registration, modelOf(ada.id), [], { maker: ada.id });
    const unknownKey = ada.signedWrite(registration, modelOf(ada.id), [], {}, newKey());
    const pretended = ada.signedWrite(registration, modelOf(ada.id), [], { attestedBy: 'registry' });
    const otherKeyId = { ...signed, signatures: [{ ...signed.signatures[0]!, keyid: eve.key!.keyId }] };
    for (const [attack, caller, body, code] of [
      ['a statement of hers that another party sends', eve, signed, 'forbidden'],
      ['another key in her name', ada, inHerName, 'signature_invalid'],
      ['a key that is not on record', ada, unknownKey, 'signature_invalid'],
      ['a party that attests for itself in the name of the registry', ada, pretended, 'signature_invalid'],
      ["another's key id on her signature", ada, otherKeyId, 'signature_invalid'],
    ] as const) {
      const { body: problem } = await caller.post('/v1/models', body);
      expect([attack, problem.code]).toEqual([attack, code]);
    }
    expect((await ada.post('/v1/models', signed)).status).toBe(201);
  });

  it('is refused when it was signed for the log of another registry', async () => {
    const ada = await operator.makeParty({ keyed: true });
    const origin = `elsewhere.example/${'0'.repeat(32)}`;
    const { status, body } = await ada.post(
      '/v1/models',
      ada.signedWrite(registration, modelOf(ada.id), [], { origin }),
    );
    expect([status, body.code, body.field]).toEqual([401, 'signature_invalid', 'origin']);
  });

  it('is refused with any byte changed, of payload or signature', async () => {
    const ada = await operator.makeParty({ keyed: true });
    const signed = ada.signedWrite(registration, modelOf(ada.id));
    const text = Buffer.from(signed.payload, 'base64').toString('utf8');
    const [only] = signed.signatures;
    const flipped = Buffer.from(only!.sig, 'base64');
    flipped[flipped.length - 1]! ^= 1;
    const before = await size();
    for (const body of [
      { ...signed, payload: Buffer.from(text.replace('"parameters":1000', '"parameters":1001')).toString('base64') },
      { ...signed, signatures: [{ ...only!, sig: flipped.toString('base64') }] },
      { ...signed, signatures: [{ ...only!, sig: '' }] },
    ]) {
      const { status, body: problem } = await ada.post('/v1/models', body);
      expect([status, problem.code]).toEqual([401, 'signature_invalid']);
    }
    expect(await size()).toBe(before);
  });

  it('is refused when its payload could be read in two ways, though the signature holds', async () => {
    const ada = await operator.makeParty({ keyed: true });
    const { payload } = ada.signedWrite(registration, modelOf(ada.id));
    const text = Buffer.from(payload, 'base64').toString('utf8');
    for (const other of [
      ` ${text}`,
      text.replace('"predicate":{', '"predicate":{"name":"a",'),
      text.replace('"bytes":4096', '"bytes":4096.0'),
      text.replace(/^\{/, '{"extra":1,'),
    ]) {
      const bytes = utf8(other);
      const signed = { payload: bytes, signature: ada.key!.sign(pae(bytes)), keyId: ada.key!.keyId };
      const { status, body } = await ada.post('/v1/models', formatEnvelope(signed));
      expect([status, body.code]).toEqual([400, expect.stringMatching(/^malformed_(?:json|statement)$/)]);
    }
  });

  it('of another kind than the route takes is refused', async () => {
    const ada = await operator.makeParty({ keyed: true });
    const { status, body } = await ada.post('/v1/datasets', ada.signedWrite(registration, modelOf(ada.id)));
    expect([status, body.code, body.field]).toEqual([400, 'invalid_input', 'payload']);
  });

  it('is recorded once: sent again it is refused, under its idempotency key it gets its receipt', async () => {
    const ada = await operator.makeParty({ keyed: true });
    const signed = ada.signedWrite(registration, modelOf(ada.id));
    const once = { 'idempotency-key': 'envelope-1' };
    const receipt = await ada.made('/v1/models', signed, once);
    expect(await ada.made('/v1/models', signed, once)).toMatchObject({
      index: receipt.index,
      envelope: receipt.envelope,
    });
    const again = await ada.post('/v1/models', signed);
    expect([again.status, again.body.code]).toEqual([409, 'already_recorded']);
    expect(again.body.fix).toContain(`/v1/receipts/${receipt.statement}`);
  });
});
