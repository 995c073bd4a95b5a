/** Every way to get a token accepted that the registry did not issue, or for more than it says. */
import { createHmac, createPrivateKey, sign } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { RegistryError } from '../../../src/core/errors.ts';
import type { VerifyOptions } from '../../../src/tokens/license-token/index.ts';
import {
  readJwks,
  signLicenseToken,
  verifyIssued,
  verifyLicenseToken,
} from '../../../src/tokens/license-token/index.ts';
import { duplicateMember } from '../../../src/tokens/license-token/compact.ts';
import type { KeyPair } from './fixture.ts';
import {
  AUDIENCE,
  base64url,
  claims,
  es256,
  forge,
  ISSUER,
  makeKey,
  MAX_LIFETIME,
  NOW,
  rsaKey,
  SECONDS,
} from './fixture.ts';

let key: KeyPair;
let other: KeyPair;
let options: VerifyOptions;
let header: { alg: string; kid: string; typ: string };
beforeAll(async () => {
  [key, other] = [await makeKey(), await makeKey()];
  header = { alg: 'ES256', kid: key.kid, typ: 'model-license+jwt' };
  options = { jwks: { keys: [key.jwk] }, issuer: ISSUER, audience: AUDIENCE, now: NOW, maxLifetime: MAX_LIFETIME };
});

const genuine = () => signLicenseToken(claims, key);
async function refusal(token: string, changed: Partial<VerifyOptions> = {}): Promise<RegistryError> {
  const outcome: unknown = await verifyLicenseToken(token, { ...options, ...changed }).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(RegistryError);
  return outcome as RegistryError;
}

describe('a genuine token', () => {
  test('verifies offline against the key set and says what was granted', async () => {
    const token = genuine();
    expect(await verifyLicenseToken(token, options)).toEqual({ header, claims });
    expect(JSON.parse(String(Buffer.from(token.split('.')[0]!, 'base64url')))).toEqual(header);
  });

  test('verifies beside keys of other kinds in the set', async () => {
    const jwks = {
      keys: [{ kty: 'RSA', kid: 'r', n: 'AQAB', e: 'AQAB' }, other.jwk, key.jwk, { kty: 'oct', k: 'AA' }],
    };
    expect((await verifyLicenseToken(genuine(), { ...options, jwks })).claims.jti).toBe(claims.jti);
  });

  test('is valid from its first second to the one before its last', async () => {
    for (const now of [SECONDS * 1000, (claims.exp - 1) * 1000 + 999]) {
      expect((await verifyLicenseToken(genuine(), { ...options, now })).claims).toEqual(claims);
    }
  });

  test('is refused after any one character was changed', async () => {
    const token = genuine();
    const keys = await readJwks(options.jwks);
    for (let i = 0; i < token.length; i++) {
      const altered = `${token.slice(0, i)}${token[i] === 'A' ? 'B' : 'A'}${token.slice(i + 1)}`;
      expect(() => verifyIssued(altered, keys, options)).toThrow(RegistryError);
    }
  });

  test('is not made from claims outside the profile', () => {
    expect(() => signLicenseToken({ ...claims, cnf: { jkt: 'x' } }, key)).toThrow(
      expect.objectContaining({ code: 'invalid_input' }),
    );
  });
});

describe('refuses the algorithm', () => {
  test.each(['none', 'None', 'NONE', ''])('%j, unsigned', async (alg) => {
    const unsigned = `${base64url(JSON.stringify({ ...header, alg }))}.${base64url(JSON.stringify(claims))}.`;
    expect(await refusal(unsigned)).toMatchObject({ code: 'token_malformed', field: 'signature' });
  });

  test('none, with the signature of a genuine token behind it', async () => {
    const [, payload, signature] = genuine().split('.');
    const token = `${base64url(JSON.stringify({ ...header, alg: 'none' }))}.${payload}.${signature}`;
    expect(await refusal(token)).toMatchObject({ code: 'token_algorithm_refused', field: 'alg' });
  });

  test('HS256 with the public key as the secret', async () => {
    for (const secret of [
      key.publicKey.export({ format: 'pem', type: 'spki' }),
      key.publicKey.export({ format: 'der', type: 'spki' }),
      JSON.stringify(key.jwk),
    ]) {
      const token = forge({ ...header, alg: 'HS256' }, claims, key.privateKey, (input) =>
        createHmac('sha256', secret).update(input).digest(),
      );
      expect(await refusal(token)).toMatchObject({ code: 'token_algorithm_refused' });
    }
  });

  test('HS256 hidden behind a header that says ES256', async () => {
    const secret = key.publicKey.export({ format: 'pem', type: 'spki' });
    const token = forge(header, claims, key.privateKey, (input) => createHmac('sha256', secret).update(input).digest());
    expect(await refusal(token)).toMatchObject({ code: 'signature_invalid' });
  });

  test.each(['RS256', 'PS256', 'ES384', 'EdDSA', 'es256'])('%s under the name of an ES256 key', async (alg) => {
    const token = forge({ ...header, alg }, claims, rsaKey.privateKey, (input, rsa) => sign('sha256', input, rsa));
    expect(await refusal(token)).toMatchObject({ code: 'token_algorithm_refused' });
  });

  test('a DER signature in place of the one that JOSE defines', async () => {
    const token = forge(header, claims, key.privateKey, (input, p256) => sign('sha256', input, p256));
    expect(await refusal(token)).toMatchObject({ code: 'signature_invalid' });
  });
});

