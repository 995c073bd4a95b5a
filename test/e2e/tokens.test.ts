/** The life of a license token over HTTP: issued under a grant, verified without the registry, introspected, ended. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import request from 'supertest';
import { claimsDigest } from '../../src/core/licensing/token-claims.ts';
import { revocation } from '../../src/core/registry/index.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { newId, sha256 } from '../../src/platform/crypto.ts';
import { TokenKeys } from '../../src/tokens/index.ts';
import { signLicenseToken, verifyLicenseToken } from '../../src/tokens/license-token/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { query } from '../support/postgres.ts';
import { forge } from '../unit/tokens/fixture.ts';
import type { Party } from './tokens.fixture.ts';
import { answer, anyDigest, makeParty, registrarOf, withKey } from './tokens.fixture.ts';

const AUDIENCE = 'https://inference.example';

let app: TestApp;
let registrar: Party;
let owner: Party;
let licensee: Party;
let stranger: Party;
let model: Receipt;
let given: Receipt;
beforeAll(async () => {
  app = await startTestApp({ env: { MUNIMENT_TOKEN_MAX_LIFETIME_SECONDS: '7200' } });
  registrar = await registrarOf(app);
  [owner, licensee, stranger] = [await makeParty(registrar), await makeParty(registrar), await makeParty(registrar)];
  model = await owner.registerModel();
});
beforeEach(async () => {
  given = await owner.grant(model.id, licensee);
});
afterAll(() => app.close());

const jwks = async () => (await answer(app, '/.well-known/jwks.json')).body as { keys: unknown[] };
const verify = async (token: string, changed = {}) =>
  verifyLicenseToken(token, {
    jwks: await jwks(),
    issuer: app.url,
    audience: AUDIENCE,
    now: Date.now(),
    maxLifetime: 7200,
    ...changed,
  });
async function issue(fields: Record<string, string> = {}): Promise<{ access_token: string; jti: string }> {
  const { status, body } = await licensee.token(given.id, { audience: AUDIENCE, ...fields });
  expect([status, body.error_description]).toEqual([200, undefined]);
  return body;
}
const introspect = async (by: Party, token: string) => (await by.form('/oauth/introspect', { token })).body as object;

describe('a license token', () => {
  it('is issued under a grant, verifies offline, is active, and is not after its revocation', async () => {
    const { status, headers, body } = await licensee.token(given.id, { audience: AUDIENCE, scope: 'infer' });
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'infer' });

    const { claims } = await verify(body.access_token);
    const view = await owner.ok<{ termsDigest: string; weights: object }>('GET', `/v1/grants/${given.id}`);
    const registered = await owner.ok<{ weights: { weightDigest: string } }>('GET', `/v1/models/${model.id}`);
    expect(claims).toMatchObject({
      iss: app.url,
      sub: licensee.id,
      aud: AUDIENCE,
      jti: body.jti,
      client_id: licensee.clientId,
      license_id: model.id,
      grant_id: given.id,
      terms_hash: view.termsDigest,
      authorization_details: [
        {
          type: 'model_license',
          model: { id: model.id, weight_digest: registered.weights.weightDigest },
          actions: ['infer'],
          constraints: { territory: ['DE', 'FR'], commercial: true, max_calls: 1000, field_of_use: null },
        },
      ],
      prov: { index: given.index },
    });
    expect(claims.prov.tree_size).toBeGreaterThan(given.index);
    expect(claims.exp - claims.iat).toBe(3600);
    for (const side of [owner, licensee, registrar]) {
      expect(await introspect(side, body.access_token)).toEqual({
        active: true,
        token_type: 'Bearer',
        scope: 'infer',
        disputed: false,
        ...claims,
      });
    }

    const ended = await owner.ok('POST', `/v1/tokens/${body.jti}/revoke`, { reason: 'leaked' });
    expect(ended.kind).toBe('revocation');
    expect(await introspect(owner, body.access_token)).toEqual({ active: false });
    expect(await licensee.ok('GET', `/v1/tokens/${body.jti}`)).toMatchObject({
      state: 'revoked',
      revocation: ended.statement,
    });
    // Offline, the token stays what it was signed as; that is why it is short-lived.
    await verify(body.access_token);
  });

  it('names a tree head that the log really had', async () => {
    const { claims } = await verify((await issue()).access_token);
    const log = (await answer(app, '/v1/log')).body;
    expect(claims.prov.origin).toBe(log.origin);
    const [row] = await query<{ root: string }>(
      app.database.superuserUrl,
      `SELECT 'sha256:' || encode(root, 'hex') AS root FROM ledger.checkpoint WHERE size = $1`,
      [claims.prov.tree_size],
    );
    expect(row!.root).toBe(claims.prov.root_hash);
  });

  it('is meant for the registry itself when no audience is asked for, with all actions of the grant', async () => {
    const { body } = await licensee.token(given.id);
    expect(body.scope).toBe('infer host');
    expect((await verify(body.access_token, { audience: app.url })).claims.aud).toBe(app.url);
    await expect(verify(body.access_token)).rejects.toMatchObject({ code: 'token_wrong_audience' });
  });

  it('names the duties that flow down to the model for its actions, or none where not all are known', async () => {
    const dutiesOf = async (registration: string, scope: string) => {
      const { id } = await owner.grant(registration, licensee, { actions: ['infer', 'host', 'redistribute'] });
      const { claims } = await verify((await licensee.token(id, { audience: AUDIENCE, scope })).body.access_token);
      return claims.authorization_details[0]!.obligations;
    };
    const ofApache = await dutiesOf(model.id, 'redistribute');
    expect(ofApache).toContainEqual({ license: 'Apache-2.0', rule: expect.any(String), clause: expect.any(String) });
    expect(await dutiesOf(model.id, 'infer')).toEqual([]);
    const { id: ofUnknown } = await owner.ok('POST', '/v1/models', {
      name: 'made from something that nobody registered',
      weights: {
        ...{ fileDigest: anyDigest(), weightDigest: null, namelessDigest: null, container: 'opaque' },
        ...{ bytes: 10, tensors: null, parameters: null },
      },
      owners: [{ party: owner.id, share: '1/1' }],
      license: { expression: 'Apache-2.0', textDigest: null },
      ...{ run: null, datasets: [], parents: [{ digest: anyDigest(), relation: 'fine-tuned-from' }] },
    });
    expect(await dutiesOf(ofUnknown, 'redistribute')).toBeUndefined();
  });

  it('is on disk before it is in the client’s hands', async () => {
    const { access_token, jti } = await issue();
    const { claims, header } = await verify(access_token);
    const [row] = await query(app.database.superuserUrl, 'SELECT * FROM registry.token_issuance WHERE jti = $1', [jti]);
    expect(row).toMatchObject({
      grant_id: given.id,
      licensee: licensee.id,
      kid: header.kid,
      claims_digest: claimsDigest(sha256, claims),
      issued_at: String(claims.iat),
      expires_at: String(claims.exp),
      batch_id: null,
    });
  });

  it('expires', async () => {
    const { access_token, jti } = await issue({ lifetime_seconds: '1' });
    await sleep(1100);
    await expect(verify(access_token)).rejects.toMatchObject({ code: 'token_expired' });
    expect(await introspect(owner, access_token)).toEqual({ active: false });
    expect(await owner.ok('GET', `/v1/tokens/${jti}`)).toMatchObject({ state: 'expired' });
  });

  it('ends with its grant, and so do all others under it', async () => {
    const tokens = [await issue(), await issue()];
    await owner.act(given.id, 'terminate', { reason: 'over' });
    for (const { access_token, jti } of tokens) {
      expect(await introspect(owner, access_token)).toEqual({ active: false });
      expect(await owner.ok('GET', `/v1/tokens/${jti}`)).toMatchObject({ state: 'revoked', revocation: null });
    }
    expect((await licensee.token(given.id)).body).toMatchObject({ error: 'invalid_grant', code: 'state_conflict' });
  });

  it('comes from a hundred requests at once, each its own', async () => {
    const tokens = await Promise.all(Array.from({ length: 100 }, () => issue()));
    expect(new Set(tokens.map(({ jti }) => jti)).size).toBe(100);
  });

  it('is refused by introspection when it is signed with the registry’s own key but was never issued', async () => {
    const signer = await app.app.nest.get(TokenKeys).signer();
    const { claims } = await verify((await issue()).access_token);
    const stolen = signLicenseToken({ ...claims, jti: newId('token') }, signer);
    await verify(stolen);
    expect(await introspect(owner, stolen)).toEqual({ active: false });
    const widened = signLicenseToken({ ...claims, exp: claims.exp + 60 }, signer);
    expect(await introspect(owner, widened)).toEqual({ active: false });
  });
});

describe('asking for a token', () => {
  const asked = (fields: Record<string, string>) =>
    licensee.form('/oauth/token', { grant_type: 'client_credentials', ...fields });

  it('takes the client’s secret by HTTP Basic or as form fields, not both', async () => {
    const fields = { grant_type: 'client_credentials', grant_id: given.id };
    const credentials = { client_id: licensee.clientId, client_secret: licensee.apiKey };
    expect((await licensee.form('/oauth/token', fields)).status).toBe(200);
    expect((await licensee.form('/oauth/token', { ...fields, ...credentials }, {})).status).toBe(200);
    expect((await licensee.form('/oauth/token', { ...fields, ...credentials })).body).toMatchObject({
      error: 'invalid_request',
    });
  });

  it('refuses a client that is unknown, wrong, expired or revoked with one and the same answer', async () => {
    const late = await withKey(registrar, licensee.id, ['tokens:issue'], new Date(Date.now() + 1000).toISOString());
    const ended = await withKey(registrar, licensee.id);
    await ended.ok('POST', `/v1/api-keys/${ended.clientId}/revoke`, { reason: '' });
    await sleep(1100);
    const fields = { grant_type: 'client_credentials', grant_id: given.id };
    const wrong = `${licensee.apiKey.slice(0, -1)}${licensee.apiKey.endsWith('0') ? '1' : '0'}`;
    const answers = await Promise.all([
      licensee.form('/oauth/token', fields, {}),
      licensee.form('/oauth/token', fields, licensee.basic(licensee.clientId, wrong)),
      licensee.form('/oauth/token', fields, licensee.basic(stranger.clientId)),
      licensee.form('/oauth/token', fields, licensee.basic("apikey_' OR 1=1 --")),
      licensee.form('/oauth/token', fields, { authorization: 'Basic !!!' }),
      licensee.form('/oauth/token', fields, { authorization: `Bearer ${licensee.apiKey}` }),
      licensee.form('/oauth/token', { ...fields, client_id: stranger.clientId }),
      licensee.form('/oauth/token', { ...fields, client_id: licensee.clientId }, {}),
      late.form('/oauth/token', fields),
      ended.form('/oauth/token', fields),
    ]);
    for (const { status, body, headers } of answers) {
      expect([status, body.error, body.code]).toEqual([401, 'invalid_client', 'unauthenticated']);
      expect(headers.get('content-type')).toContain('application/json');
      expect(headers.get('cache-control')).toBe('no-store');
    }
    expect(answers[1].headers.get('www-authenticate')).toContain('Basic');
    expect(answers[0].headers.get('www-authenticate')).toBeNull();
  });

  it.each<[string, Record<string, string>, string]>([
    ['a grant type that is not served', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['an action that nobody knows', { scope: 'infer everything' }, 'invalid_scope'],
    ['an action that the grant does not allow', { scope: 'distill' }, 'invalid_scope'],
    ['an audience with a blank', { audience: 'a b' }, 'invalid_target'],
    ['a lifetime that is no number', { lifetime_seconds: '1h' }, 'invalid_request'],
    ['a negative lifetime', { lifetime_seconds: '-1' }, 'invalid_request'],
    ['a lifetime beyond the policy', { lifetime_seconds: '7201' }, 'invalid_request'],
    ['a grant that is not there', { grant_id: newId('grant') }, 'invalid_grant'],
    ['a grant named by an injection', { grant_id: "' OR 1=1 --" }, 'invalid_grant'],
    ['no grant', { grant_id: '' }, 'invalid_request'],
  ])('refuses %s', async (_, fields, error) => {
    const { status, body } = await asked({ grant_id: given.id, ...fields });
    expect([status, body.error]).toEqual([400, error]);
    expect(body).toMatchObject({ error_description: expect.any(String), code: expect.any(String) });
  });

  it('answers for another’s grant exactly as for one that is not there', async () => {
    const missing = newId('grant');
    const [foreign, absent] = [await stranger.token(given.id), await stranger.token(missing)];
    expect([foreign.status, foreign.body.error, foreign.body.code]).toEqual([400, 'invalid_grant', 'not_found']);
    expect(foreign.body.error_description.replace(given.id, missing)).toBe(absent.body.error_description);
    expect((await owner.token(given.id)).body).toMatchObject({ error: 'invalid_grant' });
  });

  it('needs the scope for it', async () => {
    const reading = await withKey(registrar, licensee.id, ['read']);
    expect((await reading.token(given.id)).body).toMatchObject({ error: 'unauthorized_client', code: 'scope_missing' });
  });

  it('refuses a term that is over or ahead, and never goes past its end', async () => {
    const ends = new Date(Date.now() + 60_000).toISOString();
    const soon = await owner.grant(model.id, licensee, { expiresAt: ends });
    const { body } = await licensee.token(soon.id);
    expect(body.expires_in).toBeLessThanOrEqual(60);
    expect((await licensee.token(soon.id, { lifetime_seconds: '120' })).body).toMatchObject({
      error: 'invalid_request',
      field: 'lifetime_seconds',
    });
    const over = await owner.grant(model.id, licensee, { expiresAt: '2026-01-02T00:00:00.000Z' });
    const ahead = await owner.grant(model.id, licensee, { notBefore: '2126-01-01T00:00:00.000Z' });
    for (const { id } of [over, ahead])
      expect((await licensee.token(id)).body).toMatchObject({ error: 'invalid_grant' });
  });

  it('refuses JSON, a field that comes twice and a body of another type in the shape of OAuth', async () => {
    const headers = licensee.basic();
    const post = (type: string, body: string) =>
      answer(app, '/oauth/token', { method: 'POST', headers: { ...headers, 'content-type': type }, body });
    const json = await post(
      'application/json',
      JSON.stringify({ grant_type: 'client_credentials', grant_id: given.id }),
    );
    expect([json.status, json.body.error, json.body.code]).toEqual([415, 'invalid_request', 'unsupported_media_type']);
    const twice = `grant_type=client_credentials&grant_id=${given.id}&grant_id=${given.id}`;
    const doubled = await post('application/x-www-form-urlencoded', twice);
    expect([doubled.status, doubled.body.error]).toEqual([400, 'invalid_request']);
    expect((await post('text/plain', 'x')).body).toMatchObject({ error: 'invalid_request' });
  });

  it('takes no notice of what a request says about the host when it names the issuer', async () => {
    const { headers, body } = await request(app.http)
      .get('/.well-known/oauth-authorization-server')
      .set({ host: 'evil.example', 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' })
      .expect(200);
    expect(headers['cache-control']).toContain('max-age');
    expect(body).toMatchObject({
      issuer: app.url,
      token_endpoint: `${app.url}/oauth/token`,
      jwks_uri: `${app.url}/.well-known/jwks.json`,
      grant_types_supported: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    });
  });

  it('leaves neither secret nor token in the log', async () => {
    const { access_token } = await issue();
    await introspect(owner, access_token);
    const text = JSON.stringify(app.logged);
    for (const secret of [access_token, licensee.apiKey, licensee.apiKey.split('_')[2]!])
      expect(text).not.toContain(secret);
  });
});

describe('introspection', () => {
  it('answers whoever presents the genuine token, as the server that is shown it has to know', async () => {
    const { access_token, jti } = await issue();
    expect(await introspect(stranger, access_token)).toMatchObject({ active: true, jti });
    expect((await stranger.call('GET', `/v1/tokens/${jti}`)).status).toBe(404);
    await owner.ok('POST', `/v1/tokens/${jti}/revoke`, { reason: 'leaked' });
    expect(await introspect(stranger, access_token)).toEqual({ active: false });
  });

  it('tells the same of any text that is no token of this registry', async () => {
    const { access_token } = await issue();
    const [header, payload, signature] = access_token.split('.') as [string, string, string];
    const none = Buffer.from('{"alg":"none","typ":"model-license+jwt"}').toString('base64url');
    const texts = [
      'x',
      'a.b.c',
      `${header}.${payload}.`,
      `${none}.${payload}.${signature}`,
      `${access_token}x`,
      'y'.repeat(9000),
    ];
    for (const by of [owner, stranger])
      for (const text of texts) expect(await introspect(by, text)).toEqual({ active: false });
  });

  it('takes an API key as a bearer token, and asks who is there without one', async () => {
    const { access_token: token } = await issue();
    const bearer = await owner.form('/oauth/introspect', { token }, { authorization: `Bearer ${owner.apiKey}` });
    expect(bearer.body).toMatchObject({ active: true });
    expect((await owner.form('/oauth/introspect', { token }, {})).body).toMatchObject({ error: 'invalid_client' });
    const issuing = await withKey(registrar, owner.id, ['tokens:issue']);
    expect((await issuing.form('/oauth/introspect', { token })).body).toMatchObject({ error: 'unauthorized_client' });
    expect((await owner.form('/oauth/introspect', {})).body).toMatchObject({ error: 'invalid_request' });
  });
});

describe('revocation', () => {
  it('by the client that presents the token is recorded in the registry’s name, also for a party that signs itself', async () => {
    const keyed = await makeParty(registrar);
    const own = await owner.grant(model.id, keyed);
    await keyed.takeKey();
    const { body } = await keyed.token(own.id);
    const ended = await keyed.form('/oauth/revoke', { token: body.access_token, token_type_hint: 'access_token' });
    expect([ended.status, ended.body]).toEqual([200, undefined]);
    expect(await introspect(keyed, body.access_token)).toEqual({ active: false });
    const { revocation: statement } = await owner.ok<{ revocation: string }>('GET', `/v1/tokens/${body.jti}`);
    for (const side of [owner, keyed]) {
      const { envelope } = await side.ok('GET', `/v1/receipts/${statement}`);
      const { predicate } = JSON.parse(Buffer.from(envelope.payload, 'base64').toString());
      expect(predicate).toMatchObject({
        maker: registrar.id,
        token: body.jti,
        reason: expect.stringContaining(keyed.clientId),
      });
    }
    expect((await keyed.form('/oauth/revoke', { token: body.access_token })).status).toBe(200);
  });

  it('of a text that is no valid token is a success without an effect', async () => {
    const { access_token } = await issue();
    for (const token of [
      'x',
      `${access_token}x`,
      forge({ alg: 'none' }, {}, (await import('../unit/tokens/fixture.ts')).rsaKey.privateKey, () => Buffer.alloc(64)),
    ]) {
      expect((await licensee.form('/oauth/revoke', { token })).status).toBe(200);
    }
    expect(await introspect(owner, access_token)).toMatchObject({ active: true });
  });

  it('of a token that leaked while its grant is suspended lasts when that is resumed', async () => {
    const { id } = await owner.grant(model.id, licensee);
    const { body } = await licensee.token(id);
    await owner.act(id, 'suspend');
    expect((await licensee.form('/oauth/revoke', { token: body.access_token })).status).toBe(200);
    await owner.act(id, 'resume');
    expect(await introspect(owner, body.access_token)).toEqual({ active: false });
  });

  it('of somebody else’s token is refused, and the token stays', async () => {
    const { access_token } = await issue();
    expect((await stranger.form('/oauth/revoke', { token: access_token })).body).toMatchObject({
      error: 'unauthorized_client',
    });
    expect(await introspect(owner, access_token)).toMatchObject({ active: true });
  });

  it('answers a stranger exactly as for a token that is not there', async () => {
    const { jti } = await issue();
    const missing = newId('token');
    for (const [method, suffix, body] of [
      ['GET', '', undefined],
      ['POST', '/revoke', { reason: '' }],
    ] as const) {
      const foreign = await stranger.call(method, `/v1/tokens/${jti}${suffix}`, body);
      const absent = await stranger.call(method, `/v1/tokens/${missing}${suffix}`, body);
      expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);
      expect(foreign.body.detail.replace(jti, missing)).toBe(absent.body.detail);
    }
  });

  it('is told of a token for ever, also when its time is over', async () => {
    const { body } = await licensee.token(given.id, { lifetime_seconds: '1' });
    await owner.ok('POST', `/v1/tokens/${body.jti}/revoke`, {});
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(await owner.ok('GET', `/v1/tokens/${body.jti}`)).toMatchObject({ state: 'revoked' });
  });

  it('by the licensee ends its own token, not the grant', async () => {
    const [{ jti }, other] = [await issue(), await issue()];
    await licensee.ok('POST', `/v1/tokens/${jti}/revoke`, { reason: 'leaked' });
    expect(await licensee.ok('GET', `/v1/tokens/${jti}`)).toMatchObject({ state: 'revoked' });
    expect(await introspect(owner, other.access_token)).toMatchObject({ active: true });
    expect((await licensee.call('POST', `/v1/tokens/${jti}/revoke`, {})).body).toMatchObject({
      code: 'state_conflict',
    });
  });

  it('signed by its maker must speak of the token that the address names', async () => {
    const keyed = await makeParty(registrar);
    const { id, statement } = await keyed.registerModel();
    const own = await keyed.grant(id, licensee);
    await keyed.takeKey();
    const [one, two] = [(await licensee.token(own.id)).body, (await licensee.token(own.id)).body];
    const body = { grant: own.id, licensor: keyed.id, licensee: licensee.id, token: one.jti, reason: '' };
    const signed = await keyed.signed(revocation, [own.statement, statement], body);
    expect((await keyed.call('POST', `/v1/tokens/${two.jti}/revoke`, signed)).body).toMatchObject({ field: 'token' });
    expect((await keyed.call('POST', `/v1/tokens/${one.jti}/revoke`, signed)).status).toBe(201);
    expect(await introspect(keyed, one.access_token)).toEqual({ active: false });
    expect(await introspect(keyed, two.access_token)).toMatchObject({ active: true });
  });

  it('counts on every replica at once', async () => {
    const second = await startTestApp({
      beside: app,
      env: { MUNIMENT_PUBLIC_URL: app.url, MUNIMENT_TOKEN_MAX_LIFETIME_SECONDS: '7200' },
    });
    try {
      const { access_token, jti } = await issue();
      const there = { method: 'POST', headers: owner.basic(), body: new URLSearchParams({ token: access_token }) };
      expect((await answer(second, '/oauth/introspect', there)).body).toMatchObject({ active: true });
      await owner.ok('POST', `/v1/tokens/${jti}/revoke`, {});
      expect((await answer(second, '/oauth/introspect', there)).body).toEqual({ active: false });
    } finally {
      await second.close();
    }
  });
});

it('names a model whose container could not be read by the digest of its file', async () => {
  const fileDigest = `sha256:${'ab'.repeat(32)}`;
  const weights = {
    fileDigest,
    weightDigest: null,
    namelessDigest: null,
    container: 'unknown',
    bytes: 5,
    tensors: null,
    parameters: null,
  };
  const { id } = await owner.ok('POST', '/v1/models', {
    name: 'opaque',
    weights,
    owners: [{ party: owner.id, share: '1/1' }],
    license: { expression: 'MIT', textDigest: null },
    run: null,
    datasets: [],
    parents: [],
  });
  const { id: opaque } = await owner.grant(id, licensee);
  const { body } = await licensee.token(opaque);
  expect(body.authorization_details[0]!.model).toEqual({ id, file_digest: fileDigest });
});
