/** The end of a party's signing key over HTTP: what it ends, what it leaves as it was, and who may say so. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { fromBase64 } from '../../src/core/bytes.ts';
import type { Digest } from '../../src/core/digest.ts';
import { apiKey, key, keyRevocation, registration } from '../../src/core/registry/index.ts';
import type { KeyRevocationBody } from '../../src/core/registry/key.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import type { PartyView } from '../../src/parties/index.ts';
import { newId, newStatementKey } from '../../src/platform/crypto.ts';
import type { StatementKey } from '../../src/platform/crypto.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyDigest, modelOf } from '../support/bodies.ts';
import type { LogIdentity } from '../support/client.ts';
import { Client, Operator, Party, Verifier } from '../support/client.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(30_000);

let app: TestApp;
let operator: Operator;
let verifier: Verifier;
let ada: Party;
let first: StatementKey;
let second: StatementKey;

beforeAll(async () => {
  app = await startTestApp();
  operator = await Operator.of(app.url, app.config.data);
  verifier = new Verifier(await operator.read<LogIdentity>('/v1/log'));
});
beforeEach(async () => {
  ada = await operator.makeParty({ keyed: true });
  first = ada.key!;
  second = newStatementKey();
  await ada.made(`/v1/parties/${ada.id}/keys`, ada.signedWrite(key, ada.possession(second)));
});
afterAll(() => app.close());

const ending = (ended: StatementKey, change: Partial<KeyRevocationBody> = {}): KeyRevocationBody => ({
  fingerprint: ended.keyId as Digest,
  reason: 'compromised',
  successor: null,
  ...change,
});
const address = () => `/v1/parties/${ada.id}/key-revocations`;
const end = (ended: StatementKey, signer: StatementKey, change: Partial<KeyRevocationBody> = {}) =>
  ada.made(address(), ada.signedWrite(keyRevocation, ending(ended, change), [], {}, signer));
const model = (signer: StatementKey) => ada.signedWrite(registration, modelOf(ada.id), [], {}, signer);
/** As anybody reads them, without an API key. */
const keysOf = (id = ada.id) => new Client(app.url).read<PartyView['keys']>(`/v1/parties/${id}/keys`);

describe('a key that has ended', () => {
  it('is shown with the entry that ended it, why, and what goes on in its place', async () => {
    const receipt = await end(first, second, { reason: 'superseded', successor: second.keyId as Digest });
    expect(await verifier.receipt(receipt)).toMatchObject({ common: { maker: ada.id }, fingerprint: second.keyId });
    const { index, statement } = receipt;
    const revoked = { index, statement, reason: 'superseded', successor: second.keyId };
    const keys = await keysOf();
    expect(keys).toEqual([
      expect.objectContaining({ fingerprint: first.keyId, publicKey: first.spki, revoked }),
      expect.objectContaining({ fingerprint: second.keyId, publicKey: second.spki, revoked: null }),
    ]);
    expect(await ada.read(`/v1/parties/${ada.id}`)).toMatchObject({ keys });
    for (const { recordedIndex, statement: registered } of keys) {
      expect((await ada.read<Receipt>(`/v1/receipts/${registered}`)).index).toBe(recordedIndex);
    }
  });

  it('signs nothing more: no statement, no one-time key, no further key; the answer says what to do', async () => {
    await end(first, second);
    const body = { party: ada.id, secretDigest: anyDigest(), label: '', scopes: ['read'], expiresAt: null };
    for (const [path, write, field] of [
      ['/v1/models', model(first), 'signatures.0.keyid'],
      [`/v1/parties/${ada.id}/api-keys`, ada.signedWrite(apiKey, body, [], {}, first), 'signedFor.key'],
      [
        `/v1/parties/${ada.id}/keys`,
        ada.signedWrite(key, ada.possession(newStatementKey()), [], {}, first),
        'signatures.0.keyid',
      ],
      [address(), ada.signedWrite(keyRevocation, ending(second), [], {}, first), 'signatures.0.keyid'],
    ] as const) {
      const { status, body: problem } = await ada.post(path, write);
      expect([path, status, problem]).toEqual([
        path,
        401,
        expect.objectContaining({ code: 'key_revoked', field, fix: expect.stringContaining('in force') }),
      ]);
    }
    expect((await ada.post('/v1/models', model(second))).status).toBe(201);
  });

  it('leaves what it signed before as it was: the record stands, and its receipt verifies offline', async () => {
    const signed = model(first);
    const receipt = await ada.made('/v1/models', signed);
    await end(first, second);
    expect(await verifier.receipt(receipt)).toMatchObject({ fingerprint: first.keyId });
    const upgraded = await ada.read<Receipt>(`/v1/receipts/${receipt.statement}`);
    expect(upgraded.index).toBe(receipt.index);
    expect(await verifier.receipt(upgraded)).toMatchObject({ fingerprint: first.keyId });
    expect(await ada.read(`/v1/models/${receipt.id}`)).toMatchObject({ maker: ada.id });
    const again = await ada.post('/v1/models', signed);
    expect([again.status, again.body.code]).toEqual([409, 'already_recorded']);
  });

  it('gets its receipt again for what it signed before, under the idempotency key of then', async () => {
    const signed = model(first);
    const once = { 'idempotency-key': 'before-the-end' };
    const receipt = await ada.made('/v1/models', signed, once);
    await end(first, second);
    expect((await ada.made('/v1/models', signed, once)).index).toBe(receipt.index);
  });

  it('never comes on record again, whoever brings it', async () => {
    await end(first, second);
    const eve = await operator.makeParty();
    for (const [caller, write] of [
      [ada, ada.signedWrite(key, ada.possession(first), [], {}, second)],
      [eve, eve.possession(first)],
    ] as const) {
      const { status, body } = await caller.post(`/v1/parties/${caller.id}/keys`, write);
      expect([status, body.code]).toEqual([409, 'already_exists']);
    }
  });
});

