import { describe, expect, test } from '@jest/globals';
import { fromUtf8 } from '../../../../src/core/bytes.ts';
import { accessLeaves, formatAccessRecord } from '../../../../src/core/licensing/access-record.ts';
import { leafHash } from '../../../../src/core/merkle/tree.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';

const record = {
  number: 7,
  registration: 'registration_00000000000000000000000001',
  party: 'party_00000000000000000000000002',
  apiKey: 'apikey_00000000000000000000000003',
  token: null,
  grant: null,
  fileDigest: `sha256:${'cd'.repeat(32)}` as const,
  firstByte: 10,
  lastByte: 19,
  at: '2026-01-02T03:04:05.250Z',
  salt: '00112233445566778899aabbccddeeff',
};

describe('the record of an access', () => {
  test('is canonical JSON of its members, and of nothing else that a row has', () => {
    const bytes = formatAccessRecord({ ...record, batchId: 'accessbatch_1', position: 3 } as typeof record);
    expect(fromUtf8(bytes)).toBe(
      `{"apiKey":"${record.apiKey}","at":"2026-01-02T03:04:05.250Z","fileDigest":"${record.fileDigest}","firstByte":10,` +
        `"grant":null,"lastByte":19,"number":7,"party":"${record.party}","registration":"${record.registration}",` +
        `"salt":"${record.salt}","token":null,"type":"urn:muniment:artifact-access:v1"}`,
    );
    expect(accessLeaves(sha256, [record])).toEqual([leafHash(sha256, bytes)]);
  });

  test.each<[string, object]>([
    ['no party', { party: 'party_1' }],
    ['a number below one', { number: 0 }],
    ['a byte before the first', { firstByte: -1 }],
    ['a time without milliseconds', { at: '2026-01-02T03:04:05Z' }],
    ['a salt that is too short', { salt: '00' }],
  ])('is not made of %s', (_, wrong) => {
    expect(() => formatAccessRecord({ ...record, ...wrong })).toThrow();
  });

  test.each(Object.keys(record))('has another leaf where its member %s is another', (member) => {
    const other = {
      ...{ number: 8, registration: record.registration.replace(/1$/, '9'), party: record.party.replace(/2$/, '9') },
      ...{
        apiKey: record.apiKey.replace(/3$/, '9'),
        token: `token_${'0'.repeat(26)}`,
        grant: `grant_${'0'.repeat(26)}`,
      },
      ...{ fileDigest: `sha256:${'ce'.repeat(32)}`, firstByte: 11, lastByte: 18, at: '2026-01-02T03:04:05.251Z' },
      salt: '10112233445566778899aabbccddeeff',
    }[member];
    const [one, two] = accessLeaves(sha256, [record, { ...record, [member]: other }]);
    expect(one).not.toEqual(two);
  });
});
