/** Tokens bound to a holder's key (DPoP, RFC 9449), and tokens in exchange for others (RFC 8693), over HTTP. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '../../src/platform/crypto.ts';
import { DataSource } from '../../src/platform/database/index.ts';
import { rememberProofs } from '../../src/tokens/token.store.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { query } from '../support/postgres.ts';
import type { Answer, Form } from './tokens.fixture.ts';
import { Holder, makeParty, Party, registrarOf } from './tokens.fixture.ts';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ISSUER = 'https://registry.example';
const TO_TOKEN_ENDPOINT = { htm: 'POST', htu: `${ISSUER}/oauth/token` };

let app: TestApp;
let beside: TestApp;
let owner: Party;
let licensee: Party;
let other: Party;
let model: string;
let grant: string;
let key: Holder;

beforeAll(async () => {
  const env = { MUNIMENT_PUBLIC_URL: ISSUER };
  app = await startTestApp({ env });
  beside = await startTestApp({ beside: app, env });
  const registrar = await registrarOf(app);
  [owner, licensee, other] = [await makeParty(registrar), await makeParty(registrar), await makeParty(registrar)];
  model = (await owner.registerModel()).id;
  grant = (await owner.grant(model, licensee, { sublicensing: true })).id;
  key = await Holder.make(TO_TOKEN_ENDPOINT);
});
afterAll(async () => {
  await beside.close();
  await app.close();
});

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown> & { exp: number };
const bound = async (holder = key) =>
  (await licensee.token(grant, {}, { ...licensee.basic(), dpop: await holder.proof() })).body;
const exchange = (client: Party, token: string, fields: Form = {}, headers: Record<string, string> = {}) =>
  client.form(
    '/oauth/token',
    {
      grant_type: EXCHANGE,
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      ...fields,
    },
    { ...client.basic(), ...headers },
  );
const refusal = ({ status, body: { error, code } }: Answer) => [status, error, code];

describe('a token bound to a key', () => {
  it('says so, to its holder and to whoever asks about it', async () => {
    const issued = await bound();
    expect(issued).toMatchObject({ token_type: 'DPoP' });
    expect(claimsOf(issued.access_token)).toMatchObject({ cnf: { jkt: key.thumbprint } });
    const { body } = await owner.form('/oauth/introspect', { token: issued.access_token });
    expect(body).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: key.thumbprint } });
  });

  it('is issued for a proof that was never shown: replayed DPoP proof, also to another replica', async () => {
    const dpop = await key.proof();
    const ask = (at: TestApp) =>
      new Party(at, licensee.id, licensee.apiKey).token(grant, {}, { ...licensee.basic(), dpop });
    expect((await ask(app)).status).toBe(200);
    for (const at of [app, beside]) {
      expect(refusal(await ask(at))).toEqual([400, 'invalid_dpop_proof', 'dpop_proof_replayed']);
    }
    const fresh = await key.proof();
    const racing = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        new Party(i % 2 === 0 ? app : beside, licensee.id, licensee.apiKey).token(
          grant,
          {},
          { ...licensee.basic(), dpop: fresh },
        ),
      ),
    );
    expect(racing.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it.each<[string, Record<string, unknown>]>([
    ['another address', { htu: `${ISSUER}/oauth/introspect` }],
    ['another method', { htm: 'GET' }],
  ])('is not issued for a proof for %s', async (_, claims) => {
    const refused = await licensee.token(grant, {}, { ...licensee.basic(), dpop: await key.proof(claims) });
    expect(refusal(refused)).toEqual([400, 'invalid_dpop_proof', 'dpop_proof_invalid']);
  });

  it('replicas that are shown the same proofs at once, each in another order, do not wait for each other', async () => {
    const proofs = Array.from({ length: 3000 }, () => ({ once: newId('proof'), until: Math.floor(Date.now() / 1000) }));
    const [here, there] = [app, beside].map((at) => at.app.nest.get(DataSource).manager);
    const backwards = proofs.toReversed();
    const [first, second] = await Promise.all([rememberProofs(here!, proofs), rememberProofs(there!, backwards)]);
    expect(first.map((believed, i) => believed !== second[proofs.length - 1 - i])).toEqual(proofs.map(() => true));
  });

  it('leaves no proofs behind that are too old to be shown again', async () => {
    await licensee.token(grant, {}, { ...licensee.basic(), dpop: await key.proof() });
    const [row] = await query<{ count: number }>(
      app.database.superuserUrl,
      `SELECT count(*)::int FROM ops.dpop_proof WHERE until > extract(epoch FROM now()) + 62`,
    );
    expect(row!.count).toBe(0);
  });
});

describe('an exchange', () => {
  it('narrows a token of the licensee’s own: fewer actions, another audience, never a longer life', async () => {
    const { body: given } = await licensee.token(grant, { lifetime_seconds: '600' });
    const { status, body } = await exchange(licensee, given.access_token, {
      scope: 'infer',
      audience: 'https://a.example',
    });
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        scope: 'infer',
      }),
    ]);
    const claims = claimsOf(body.access_token);
    expect(claims).toMatchObject({ aud: 'https://a.example', grant_id: grant, sub: licensee.id });
    expect(claims.exp).toBeLessThanOrEqual(claimsOf(given.access_token).exp);
    const long = await exchange(licensee, given.access_token, { lifetime_seconds: '3600' });
    expect(refusal(long)).toEqual([400, 'invalid_request', 'invalid_input']);
    const wide = await exchange(licensee, body.access_token, { scope: 'infer host' });
    expect(refusal(wide)).toEqual([400, 'invalid_scope', 'invalid_input']);
  });

  it('gives a sub-licensee a token under its part, for the token that it was handed, and nobody else', async () => {
    const part = (await licensee.grant(model, other, { parent: grant, actions: ['infer'] })).id;
    const { body: handed } = await licensee.token(grant);
    const { status, body } = await exchange(other, handed.access_token, { grant_id: part });
    expect([status, claimsOf(body.access_token)]).toEqual([
      200,
      expect.objectContaining({ sub: other.id, grant_id: part }),
    ]);
    expect(body.scope).toBe('infer');
    expect(refusal(await exchange(other, handed.access_token))).toEqual([400, 'invalid_grant', 'not_found']);
    const elsewhere = (await owner.grant(model, other)).id;
    expect(refusal(await exchange(other, handed.access_token, { grant_id: elsewhere }))).toEqual([
      400,
      'invalid_grant',
      'grant_too_wide',
    ]);
  });

  it('of a sub-license that has no action in common with the token is refused', async () => {
    const part = (await licensee.grant(model, other, { parent: grant, actions: ['host'] })).id;
    const { body: handed } = await licensee.token(grant, { scope: 'infer' });
    expect(refusal(await exchange(other, handed.access_token, { grant_id: part }))).toEqual([
      400,
      'invalid_scope',
      'invalid_input',
    ]);
  });

  it('of a bound token needs a proof by its key, and the new one is bound too: stolen bound token', async () => {
    const { access_token } = await bound();
    expect(refusal(await exchange(licensee, access_token))).toEqual([400, 'invalid_dpop_proof', 'dpop_proof_missing']);
    const thief = await Holder.make(TO_TOKEN_ENDPOINT);
    const stolen = await exchange(licensee, access_token, {}, { dpop: await thief.proof() });
    expect(refusal(stolen)).toEqual([400, 'invalid_dpop_proof', 'dpop_proof_invalid']);
    const { body } = await exchange(licensee, access_token, {}, { dpop: await key.proof() });
    expect(claimsOf(body.access_token)).toMatchObject({ cnf: { jkt: key.thumbprint } });
  });

  it('of a token that ended, of a foreign one or of nothing is refused by name', async () => {
    const { body } = await licensee.token(grant);
    await owner.ok('POST', `/v1/tokens/${body.jti}/revoke`, {});
    expect(refusal(await exchange(licensee, body.access_token))).toEqual([400, 'invalid_request', 'token_revoked']);
    expect(refusal(await exchange(licensee, 'nothing'))).toEqual([400, 'invalid_request', 'token_malformed']);
    const wrongType = await exchange(licensee, body.access_token, { subject_token_type: 'saml2' });
    expect(refusal(wrongType)).toEqual([400, 'invalid_request', 'invalid_input']);
  });
});
