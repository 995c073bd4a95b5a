import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ecdsaDer } from '../../../../src/cli/pkcs11/ecdsa-der.ts';
import { refusal } from './refusal.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const number = (end: string) => Buffer.from(end.padStart(64, '0'), 'hex');
const derOf = (r: string, s: string) => hex(ecdsaDer(Buffer.concat([number(r), number(s)])));

describe('a signature of a token in DER', () => {
  it.each([
    ['zeros in front', '01', '7f', '300602010102017f'],
    ['a first bit that would read as a sign', '80', 'ff00', '300902020080020300ff00'],
    ['the number zero', '00', '01', '3006020100020101'],
    ['zeros in front of such a bit', `80${'00'.repeat(30)}`, '01', `302502200080${'00'.repeat(30)}020101`],
    ['full length', '7f'.repeat(32), '01'.repeat(32), `30440220${'7f'.repeat(32)}0220${'01'.repeat(32)}`],
    ['the longest', '80'.repeat(32), 'ff'.repeat(32), `3046022100${'80'.repeat(32)}022100${'ff'.repeat(32)}`],
  ])('writes %s', (_, r, s, der) => {
    expect(derOf(r, s)).toBe(der);
  });

  it('is what OpenSSL verifies, for any message', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (message) => {
        const raw = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
        expect(verify('sha256', message, publicKey, ecdsaDer(raw))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([0, 32, 63, 65, 96])('refuses %i bytes, which is no signature of this curve', (length) => {
    expect(refusal(() => ecdsaDer(Buffer.alloc(length, 1))).code).toBe('pkcs11_failed');
  });
});
