/** Status list tokens, read as strictly as license tokens. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { LicenseTokenClaims } from '../../../src/core/licensing/token-claims.ts';
import { statusListBytes, writeStatus } from '../../../src/core/licensing/status-list.ts';
import { readJwks, signLicenseToken } from '../../../src/tokens/license-token/index.ts';
import type { TokenSigner, VerificationKeys } from '../../../src/tokens/license-token/index.ts';
import { requireCounts, signStatusList, verifyStatusList } from '../../../src/tokens/status-list/index.ts';
import { claims, forge, ISSUER as issuer, makeKey } from './fixture.ts';

const uri = `${issuer}/statuslists/0`;
const now = 1_780_000_000_000;
const seconds = now / 1000;

let signer: TokenSigner;
let keys: VerificationKeys;
let list: Uint8Array;
beforeAll(async () => {
  const { jwk, privateKey } = await makeKey();
  signer = { kid: jwk.kid, privateKey };
  keys = await readJwks({ keys: [jwk] });
  list = new Uint8Array(statusListBytes(100));
  for (const [index, status] of [0, 1, 2, 3].entries()) writeStatus(list, index, status);
});

const made = (changed: object = {}) =>
  signStatusList({ issuer, uri, issuedAt: seconds, expiresAt: seconds + 120, ttl: 60, list, ...changed }, signer);
const judged = (token: string, changed: object = {}) =>
  verifyStatusList(token, { keys, issuer, uri, now, maxStaleness: 60, ...changed });
const refused = (code: string) => expect.objectContaining({ code });
const claimsAt = (idx: number): LicenseTokenClaims => ({ ...claims, status: { status_list: { idx, uri } } });

/** A token over other claims or another header, signed with the right key. */
function forged(change: (header: Record<string, unknown>, claims: Record<string, unknown>) => void): string {
  const [header, said] = made()
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>) as [
    Record<string, unknown>,
    Record<string, unknown>,
  ];
  change(header, said);
  return forge(header, said, signer.privateKey);
}

describe('a status list', () => {
  test('tells of each token whether it counts', () => {
    const told = judged(made());
    expect(told).toMatchObject({ issuedAt: seconds, ttl: 60, list });
    expect(requireCounts(claimsAt(0), told)).toBe('valid');
    expect(() => requireCounts(claimsAt(1), told)).toThrow(refused('token_revoked'));
    expect(() => requireCounts(claimsAt(2), told)).toThrow(refused('token_suspended'));
    expect(requireCounts(claimsAt(3), told)).toBe('disputed');
    expect(() => requireCounts(claimsAt(100), told)).toThrow(refused('status_list_invalid'));
  });

  test('is believed for as long as the verifier says, and never beyond its own end', () => {
    expect(() => judged(made(), { now: now + 60_000 })).not.toThrow();
    expect(() => judged(made(), { now: now + 61_000 })).toThrow(refused('status_stale'));
    expect(() => judged(made(), { now: now + 120_000, maxStaleness: 1000 })).toThrow(refused('status_stale'));
    expect(() => judged(made(), { maxStaleness: NaN })).toThrow(refused('status_stale'));
  });

  test('is believed by a clock that is some seconds behind, and not by one that is wrong: clock skew', () => {
    expect(() => judged(made(), { now: now - 5000 })).not.toThrow();
    expect(() => judged(made(), { now: now - 6000 })).toThrow(refused('status_list_invalid'));
  });

  test('altered is refused: altered status list', () => {
    const [header, payload, signature] = made().split('.');
    const claims = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as { status_list: { lst: string } };
    const other = new Uint8Array(list.length);
    const altered = JSON.parse(JSON.stringify(claims)) as typeof claims;
    altered.status_list.lst = (
      JSON.parse(Buffer.from(made({ list: other }).split('.')[1]!, 'base64url').toString()) as typeof claims
    ).status_list.lst;
    const text = [header, Buffer.from(JSON.stringify(altered)).toString('base64url'), signature].join('.');
    expect(() => judged(text)).toThrow(refused('signature_invalid'));
  });

  test.each<[string, string, (header: Record<string, unknown>, claims: Record<string, unknown>) => void]>([
    [
      'another list than the token names',
      'status_list_invalid',
      (_, claims) => (claims['sub'] = `${issuer}/statuslists/1`),
    ],
    ['another registry', 'token_foreign', (_, claims) => (claims['iss'] = 'https://evil.example')],
    ['a type that is a license token', 'token_malformed', (header) => (header['typ'] = 'model-license+jwt')],
    ['a key in the header', 'token_malformed', (header) => (header['jwk'] = {})],
    ['no algorithm', 'token_algorithm_refused', (header) => (header['alg'] = 'none')],
    [
      'statuses of another width',
      'status_list_invalid',
      (_, claims) => (claims['status_list'] = { bits: 1, lst: 'eNrbuRgAAhcBXQ' }),
    ],
    ['no time', 'status_list_invalid', (_, claims) => delete claims['iat']],
  ])('of %s is refused', (_, code, change) => {
    expect(() => judged(forged(change))).toThrow(refused(code));
  });

  test('is not what a license token is taken for, and the other way round', () => {
    expect(() => judged(signLicenseToken(claimsAt(0), signer))).toThrow(refused('token_malformed'));
  });
});
