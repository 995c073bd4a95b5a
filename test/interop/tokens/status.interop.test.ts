/**
 * Strangers' programs against a running registry: npm's jose verifies a token and its status list through the JWKS,
 * @sd-jwt/jwt-status-list reads what the list says, openid-client finds the endpoints, gets, asks about and ends a token,
 * and fetches weights by one.
 */
import { getListFromStatusListJWT, getStatusListFromJWT } from '@sd-jwt/jwt-status-list';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oauth from 'openid-client';
import { startTestApp } from '../../support/app.ts';
import type { TestApp } from '../../support/app.ts';
import type { Party } from '../../e2e/tokens.fixture.ts';
import { makeParty, registrarOf } from '../../e2e/tokens.fixture.ts';

jest.setTimeout(60_000);

const AUDIENCE = 'https://inference.example';

let app: TestApp;
let owner: Party;
let licensee: Party;
let grant: string;

beforeAll(async () => {
  app = await startTestApp();
  const registrar = await registrarOf(app);
  [owner, licensee] = [await makeParty(registrar), await makeParty(registrar)];
  grant = (await owner.grant((await owner.registerModel()).id, licensee)).id;
});
afterAll(() => app.close());

const discovered = (client: Party, authentication?: oauth.ClientAuth) =>
  oauth.discovery(
    new URL(app.url),
    client.clientId,
    undefined,
    authentication ?? oauth.ClientSecretPost(client.apiKey),
    {
      algorithm: 'oauth2',
      execute: [oauth.allowInsecureRequests],
    },
  );

const keys = () => createRemoteJWKSet(new URL(`${app.url}/.well-known/jwks.json`));

/** As a verifier does it that knows nothing of us but the draft. */
async function statusOf(token: string): Promise<number> {
  const { idx, uri } = getStatusListFromJWT(token);
  const response = await fetch(uri, { headers: { accept: 'application/statuslist+jwt' } });
  const list = await response.text();
  const { payload } = await jwtVerify(list, keys(), { typ: 'statuslist+jwt', algorithms: ['ES256'], subject: uri });
  expect(payload.exp! - payload.iat!).toBeGreaterThan(0);
  return getListFromStatusListJWT(list).getStatus(idx);
}

describe('openid-client', () => {
  test.each([
    ['in the form', (key: string) => oauth.ClientSecretPost(key)],
    ['by HTTP Basic', (key: string) => oauth.ClientSecretBasic(key)],
  ])('with its secret %s gets a token, asks about it and ends it', async (_, authentication) => {
    const config = await discovered(licensee, authentication(licensee.apiKey));
    const issued = await oauth.clientCredentialsGrant(config, { grant_id: grant, audience: AUDIENCE, scope: 'infer' });
    expect(issued).toMatchObject({ token_type: 'bearer', scope: 'infer', expires_in: 3600 });
    const { payload } = await jwtVerify(issued.access_token, keys(), {
      ...{ typ: 'model-license+jwt', algorithms: ['ES256'], issuer: app.url, audience: AUDIENCE },
    });
    expect(payload).toMatchObject({ sub: licensee.id, grant_id: grant });
    expect(await oauth.tokenIntrospection(config, issued.access_token)).toMatchObject({
      active: true,
      jti: payload.jti,
    });
    await oauth.tokenRevocation(config, issued.access_token);
    expect(await oauth.tokenIntrospection(config, issued.access_token)).toEqual({ active: false });
  });

  test('binds a token to a key of its own (DPoP)', async () => {
    const config = await discovered(licensee);
    const handle = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair('ES256'));
    const issued = await oauth.clientCredentialsGrant(config, { grant_id: grant }, { DPoP: handle });
    expect(issued.token_type).toBe('dpop');
    const told = await oauth.tokenIntrospection(config, issued.access_token);
    expect(told).toMatchObject({ active: true, cnf: { jkt: await handle.calculateThumbprint() } });
  });

  test('fetches weights with a token that is bound to its key, and with one that is not', async () => {
    const file = Buffer.from('some weights of a model');
    const model = await owner.keepModel(file);
    const { id: own } = await owner.grant(model, licensee);
    const config = await discovered(licensee);
    const DPoP = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair('ES256'));
    const url = new URL(`${app.url}/v1/models/${model}/artifact?part=1`);
    for (const options of [{ DPoP }, {}]) {
      const { access_token } = await oauth.clientCredentialsGrant(config, { grant_id: own }, options);
      const range = new Headers({ range: 'bytes=5-' });
      const got = await oauth.fetchProtectedResource(config, access_token, url, 'GET', null, range, options);
      expect([got.status, await got.text()]).toEqual([206, 'weights of a model']);
    }
    const { access_token: bound } = await oauth.clientCredentialsGrant(config, { grant_id: own }, { DPoP });
    const thief = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair('ES256'));
    await expect(
      oauth.fetchProtectedResource(config, bound, url, 'GET', null, undefined, { DPoP: thief }),
    ).rejects.toMatchObject({ status: 401 });
  });

  test('is told by the names of the RFC what was wrong', async () => {
    const wrong = await discovered(licensee, oauth.ClientSecretPost(owner.apiKey));
    await expect(oauth.clientCredentialsGrant(wrong, { grant_id: grant })).rejects.toMatchObject({
      error: 'invalid_client',
    });
    const config = await discovered(licensee);
    await expect(oauth.clientCredentialsGrant(config, { grant_id: grant, scope: 'distill' })).rejects.toMatchObject({
      error: 'invalid_scope',
    });
  });
});

describe('@sd-jwt/jwt-status-list', () => {
  test('reads of a token whether it counts, as the registry says', async () => {
    const issue = async (of = grant) => (await licensee.token(of)).body;
    const [good, leaked] = [await issue(), await issue()];
    await owner.ok('POST', `/v1/tokens/${leaked.jti}/revoke`, {});
    const { id: late } = await owner.grant((await owner.registerModel()).id, licensee);
    const unpaid = await issue(late);
    await owner.act(late, 'suspend');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await Promise.all([good, leaked, unpaid].map(({ access_token }) => statusOf(access_token)))).toEqual([
      0, 1, 2,
    ]);
  });

  test('reads no list that was altered on the way: the signature is wrong', async () => {
    const { access_token } = (await licensee.token(grant)).body;
    const { uri } = getStatusListFromJWT(access_token);
    const [header, payload, signature] = (await (await fetch(uri)).text()).split('.');
    const altered = [header, payload!.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')), signature].join('.');
    await expect(jwtVerify(altered, keys(), { typ: 'statuslist+jwt' })).rejects.toThrow();
  });
});
