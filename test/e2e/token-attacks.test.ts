/**
 * The attacks on license tokens, each at every door that a token opens: the stored weights, a gate in front of an inference
 * server, and introspection. What differs between the doors is who is asked; what is refused must be the same.
 */
import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RegistryError } from '../../src/core/errors.ts';
import type { LicenseTokenClaims } from '../../src/core/licensing/token-claims.ts';
import { Gate } from '../../src/gate/index.ts';
import type { TokenSigner } from '../../src/tokens/license-token/index.ts';
import { TokenKeys } from '../../src/tokens/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import type { Party } from './tokens.fixture.ts';
import { makeParty, registrarOf } from './tokens.fixture.ts';

const AUDIENCE = 'https://inference.example';

let app: TestApp;
let owner: Party;
let licensee: Party;
let model: string;
let gate: Gate;
let signer: TokenSigner;
let spki: Buffer;

beforeAll(async () => {
  app = await startTestApp();
  const registrar = await registrarOf(app);
  [owner, licensee] = [await makeParty(registrar), await makeParty(registrar)];
  model = await owner.keepModel(Buffer.from('weights'));
  const purpose = () => ({ action: 'infer', commercial: false, territory: 'DE' }) as const;
  gate = new Gate({ registry: app.url, audience: AUDIENCE, model: { id: model }, purpose });
  // Whoever stole the key of the registry signs as it does; what is refused here is refused for what it says.
  signer = await app.app.nest.get(TokenKeys).signer();
  spki = createPublicKey(signer.privateKey).export({ format: 'der', type: 'spki' });
});
afterAll(async () => {
  await gate.close();
  await app.close();
});

interface Parts {
  header: Record<string, unknown>;
  claims: LicenseTokenClaims;
}
type Forger = (parts: Parts) => string;

const base64url = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const es256 = (key: KeyObject) => (input: string) =>
  sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
function made(
  header: object | string,
  claims: object | string,
  by: (input: string) => Buffer = es256(signer.privateKey),
): string {
  const input = `${base64url(header)}.${base64url(claims)}`;
  return `${input}.${by(input).toString('base64url')}`;
}
const saying =
  (changed: (claims: LicenseTokenClaims) => object): Forger =>
  ({ header, claims }) =>
    made(header, { ...claims, ...changed(claims) });
const headed =
  (changed: object): Forger =>
  ({ header, claims }) =>
    made({ ...header, ...changed }, claims);
const seconds = () => Math.floor(Date.now() / 1000);
const attacker = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A genuine token, taken apart. */
async function genuine(audience: string | undefined): Promise<Parts & { token: string }> {
  const { id } = await owner.grant(model, licensee, {
    constraints: { commercial: true, territory: ['DE'], fieldOfUse: null, maxCalls: null, seats: null },
  });
  const token = (await licensee.token(id, audience === undefined ? {} : { audience })).body.access_token;
  const [header, claims] = token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown) as [
    Record<string, unknown>,
    LicenseTokenClaims,
  ];
  return { token, header, claims };
}

