/** The keys of license tokens over their whole life: published, in use, superseded, retired. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { parseStatement } from '../../src/core/statement/statement.ts';
import { KINDS } from '../../src/core/registry/index.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import { toJwk, verifyLicenseToken } from '../../src/tokens/license-token/index.ts';
import { TokenKeys } from '../../src/tokens/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { query } from '../support/postgres.ts';
import type { Party } from './tokens.fixture.ts';
import { answer, makeParty, registrarOf } from './tokens.fixture.ts';

const ISSUER = 'https://registry.example/muniment';

jest.setTimeout(30_000);

let app: TestApp;
let registrar: Party;
let licensee: Party;
let given: Receipt;
beforeAll(async () => {
  app = await startTestApp({
    env: {
      MUNIMENT_PUBLIC_URL: ISSUER,
      MUNIMENT_TOKEN_KEY_LEAD_SECONDS: '2',
      MUNIMENT_TOKEN_MAX_LIFETIME_SECONDS: '3',
    },
  });
  registrar = await registrarOf(app);
  const owner = await makeParty(registrar);
  licensee = await makeParty(registrar);
  given = await owner.grant((await owner.registerModel()).id, licensee);
});
afterAll(() => app.close());

const jwks = async () => (await answer(app, '/.well-known/jwks.json')).body as { keys: { kid: string }[] };
const kids = async () => (await jwks()).keys.map(({ kid }) => kid);
const issue = async () => {
  const { access_token: token } = (await licensee.token(given.id)).body as { access_token: string };
  return { token, kid: (JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { kid: string }).kid };
};
const verify = async (token: string, set: object) =>
  verifyLicenseToken(token, { jwks: set, issuer: ISSUER, audience: ISSUER, now: Date.now(), maxLifetime: 3 });
const introspect = async (token: string) => (await licensee.form('/oauth/introspect', { token })).body as object;
const ended = (kid: string, body = { reason: 'leaked' }) =>
  registrar.call('POST', `/v1/token-keys/${kid}/retire`, body);

it('publishes public halves only, under their thumbprints, for a cache that ends before a new key signs', async () => {
  const { headers, body } = await answer(app, '/.well-known/jwks.json');
  expect(headers.get('cache-control')).toBe('public, max-age=1');
  expect(body.keys).toHaveLength(1);
  const [{ spki }] = (await query<{ spki: string }>(
    app.database.superuserUrl,
    'SELECT spki FROM registry.token_key',
  )) as [{ spki: string }];
  expect(body.keys[0]).toEqual(await toJwk(Buffer.from(spki, 'base64')));
});

it('takes the issuer from the settings', async () => {
  const { token } = await issue();
  expect((await verify(token, await jwks())).claims).toMatchObject({ iss: ISSUER, aud: ISSUER });
  expect((await answer(app, '/.well-known/oauth-authorization-server')).body).toMatchObject({
    issuer: ISSUER,
    token_endpoint: `${ISSUER}/oauth/token`,
  });
});

it('publishes the next key before it signs, and keeps the old one until its last token is over', async () => {
  const [old] = await kids();
  const receipt = await registrar.ok('POST', '/v1/token-keys', {});
  const { form, body } = parseStatement(sha256, KINDS, Buffer.from(receipt.envelope.payload, 'base64'));
  const { kid: next, notBefore } = body as { kid: string; notBefore: string };
  expect(form.kind).toBe('token-key');

  const cached = await jwks();
  expect(cached.keys.map(({ kid }) => kid)).toEqual([old, next]);
  const before = await issue();
  expect(before.kid).toBe(old);

  await sleep(Date.parse(notBefore) - Date.now() + 1100);
  const after = await issue();
  expect(after.kid).toBe(next);
  // Whoever fetched the set before the change knows both.
  await verify(after.token, cached);
  expect(await introspect(after.token)).toMatchObject({ active: true });
  expect(await kids()).toEqual([old, next]);

  await sleep(Date.parse(notBefore) + 3000 - Date.now() + 1100);
  expect(await kids()).toEqual([next]);
});

it('ends every token of a key that leaked, and goes on with another', async () => {
  const [leaked] = await kids();
  const { token } = await issue();
  expect((await ended(leaked!)).body).toMatchObject({ code: 'state_conflict', field: 'kid' });
  await registrar.ok('POST', '/v1/token-keys', { immediately: true });
  expect((await ended(leaked!)).status).toBe(201);
  expect((await ended(leaked!)).body).toMatchObject({ code: 'state_conflict' });
  expect(await introspect(token)).toEqual({ active: false });
  expect(await kids()).not.toContain(leaked);
  await expect(verify(token, await jwks())).rejects.toMatchObject({ code: 'token_key_unknown' });
  const again = await issue();
  expect(again.kid).not.toBe(leaked);
  expect(await introspect(again.token)).toMatchObject({ active: true });
});

it('signs its status lists with another key at once when one leaked', async () => {
  await issue();
  const signedBy = async () => {
    const list = await (await fetch(`${app.url}/statuslists/0`)).text();
    return (JSON.parse(Buffer.from(list.split('.')[0]!, 'base64url').toString()) as { kid: string }).kid;
  };
  const leaked = await signedBy();
  await registrar.ok('POST', '/v1/token-keys', { immediately: true });
  expect((await ended(leaked)).status).toBe(201);
  expect(await kids()).toContain(await signedBy());
});

it('keeps every public key in the log, and no private one outside its seal', async () => {
  const recorded = await query<{ kid: string }>(app.database.superuserUrl, 'SELECT kid FROM registry.token_key');
  const statements = await query<{ payload: Buffer }>(
    app.database.superuserUrl,
    `SELECT payload FROM ledger.statement WHERE kind = 'token-key'`,
  );
  expect(statements).toHaveLength(recorded.length);
  for (const { kid } of recorded) expect(statements.some(({ payload }) => payload.includes(kid))).toBe(true);
  const sealed = await query<{ sealed: Buffer }>(
    app.database.superuserUrl,
    `SELECT sealed FROM ops.sealed_key WHERE name LIKE 'token/%'`,
  );
  expect(sealed).toHaveLength(recorded.length);
  for (const { sealed: bytes } of sealed) expect(bytes.includes(Buffer.from('2a8648ce3d0201', 'hex'))).toBe(false);
});

it('makes one first key however many processes start, and signs with it after a restart', async () => {
  const [first, ...others] = await Promise.all([
    startTestApp({ beside: app, env: { MUNIMENT_PUBLIC_URL: ISSUER } }),
    startTestApp({ beside: app, env: { MUNIMENT_PUBLIC_URL: ISSUER } }),
  ]);
  try {
    const body = new URLSearchParams({ grant_type: 'client_credentials', grant_id: given.id });
    const there = await answer(first, '/oauth/token', { method: 'POST', headers: licensee.basic(), body });
    expect(there.status).toBe(200);
    expect(await kids()).toEqual(
      (await answer(first, '/.well-known/jwks.json')).body.keys.map((key: { kid: string }) => key.kid),
    );
  } finally {
    for (const one of [first, ...others]) await one.close();
  }
});

it('lets the registrar alone make and retire keys', async () => {
  const [kid] = await kids();
  expect((await licensee.call('POST', '/v1/token-keys', {})).body).toMatchObject({ code: 'forbidden' });
  expect((await licensee.call('POST', `/v1/token-keys/${kid}/retire`, { reason: '' })).body).toMatchObject({
    code: 'forbidden',
  });
  expect((await ended('A'.repeat(43))).body).toMatchObject({ code: 'not_found', field: 'kid' });
});

it('makes the next key by itself when the one that signs is old enough, once for all replicas', async () => {
  const before = await kids();
  await query(
    app.database.superuserUrl,
    `UPDATE registry.token_key SET not_before = to_char(now() AT TIME ZONE 'UTC' - interval '91 days', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
     WHERE retired_index IS NULL`,
  );
  const beside = await startTestApp({ beside: app, env: { MUNIMENT_PUBLIC_URL: ISSUER } });
  await Promise.all([app, beside].map((each) => each.app.nest.get(TokenKeys).rotateWhenDue()));
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const made = (await kids()).filter((kid) => !before.includes(kid));
  expect(made).toHaveLength(1);
  await beside.close();
});