describe('refuses the key', () => {
  test('of somebody else under the name of the registry’s', async () => {
    expect(await refusal(forge(header, claims, other.privateKey))).toMatchObject({ code: 'signature_invalid' });
  });

  test('that the key set does not hold', async () => {
    const token = signLicenseToken(claims, other);
    expect(await refusal(token)).toMatchObject({ code: 'token_key_unknown', field: 'kid' });
  });

  test.each([
    '../../../dev/null',
    '/etc/passwd',
    "' OR 1=1 --",
    "x'; DROP TABLE registry.token_key; --",
    '',
    '__proto__',
  ])('with the name %j', async (kid) => {
    const token = forge({ ...header, kid }, claims, key.privateKey);
    expect(await refusal(token)).toMatchObject({ code: 'token_malformed', field: 'kid' });
  });

  test('without a name', async () => {
    const token = forge({ alg: header.alg, typ: header.typ }, claims, key.privateKey);
    expect(await refusal(token)).toMatchObject({ code: 'token_malformed', field: 'kid' });
  });

  test('that a set lists under the thumbprint of another', async () => {
    const jwks = { keys: [{ ...other.jwk, kid: key.kid }] };
    expect(await refusal(genuine(), { jwks })).toMatchObject({ code: 'invalid_input', field: 'jwks' });
  });

  test('whose name a set gives to two keys', async () => {
    const jwks = { keys: [key.jwk, { kty: 'oct', k: 'c2VjcmV0', kid: key.kid }] };
    expect(await refusal(genuine(), { jwks })).toMatchObject({ code: 'invalid_input', field: 'jwks' });
  });

  test('that a set offers for another use or algorithm', async () => {
    for (const changed of [{ alg: 'HS256' }, { use: 'enc' }, { alg: undefined }]) {
      const jwks = { keys: [{ ...key.jwk, ...changed }] };
      expect(await refusal(genuine(), { jwks })).toMatchObject({ code: 'token_key_unknown' });
    }
  });

  test('that is no point on the curve', async () => {
    const point = { x: base64url(Buffer.alloc(32, 1)), y: base64url(Buffer.alloc(32, 1)) };
    const { calculateJwkThumbprint } = await import('jose');
    const kid = await calculateJwkThumbprint({ kty: 'EC', crv: 'P-256', ...point }, 'sha256');
    const jwks = { keys: [{ ...key.jwk, ...point, kid }] };
    expect(await refusal(genuine(), { jwks })).toMatchObject({ code: 'invalid_input', field: 'jwks' });
  });
});

describe('refuses the header', () => {
  test.each([
    ['crit', ['exp']],
    ['crit', []],
    ['jku', 'https://attacker.example/jwks.json'],
    ['x5u', 'https://attacker.example/chain.pem'],
    ['x5c', ['MIIB']],
    ['b64', false],
    ['zip', 'DEF'],
  ])('that carries %s %j', async (name, value) => {
    const token = forge({ ...header, [name]: value }, claims, key.privateKey);
    expect(await refusal(token)).toMatchObject({ code: 'token_malformed', field: name });
  });

  test('that brings its own key as jwk', async () => {
    const token = forge({ ...header, jwk: other.jwk }, claims, other.privateKey);
    expect(await refusal(token)).toMatchObject({ code: 'token_malformed', field: 'jwk' });
  });

  test.each(['JWT', 'at+jwt', 'dpop+jwt', 'application/model-license+jwt', undefined])(
    'with the type %j',
    async (typ) => {
      const token = forge({ ...header, typ }, claims, key.privateKey);
      expect(await refusal(token)).toMatchObject({ code: 'token_malformed', field: 'typ' });
    },
  );

  test('with a member that nobody knows', async () => {
    expect(await refusal(forge({ ...header, cty: 'JWT' }, claims, key.privateKey))).toMatchObject({
      code: 'token_malformed',
    });
  });

  test('that names alg twice, so that one reader sees none and another ES256', async () => {
    const text = `{"alg":"none",${JSON.stringify(header).slice(1)}`;
    const error = await refusal(forge(text, claims, key.privateKey));
    expect(error).toMatchObject({ code: 'token_malformed', field: 'header' });
    expect(error.message).toContain('"alg" twice');
  });

  test('that names kid twice, once with an escape', async () => {
    const text = `{"k\\u0069d":"${other.kid}",${JSON.stringify(header).slice(1)}`;
    expect((await refusal(forge(text, claims, key.privateKey))).message).toContain('"kid" twice');
  });
});