const weights = async (token: string): Promise<string> => {
  const answer = await fetch(`${app.url}/v1/models/${model}/artifact`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (answer.status === 200) return 'let in';
  return ((await answer.json()) as { code: string }).code;
};
const behindGate = async (token: string): Promise<string> => {
  try {
    await gate.admit({ method: 'GET', url: '/predict', headers: { authorization: `Bearer ${token}` } });
    return 'let in';
  } catch (error) {
    return (error as RegistryError).code;
  }
};
const introspected = async (token: string): Promise<boolean> => {
  const { body } = await owner.form('/oauth/introspect', { token });
  return (body as unknown as { active: boolean }).active;
};

it('a genuine token opens each door', async () => {
  const [here, there] = [await genuine(undefined), await genuine(AUDIENCE)];
  expect([await weights(here.token), await behindGate(there.token)]).toEqual(['let in', 'let in']);
  expect([await introspected(here.token), await introspected(there.token)]).toEqual([true, true]);
});

/** @param code at weights and gate alike; introspection says the same of every token that does not count */
const ATTACKS: [attack: string, code: string, forger: Forger][] = [
  [
    'alg none',
    'token_malformed',
    ({ header, claims }) => made({ ...header, alg: 'none' }, claims, () => Buffer.alloc(0)),
  ],
  ['alg none with a signature behind it', 'token_algorithm_refused', headed({ alg: 'none' })],
  [
    'RS/HS switch: HS256 with the public key as the secret',
    'token_algorithm_refused',
    ({ header, claims }) =>
      made({ ...header, alg: 'HS256' }, claims, (input) => createHmac('sha256', spki).update(input).digest()),
  ],
  ['RS/HS switch: RS256', 'token_algorithm_refused', headed({ alg: 'RS256' })],
  ['kid path injection', 'token_malformed', headed({ kid: '../../../../dev/null' })],
  ['kid SQL injection', 'token_malformed', headed({ kid: "' UNION SELECT 'key' --" })],
  ['jku header', 'token_malformed', headed({ jku: 'https://attacker.example/jwks.json' })],
  ['x5u header', 'token_malformed', headed({ x5u: 'https://attacker.example/chain.pem' })],
  [
    'jwk header',
    'token_malformed',
    ({ header, claims }) => {
      const { privateKey, publicKey } = attacker();
      return made({ ...header, jwk: publicKey.export({ format: 'jwk' }) }, claims, es256(privateKey));
    },
  ],
  ['crit header', 'token_malformed', headed({ crit: ['exp'] })],
  [
    "another key under the registry's kid",
    'signature_invalid',
    ({ header, claims }) => made(header, claims, es256(attacker().privateKey)),
  ],
  ['foreign issuer', 'token_foreign', saying(() => ({ iss: 'https://attacker.example' }))],
  ['expired', 'token_expired', saying(() => ({ iat: seconds() - 60, nbf: seconds() - 60, exp: seconds() - 1 }))],
  ['not yet valid', 'token_not_yet_valid', saying(({ exp }) => ({ nbf: seconds() + 60, exp: exp + 60 }))],
  ['a life beyond the policy', 'token_too_long_lived', saying(({ iat }) => ({ exp: iat + 90_000 }))],
  [
    'duplicate members',
    'token_malformed',
    ({ header, claims }) => made(header, `{"exp":${claims.exp + 9e9},${JSON.stringify(claims).slice(1)}`),
  ],
  ['huge token', 'token_malformed', saying(() => ({ sub: 'x'.repeat(7000) }))],
];

describe('is refused at every door:', () => {
  it.each(ATTACKS)('%s', async (_, code, forger) => {
    for (const [door, audience] of [
      [weights, undefined],
      [behindGate, AUDIENCE],
    ] as const) {
      const forged = forger(await genuine(audience));
      expect(await door(forged)).toBe(code);
      expect(await introspected(forged)).toBe(false);
    }
  });

  it('wrong audience', async () => {
    expect(await weights((await genuine(AUDIENCE)).token)).toBe('token_wrong_audience');
    expect(await behindGate((await genuine(undefined)).token)).toBe('token_wrong_audience');
  });

  it('cross-tenant: a token for the model of somebody else', async () => {
    const [ours, theirs] = [model, await owner.keepModel(Buffer.from('others'))];
    try {
      model = theirs;
      const [here, there] = [await genuine(undefined), await genuine(AUDIENCE)];
      model = ours;
      expect(await weights(here.token)).toBe('forbidden');
      expect(await behindGate(there.token)).toBe('use_not_licensed');
    } finally {
      model = ours;
    }
  });

  it('revoked, and suspended with its grant', async () => {
    const { token, claims } = await genuine(undefined);
    await owner.act(claims.grant_id, 'suspend');
    expect([await weights(token), await introspected(token)]).toEqual(['token_suspended', false]);
    await owner.act(claims.grant_id, 'resume');
    expect(await weights(token)).toBe('let in');
    await owner.ok('POST', `/v1/tokens/${claims.jti}/revoke`, {});
    expect([await weights(token), await introspected(token)]).toEqual(['token_revoked', false]);
  });

  it('signed with the key of the registry, and never issued', async () => {
    const { header, claims } = await genuine(undefined);
    expect(await weights(made(header, { ...claims, sub: owner.id }))).toBe('token_foreign');
  });
});
