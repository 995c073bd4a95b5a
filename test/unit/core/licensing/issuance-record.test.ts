import { describe, expect, test } from '@jest/globals';
import { fromUtf8, utf8 } from '../../../../src/core/bytes.ts';
import {
  formatIssuanceRecord,
  issuanceLeaves,
  parseIssuanceRecord,
} from '../../../../src/core/licensing/issuance-record.ts';
import { batchRoot } from '../../../../src/core/licensing/row-batch.ts';
import { nodeHash } from '../../../../src/core/merkle/tree.ts';
import { formatDigest } from '../../../../src/core/digest.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';

const record = (last: string) => ({
  jti: `token_0000000000000000000000000${last}`,
  grant: 'grant_00000000000000000000000001',
  licensee: 'party_00000000000000000000000002',
  kid: 'A'.repeat(43),
  claimsDigest: `sha256:${'cd'.repeat(32)}` as const,
  issuedAt: 1_780_000_000,
  expiresAt: 1_780_003_600,
  salt: '00112233445566778899aabbccddeeff',
  statusList: 0,
  statusIndex: 7,
});

describe('the record of an issued token', () => {
  test('is exactly these bytes', () => {
    expect(fromUtf8(formatIssuanceRecord(record('7')))).toBe(
      '{"claimsDigest":"sha256:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",' +
        '"expiresAt":1780003600,"grant":"grant_00000000000000000000000001","issuedAt":1780000000,' +
        '"jti":"token_00000000000000000000000007","kid":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",' +
        '"licensee":"party_00000000000000000000000002","salt":"00112233445566778899aabbccddeeff",' +
        '"statusIndex":7,"statusList":0,"type":"urn:muniment:token-issuance:v1"}',
    );
  });

  test('reads back to what was formatted', () => {
    const bytes = formatIssuanceRecord(record('1'));
    const { type, ...read } = parseIssuanceRecord(bytes);
    expect(type).toBe('urn:muniment:token-issuance:v1');
    expect(read).toEqual(record('1'));
  });

  test.each([
    ['white space', (text: string) => text.replace(',', ', ')],
    ['another order', (text: string) => text.replace(/^\{(.*),("type":.*)\}$/, '{$2,$1}')],
    ['a member twice', (text: string) => text.replace('{', '{"salt":"00112233445566778899aabbccddeeff",')],
    ['a member too many', (text: string) => text.replace('"type"', '"status":"ok","type"')],
    ['a missing salt', (text: string) => text.replace(/"salt":"[^"]*",/, '')],
    ['a fraction of a second', (text: string) => text.replace('1780000000', '1780000000.5')],
  ])('refuses %s', (_, change) => {
    const text = change(fromUtf8(formatIssuanceRecord(record('1'))));
    expect(() => parseIssuanceRecord(utf8(text))).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/malformed_json|invalid_input/) }),
    );
  });

  test('is hashed as a leaf of RFC 6962, and a batch of two as their node', () => {
    const [one, two] = [record('1'), record('2')];
    const leaves = issuanceLeaves(sha256, [one, two]);
    expect(leaves[0]).toEqual(sha256(Uint8Array.of(0), formatIssuanceRecord(one)));
    expect(batchRoot(sha256, leaves)).toBe(formatDigest(nodeHash(sha256, leaves[0]!, leaves[1]!)));
    expect(batchRoot(sha256, [...leaves].reverse())).not.toBe(batchRoot(sha256, leaves));
  });
});