describe('refuses the claims', () => {
  const signed = (changed: Record<string, unknown>) => forge(header, { ...claims, ...changed }, key.privateKey);

  test('that name exp twice', async () => {
    const text = `{"exp":${claims.exp + 9e9},${JSON.stringify(claims).slice(1)}`;
    const error = await refusal(forge(header, text, key.privateKey));
    expect(error).toMatchObject({ code: 'token_malformed', field: 'payload' });
    expect(error.message).toContain('"exp" twice');
  });

  test('that name a member twice deep inside', async () => {
    const text = JSON.stringify(claims).replace('"max_calls":1000', '"max_calls":1000,"max_calls":null');
    expect((await refusal(forge(header, text, key.privateKey))).message).toContain('"max_calls" twice');
  });

  test.each([
    'iss',
    'sub',
    'aud',
    'jti',
    'iat',
    'nbf',
    'exp',
    'client_id',
    'license_id',
    'grant_id',
    'terms_hash',
    'authorization_details',
    'prov',
  ])('without %s', async (name) => {
    expect(await refusal(signed({ [name]: undefined }))).toMatchObject({ code: 'token_malformed', field: name });
  });

  test.each([
    ['exp', '120'],
    ['exp', 1.5e9 + 0.5],
    ['exp', -1],
    ['exp', 1e300],
    ['iat', null],
    ['aud', [AUDIENCE, 'https://other.example']],
    ['aud', { $ne: '' }],
    ['sub', "party_' OR 1=1 --"],
    ['jti', '../../etc/passwd'],
    ['authorization_details', []],
  ])('with %s as %j', async (name, value) => {
    const error = await refusal(signed({ [name]: value }));
    expect(error).toMatchObject({ code: 'token_malformed' });
    expect(error.field).toContain(name);
  });

  test('that bind the token to a holder’s key, unless its possession was proven: stolen bound token', async () => {
    const bound = signed({ cnf: { jkt: key.kid } });
    expect(await refusal(bound)).toMatchObject({ code: 'dpop_proof_missing', field: 'cnf' });
    expect(await refusal(bound, { holder: 'A'.repeat(43) })).toMatchObject({
      code: 'dpop_proof_invalid',
      field: 'cnf',
    });
    await expect(verifyLicenseToken(bound, { ...options, holder: key.kid })).resolves.toMatchObject({
      claims: { cnf: { jkt: key.kid } },
    });
  });

  test('of a foreign issuer whose key is in the set', async () => {
    for (const iss of ['https://registry.example.evil', 'https://registry.example/', 'HTTPS://registry.example']) {
      expect(await refusal(signed({ iss }))).toMatchObject({ code: 'token_foreign', field: 'iss' });
    }
  });

  test('for another audience', async () => {
    expect(await refusal(genuine(), { audience: 'https://other.example' })).toMatchObject({
      code: 'token_wrong_audience',
      field: 'aud',
    });
  });

  test('of an expired token, from its last second on', async () => {
    expect(await refusal(genuine(), { now: claims.exp * 1000 })).toMatchObject({ code: 'token_expired', field: 'exp' });
  });

  test('of a token that is not valid yet', async () => {
    expect(await refusal(genuine(), { now: claims.nbf * 1000 - 1 })).toMatchObject({ code: 'token_not_yet_valid' });
    expect(await refusal(signed({ nbf: SECONDS - 10, iat: SECONDS + 10 }))).toMatchObject({
      code: 'token_not_yet_valid',
      field: 'iat',
    });
  });

  test('of a token that lives longer than the policy, however its times are spelled', async () => {
    for (const changed of [
      { exp: SECONDS + MAX_LIFETIME + 1 },
      { nbf: SECONDS - 10, exp: SECONDS + MAX_LIFETIME - 5 },
      { iat: 0 },
      { exp: Number.MAX_SAFE_INTEGER },
    ]) {
      expect(await refusal(signed(changed))).toMatchObject({ code: 'token_too_long_lived' });
    }
  });

  test('of a token that ends before it begins', async () => {
    expect(await refusal(signed({ exp: SECONDS }))).toMatchObject({ code: 'token_malformed', field: 'exp' });
  });

  test('that place the grant outside the tree they name', async () => {
    const prov = { ...claims.prov, index: claims.prov.tree_size };
    expect(await refusal(signed({ prov }))).toMatchObject({ code: 'token_malformed', field: 'prov.index' });
  });

  test('that name an action nobody knows, or a member too many inside', async () => {
    const [details] = claims.authorization_details;
    for (const changed of [{ actions: ['infer', 'everything'] }, { admin: true }, { actions: [] }]) {
      const token = signed({ authorization_details: [{ ...details, ...changed }] });
      expect(await refusal(token)).toMatchObject({ code: 'token_malformed' });
    }
  });
});

