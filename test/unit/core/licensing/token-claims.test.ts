import { describe, expect, test } from '@jest/globals';
import type { Json } from '../../../../src/core/canonical-json.ts';
import { utf8 } from '../../../../src/core/bytes.ts';
import {
  claimsDigest,
  judgeClaims,
  parseClaims,
  requireAudience,
} from '../../../../src/core/licensing/token-claims.ts';
import { formatDigest } from '../../../../src/core/digest.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';
import { AUDIENCE, claims, ISSUER, MAX_LIFETIME, NOW, SECONDS } from '../../tokens/fixture.ts';

const refused = (code: string, field?: string) =>
  expect.objectContaining({ code, ...(field === undefined ? {} : { field }) }) as never;
const expected = { issuer: ISSUER, now: NOW, maxLifetime: MAX_LIFETIME };

describe('the claims of a license token', () => {
  test('hold what the grant says, and nothing that nobody computed', () => {
    expect(parseClaims(JSON.parse(JSON.stringify(claims)) as Json)).toEqual(claims);
    expect(claims).not.toHaveProperty('cnf');
    expect(claims.authorization_details[0]).not.toHaveProperty('obligations');
  });

  test('have one digest, however their members are ordered', () => {
    const reversed = Object.fromEntries(Object.entries(claims).reverse()) as typeof claims;
    expect(claimsDigest(sha256, reversed)).toBe(claimsDigest(sha256, claims));
    expect(claimsDigest(sha256, { ...claims, exp: claims.exp + 1 })).not.toBe(claimsDigest(sha256, claims));
    expect(claimsDigest(sha256, claims)).not.toBe(formatDigest(sha256(utf8(JSON.stringify(claims)))));
  });

  test('name a model by one digest, not by two and not by none', () => {
    const [details] = claims.authorization_details;
    const { id } = details!.model;
    const digest = `sha256:${'0'.repeat(64)}`;
    const of = (model: object) => ({ ...claims, authorization_details: [{ ...details, model }] }) as never;
    expect(parseClaims(of({ id, file_digest: digest })).authorization_details[0]!.model).toEqual({
      id,
      file_digest: digest,
    });
    for (const model of [{ id }, { id, file_digest: digest, weight_digest: digest }, { id, weight_digest: null }]) {
      expect(() => parseClaims(of(model))).toThrow(refused('token_malformed'));
    }
  });

  test('are judged by the caller’s clock alone', () => {
    judgeClaims(claims, expected);
    expect(() => judgeClaims(claims, { ...expected, now: claims.exp * 1000 })).toThrow(refused('token_expired', 'exp'));
    expect(() => judgeClaims(claims, { ...expected, now: 0 })).toThrow(refused('token_not_yet_valid'));
    expect(() => judgeClaims(claims, { ...expected, maxLifetime: 3599 })).toThrow(
      refused('token_too_long_lived', 'exp'),
    );
    expect(() => judgeClaims(claims, { ...expected, issuer: `${ISSUER}/` })).toThrow(refused('token_foreign', 'iss'));
    expect(() => judgeClaims({ ...claims, exp: SECONDS - 1 }, expected)).toThrow(refused('token_malformed', 'exp'));
  });

  test('survive times that no calendar can hold', () => {
    const far = {
      ...claims,
      iat: Number.MAX_SAFE_INTEGER - 10,
      nbf: Number.MAX_SAFE_INTEGER - 10,
      exp: Number.MAX_SAFE_INTEGER,
    };
    expect(() => judgeClaims(far, expected)).toThrow(refused('token_not_yet_valid'));
  });

  test('are for exactly one audience', () => {
    requireAudience(claims, AUDIENCE);
    for (const other of ['', `${AUDIENCE}/`, AUDIENCE.toUpperCase(), AUDIENCE.slice(0, -1)]) {
      expect(() => requireAudience(claims, other)).toThrow(refused('token_wrong_audience', 'aud'));
    }
  });
});
