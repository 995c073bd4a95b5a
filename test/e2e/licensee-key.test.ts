/** A licensee that changed its key: the one by which it signs, and the one to which its tokens and seats are bound. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Digest } from '../../src/core/digest.ts';
import { grantAct, key, keyRevocation } from '../../src/core/registry/index.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { newStatementKey } from '../../src/platform/crypto.ts';
import type { StatementKey } from '../../src/platform/crypto.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyDigest, modelOf } from '../support/bodies.ts';
import type { Party } from '../support/client.ts';
import { Operator } from '../support/client.ts';
import { Holder, Party as OAuthClient } from './tokens.fixture.ts';

let app: TestApp;
let owner: Party;
let licensee: Party;
/** The same, as it asks for tokens */
let client: OAuthClient;
let model: string;
/** By which it signs now */
let signer: StatementKey;

beforeAll(async () => {
  app = await startTestApp();
  const operator = await Operator.of(app.url, app.config.data);
  [owner, licensee] = [await operator.makeParty(), await operator.makeParty({ keyed: true })];
  client = new OAuthClient(app, licensee.id, licensee.apiKey);
  signer = licensee.key!;
  model = (await owner.made<{ id: string }>('/v1/models', modelOf(owner.id))).id;
});
afterAll(() => app.close());

const offer = () =>
  owner.made<Receipt & { id: string }>('/v1/grants', {
    ...{ registration: model, licensee: licensee.id, actions: ['infer'], sublicensing: false },
    constraints: { commercial: true, territory: null, fieldOfUse: null, maxCalls: null, seats: 1 },
    ...{ termsDigest: anyDigest(), notBefore: '2026-01-01T00:00:00.000Z', expiresAt: null },
    acceptBy: '2999-01-01T00:00:00.000Z',
  });
const accepting = ({ id, statement }: Receipt & { id: string }, signer: StatementKey) =>
  licensee.post(
    `/v1/grants/${id}/acts`,
    licensee.signedWrite(
      grantAct,
      {
        ...{ grant: id, licensor: owner.id, licensee: licensee.id },
        ...{ act: 'accept' as const, reason: '', effectiveAt: null },
      },
      [statement],
      {},
      signer,
    ),
  );
const active = async (token: string) => {
  const { body } = await client.form('/oauth/introspect', { token });
  return (body as unknown as { active: boolean }).active;
};

it('accepts by the new key alone, and what it accepted by the old one stays: a licensee that changed its key', async () => {
  const [first, second] = [signer, newStatementKey()];
  const [before, after] = [await offer(), await offer()];
  expect((await accepting(before, first)).status).toBe(201);
  const { access_token } = (await client.token(before.id)).body;

  await licensee.made(`/v1/parties/${licensee.id}/keys`, licensee.signedWrite(key, licensee.possession(second)));
  const ending = { fingerprint: first.keyId as Digest, reason: 'compromised' as const, successor: null };
  await licensee.made(
    `/v1/parties/${licensee.id}/key-revocations`,
    licensee.signedWrite(keyRevocation, ending, [], {}, second),
  );

  signer = second;
  const stolen = await accepting(after, first);
  expect([stolen.status, stolen.body.code]).toEqual([401, 'key_revoked']);
  expect((await client.token(after.id)).body).toMatchObject({ code: 'state_conflict' });
  expect((await accepting(after, second)).status).toBe(201);
  for (const { id } of [before, after]) expect((await client.token(id)).status).toBe(200);
  expect(await active(access_token)).toBe(true);
});

it('uses a bound token and a seat by the key that they are bound to, not by its next one', async () => {
  const offered = await offer();
  const { id } = offered;
  expect((await accepting(offered, signer)).status).toBe(201);
  const [old, next] = [await Holder.make(), await Holder.make()];
  const bound = async (holder: Holder) => {
    const dpop = await holder.proof({ htm: 'POST', htu: `${app.url}/oauth/token` });
    return (await client.token(id, {}, { ...client.basic(), dpop })).body.access_token;
  };
  const token = await bound(old);
  const seats = `/v1/grants/${id}/seats`;
  const sit = async (holder: Holder, body: object = {}) =>
    client.call('POST', seats, body, { dpop: await holder.proof({ htm: 'POST', htu: app.url + seats }) });
  expect((await sit(old, { token })).status).toBe(200);
  // Neither takes the place of the other while the seat is held.
  expect((await sit(next, { token })).body).toMatchObject({ code: 'dpop_proof_invalid', field: 'cnf' });
  expect((await sit(next)).body).toMatchObject({ code: 'seats_exhausted' });
  const seat = `${seats}/${old.thumbprint}`;
  const dpop = await old.proof({ htm: 'DELETE', htu: app.url + seat });
  expect((await client.call('DELETE', seat, undefined, { dpop })).status).toBe(204);
  expect((await sit(next, { token: await bound(next) })).status).toBe(200);
});