describe('refuses the text', () => {
  test('over 8 KB, even when it is signed', async () => {
    const token = forge(header, { ...claims, pad: 'x'.repeat(8192) }, key.privateKey);
    const error = await refusal(token);
    expect(error.code).toBe('token_malformed');
    expect(error.message).toContain('8192 bytes');
  });

  test.each(['', '.', '..', 'a.b', 'a.b.c.d', '....', ' ', 'null'])('%j', async (text) => {
    expect(await refusal(text)).toMatchObject({ code: 'token_malformed' });
  });

  test.each([
    ['an encrypted token of five parts', () => `${genuine()}.a.b`],
    ['a blank before it', () => ` ${genuine()}`],
    ['a line break after it', () => `${genuine()}\n`],
    ['padding', () => `${genuine()}=`],
    ['base64 with + and /', () => genuine().replace('.', '+/.')],
    ['a header that is a list', () => forge('[]', claims, key.privateKey)],
    ['claims that are null', () => forge(header, 'null', key.privateKey)],
    ['claims that are a text', () => forge(header, '"jwt"', key.privateKey)],
    ['claims in broken JSON', () => forge(header, '{"iss":', key.privateKey)],
    ['a thousand brackets', () => forge(header, '['.repeat(1000) + ']'.repeat(1000), key.privateKey)],
  ])('with %s', async (_, make) => {
    expect(await refusal(make())).toMatchObject({ code: 'token_malformed' });
  });

  test('that is not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    const input = `${base64url(JSON.stringify(header))}.${base64url(bytes)}`;
    const token = `${input}.${es256(Buffer.from(input), key.privateKey).toString('base64url')}`;
    expect(await refusal(token)).toMatchObject({ code: 'token_malformed', field: 'payload' });
  });

  test('whose last character of base64url carries loose bits', async () => {
    const token = genuine();
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const loose = alphabet[alphabet.indexOf(token.at(-1)!) + 1]!;
    expect(await refusal(token.slice(0, -1) + loose)).toMatchObject({ code: 'token_malformed', field: 'signature' });
  });
});

describe('a verifier', () => {
  test.each(['issuer', 'audience', 'now', 'maxLifetime'] as const)('cannot leave out the %s', async (name) => {
    for (const value of [undefined, '', Number.NaN]) {
      expect(await refusal(genuine(), { [name]: value as never })).toMatchObject({ code: 'usage', field: name });
    }
  });

  test.each([[undefined], [null], [{}], ['{"keys":[]}'], [{ keys: 'all' }]])('refuses the key set %j', async (jwks) => {
    expect(await refusal(genuine(), { jwks })).toMatchObject({ code: 'invalid_input' });
  });

  test('believes nobody when the key set is empty', async () => {
    expect(await refusal(genuine(), { jwks: { keys: [] } })).toMatchObject({ code: 'token_key_unknown' });
  });

  test('never takes a private key for a public one', () => {
    expect(() => createPrivateKey(key.publicKey.export({ format: 'pem', type: 'spki' }))).toThrow();
    expect(Object.keys(key.jwk).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  });
});

describe('duplicate members', () => {
  test.each([
    ['{"a":1,"a":2}', 'a'],
    ['{"a":{"b":1,"b":1}}', 'b'],
    ['[{"x":1},{"y":[{"z":1 , "z" :2}]}]', 'z'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['{"\\"":1,"\\"":2}', '"'],
    ['{"":1,"":2}', ''],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
  ])('are found in %s', (text, name) => {
    expect(duplicateMember(text)).toBe(name);
  });

  test.each([
    '{"a":1,"b":{"a":1}}',
    '{"a":"a","b":"a"}',
    '["a","a"]',
    '{"a":"\\",\\"a\\":"}',
    '"a"',
    '{}',
    '{"a":["a",{"a":"a"}]}',
  ])('are not seen in %s', (text) => {
    expect(duplicateMember(text)).toBeUndefined();
  });
});
