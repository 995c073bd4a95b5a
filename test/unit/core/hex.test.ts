import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hex, portable } from '../../../src/core/hex.ts';

const refused = expect.objectContaining({ code: 'invalid_input' });

describe.each([
  ["the runtime's own", hex],
  ['portable', portable],
])('hex, %s codec', (_, { encode, decode }) => {
  test('is what Node writes, and reads back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        expect(encode(bytes)).toBe(Buffer.from(bytes).toString('hex'));
        expect(decode(encode(bytes))).toEqual(bytes);
      }),
    );
  });

  test('encodes a part of a larger buffer as that part alone', () => {
    expect(encode(new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4))).toBe('010203');
  });

  test.each(['0', 'AB', '0x00', 'zz', '00 ', 'é0', '000g'])('refuses "%s"', (text) =>
    expect(() => decode(text)).toThrow(refused),
  );
});
