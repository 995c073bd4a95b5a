/**
 * License tokens in strangers' hands: PyPI's PyJWT, Authlib and joserfc accept them by the registry's JWKS alone, and
 * refuse them altered. Needs Python. Without it the tests are reported as skipped, except in CI, where they fail.
 */
import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { LicenseTokenClaims } from '../../../src/core/licensing/token-claims.ts';
import { signLicenseToken } from '../../../src/tokens/license-token/index.ts';
import type { KeyPair } from '../../unit/tokens/fixture.ts';
import { AUDIENCE, claims as template, forge, ISSUER, makeKey } from '../../unit/tokens/fixture.ts';
import { preparePython } from './python.ts';

jest.setTimeout(300_000);

const python = preparePython();
const inCi = !['', '0', 'false'].includes(process.env['CI'] ?? '');
if ('lacking' in python && !inCi) process.stderr.write(`SKIPPED: ${python.lacking}\n`);
const whenPython = 'interpreter' in python || inCi ? test : test.skip;

const JUDGES = ['pyjwt', 'authlib', 'joserfc'] as const;
type Verdict = { claims: object } | { error: string };

let key: KeyPair;
let other: KeyPair;
let claims: LicenseTokenClaims;
beforeAll(async () => {
  [key, other] = [await makeKey(), await makeKey()];
  const now = Math.floor(Date.now() / 1000);
  claims = { ...template, iat: now, nbf: now, exp: now + 3600 };
});

function judge(tokens: string[]): Record<(typeof JUDGES)[number], Verdict>[] {
  if (!('interpreter' in python)) throw new Error(python.lacking);
  const script = fileURLToPath(new URL('judge.py', import.meta.url));
  const asked = { jwks: { keys: [other.jwk, key.jwk] }, issuer: ISSUER, audience: AUDIENCE, tokens };
  const { status, stdout, stderr } = spawnSync(python.interpreter, ['-B', script], {
    input: JSON.stringify(asked),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`judge.py ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as ReturnType<typeof judge>;
}

const refusedByAll = Object.fromEntries(JUDGES.map((name) => [name, { error: expect.any(String) }]));

describe('PyJWT, Authlib and joserfc', () => {
  whenPython('accept a token by the key set alone and read the same claims', () => {
    const accepted = Object.fromEntries(JUDGES.map((name) => [name, { claims }]));
    expect(judge([signLicenseToken(claims, key), signLicenseToken(claims, other)])).toEqual([accepted, accepted]);
  });

  whenPython('refuse it after one character was changed, at fifty places', () => {
    const token = signLicenseToken(claims, key);
    const altered = Array.from({ length: 50 }, (_, i) => {
      const at = Math.floor((i * (token.length - 2)) / 50);
      const character = token[at] === '.' ? '_' : token[at] === 'A' ? 'B' : 'A';
      return `${token.slice(0, at)}${character}${token.slice(at + 1)}`;
    });
    expect(judge(altered)).toEqual(altered.map(() => refusedByAll));
  });

  whenPython('refuse what our verifier refuses for its key, its time, its issuer and its audience', async () => {
    const header = { alg: 'ES256', kid: key.kid, typ: 'model-license+jwt' };
    const stranger = await makeKey();
    const pem = key.publicKey.export({ format: 'pem', type: 'spki' });
    const hmac = (input: Buffer) => createHmac('sha256', pem).update(input).digest();
    const verdicts = judge([
      signLicenseToken(claims, stranger),
      forge(header, claims, other.privateKey),
      forge({ ...header, alg: 'HS256' }, claims, key.privateKey, hmac),
      forge({ ...header, alg: 'none' }, claims, key.privateKey, () => Buffer.alloc(0)),
      signLicenseToken({ ...claims, iat: claims.iat - 7200, nbf: claims.nbf - 7200, exp: claims.exp - 7200 }, key),
      signLicenseToken({ ...claims, nbf: claims.nbf + 600 }, key),
      signLicenseToken({ ...claims, iss: 'https://evil.example' }, key),
      signLicenseToken({ ...claims, aud: 'https://other.example' }, key),
    ]);
    expect(verdicts).toEqual(verdicts.map(() => refusedByAll));
  });
});