describe('an end', () => {
  const told = async (caller: Party, write: object, path = address()) => {
    const { status, body } = await caller.post(path, write);
    return [status, body.code as string];
  };

  it('of the last key in force by itself alone is refused, with the way out', async () => {
    await end(second, first, { reason: 'lost' });
    const { status, body } = await ada.post(address(), ada.signedWrite(keyRevocation, ending(first), [], {}, first));
    expect([status, body]).toEqual([
      409,
      expect.objectContaining({ code: 'last_key', fix: expect.stringContaining('Register the successor first') }),
    ]);
    const third = newStatementKey();
    await ada.made(`/v1/parties/${ada.id}/keys`, ada.signedWrite(key, ada.possession(third), [], {}, first));
    await end(first, first, { reason: 'superseded', successor: third.keyId as Digest });
    expect((await keysOf()).filter(({ revoked }) => revoked === null)).toMatchObject([{ fingerprint: third.keyId }]);
  });

  it('is refused from anybody else: a stranger, the registrar, the registry in the name of the party', async () => {
    const eve = await operator.makeParty({ keyed: true });
    const hers = eve.signedWrite(keyRevocation, ending(first));
    expect(await told(eve, hers)).toEqual([403, 'forbidden']);
    expect(await told(eve, hers, `/v1/parties/${eve.id}/key-revocations`)).toEqual([403, 'forbidden']);
    const inHerName = eve.signedWrite(keyRevocation, ending(first), [], { maker: ada.id });
    expect(await told(ada, inHerName)).toEqual([401, 'signature_invalid']);
    expect(await told(ada, ending(first))).toEqual([403, 'signature_required']);
    const { status, body } = await operator.post(address(), ending(first));
    expect([status, body.code]).toEqual([403, 'forbidden']);
    expect((await keysOf()).map(({ revoked }) => revoked)).toEqual([null, null]);
  });

  it('of what is no key of the party, twice, or with a strange reason is refused by name', async () => {
    expect(await told(ada, ada.signedWrite(keyRevocation, ending(newStatementKey())))).toEqual([404, 'not_found']);
    expect(await told(ada, { ...ending(first), reason: 'tired of it' })).toEqual([400, 'invalid_input']);
    await end(first, second);
    const again = ada.signedWrite(keyRevocation, ending(first), [], {}, second);
    expect(await told(ada, again)).toEqual([409, 'state_conflict']);
  });

  it("of the key that introduces the log is refused; a further key of the registry's own ends", async () => {
    const { registryParty, origin } = await operator.read<LogIdentity>('/v1/log');
    const [own] = await keysOf(registryParty);
    const at = `/v1/parties/${registryParty}/key-revocations`;
    const body = { fingerprint: own!.fingerprint, reason: 'lost', successor: null };
    const refused = await operator.post(at, body);
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
    expect(refused.body.fix).toContain('new-log');

    const further = newStatementKey();
    const registry = new Party(app.url, operator.apiKey, registryParty, own!.statement, origin);
    await operator.made(`/v1/parties/${registryParty}/keys`, registry.possession(further));
    await operator.made(at, { ...body, fingerprint: further.keyId });
    expect((await keysOf(registryParty)).map(({ revoked }) => revoked?.reason)).toEqual([undefined, 'lost']);
  });

  it('is recorded once under one idempotency key', async () => {
    const signed = ada.signedWrite(keyRevocation, ending(first), [], { id: newId('keyrevocation') }, second);
    const once = { 'idempotency-key': 'end-once' };
    const receipt = await ada.made(address(), signed, once);
    expect((await ada.made(address(), signed, once)).index).toBe(receipt.index);
    expect(Buffer.from(fromBase64(receipt.envelope.payload)).toString('utf8')).toContain('"reason":"compromised"');
  });
});
