/** Proofs of possession (RFC 9449): what is believed, and each way in which one is wrong. */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { holderKey, makeProof, verifyProof } from '../../../src/tokens/dpop/index.ts';
import type { KeyPair } from './fixture.ts';
import { forge, makeKey, NOW, rsaKey, SECONDS } from './fixture.ts';

const url = 'https://registry.example/v1/models/x/artifact';
const token = 'a.license.token';
const ath = createHash('sha256').update(token).digest('base64url');

let key: KeyPair;
let other: KeyPair;
beforeAll(async () => {
  [key, other] = [await makeKey(), await makeKey()];
});

const publicOf = ({ jwk: { kty, crv, x, y } }: KeyPair) => ({ kty, crv, x, y });
const header = () => ({ typ: 'dpop+jwt', alg: 'ES256', jwk: publicOf(key) });
const claims = { jti: 'a proof of its own', htm: 'GET', htu: url, iat: SECONDS, ath };
const made = (more: { header?: object; claims?: object; by?: KeyPair } = {}) =>
  forge({ ...header(), ...more.header }, { ...claims, ...more.claims }, (more.by ?? key).privateKey);
const judged = (proof: string, more: object = {}) =>
  verifyProof(proof, { method: 'GET', url, now: NOW, window: 60, token, ...more });
const refused = (field: string) => expect.objectContaining({ code: 'dpop_proof_invalid', field });

describe('a proof of possession', () => {
  test('names the key by its thumbprint, and itself by something that comes once', async () => {
    const proof = await judged(made());
    expect(proof).toEqual({ holder: key.kid, once: expect.any(String), until: SECONDS + 61 });
    const again = await judged(made({ claims: { iat: SECONDS - 1 } }));
    expect(again.once).toBe(proof.once);
    expect((await judged(made({ claims: { jti: 'another one of mine' } }))).once).not.toBe(proof.once);
  });

  test('made by a holder is believed, with its token and without, and shows the public half of the key alone', async () => {
    const pem = key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const holder = await holderKey(pem);
    expect(holder.thumbprint).toBe(key.kid);
    const request = { method: 'GET', url: `${url}?part=1#top`, now: NOW, jti: 'a name of its own' };
    const proof = await makeProof(holder, { ...request, token });
    expect(JSON.parse(Buffer.from(proof.split('.')[0]!, 'base64url').toString())).toEqual(header());
    expect((await judged(proof)).holder).toBe(key.kid);
    const bare = await makeProof(holder, request);
    await expect(judged(bare)).rejects.toEqual(refused('ath'));
    await expect(verifyProof(bare, { method: 'GET', url, now: NOW, window: 60 })).resolves.toMatchObject({
      holder: key.kid,
    });
  });

  test('is for an address whatever its query, fragment, case of the host and default port', async () => {
    for (const htu of [
      `${url}?a=1`,
      `${url}#b`,
      url.replace('registry', 'REGISTRY'),
      url.replace('.example', '.example:443'),
    ]) {
      await expect(judged(made({ claims: { htu } }))).resolves.toMatchObject({ holder: key.kid });
    }
  });

  test.each<[string, string, () => string]>([
    ['for another method', 'htm', () => made({ claims: { htm: 'POST' } })],
    ['for another address', 'htu', () => made({ claims: { htu: 'https://registry.example/oauth/token' } })],
    ['for an address that is none', 'htu', () => made({ claims: { htu: 'artifact' } })],
    ['that is too old', 'iat', () => made({ claims: { iat: SECONDS - 61 } })],
    ['from the future', 'iat', () => made({ claims: { iat: SECONDS + 6 } })],
    ['for another token', 'ath', () => made({ claims: { ath: 'A'.repeat(43) } })],
    ['for no token', 'ath', () => made({ claims: { ath: undefined } })],
    ['without a name', 'jti', () => made({ claims: { jti: undefined } })],
    ['signed with another key', 'signature', () => made({ by: other })],
    ['that carries a private key', 'jwk', () => made({ header: { jwk: { ...publicOf(key), d: 'A'.repeat(43) } } })],
    ['that brings no key', 'jwk', () => made({ header: { jwk: undefined } })],
    ['of another kind of key', 'jwk', () => made({ header: { jwk: rsaKey.publicKey.export({ format: 'jwk' }) } })],
    ['without a signature: alg none', 'alg', () => made({ header: { alg: 'none' } })],
    ['with a symmetric signature', 'alg', () => made({ header: { alg: 'HS256' } })],
    ['of another type', 'typ', () => made({ header: { typ: 'model-license+jwt' } })],
    ['that names a place to fetch a key from', 'header', () => made({ header: { jku: 'https://evil.example' } })],
    ['that is no token', 'proof', () => 'proof'],
    ['shown twice in one header', 'proof', () => `${made()}, ${made()}`],
    [
      'with duplicate members',
      'proof',
      () => forge(header(), `{"jti":"12345678",${JSON.stringify(claims).slice(1)}`, key.privateKey),
    ],
    ['that is huge', 'proof', () => made({ claims: { more: 'x'.repeat(5000) } })],
  ])('%s is refused', async (_, field, proof) => {
    await expect(judged(proof())).rejects.toEqual(refused(field));
  });
});
