import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { base64, portable } from '../../../src/core/base64.ts';

const refused = expect.objectContaining({ code: 'invalid_input' });

describe.each([
  ["the runtime's own", base64],
  ['portable', portable],
])('base64, %s codec', (_, { encode, decode }) => {
  test('is what Node writes, and reads back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(encode(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(decode(encode(bytes))).toEqual(bytes);
      }),
    );
  });

  test('encodes a part of a larger buffer as that part alone', () => {
    expect(encode(new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4))).toBe('AQID');
  });

  test('takes one spelling alone of two and of three digits before the padding', () => {
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    const pairs = [...digits].flatMap((a) => [...digits].map((b) => `${a}${b}`));
    for (const text of pairs.flatMap((pair) => [`${pair}==`, `A${pair}=`])) {
      const canonical = Buffer.from(text, 'base64').toString('base64') === text;
      if (canonical) expect(encode(decode(text))).toBe(text);
      else expect(() => decode(text)).toThrow(refused);
    }
  });

  test.each([
    'A',
    'AA',
    'AAA',
    'AA=',
    'A===',
    'AAAA=',
    'AA AA',
    'AAAA\n',
    'AAB=',
    '_-A=',
    'é===',
    '=',
    '====',
    'A\u0141==',
    'AA==AAAA',
  ])('refuses "%s"', (text) => expect(() => decode(text)).toThrow(refused));
});
