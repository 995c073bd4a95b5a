import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../src/core/bytes.ts';

const refused = expect.objectContaining({ code: 'invalid_input' });

describe('hex', () => {
  test('reads back what it writes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => expect(fromHex(toHex(bytes))).toEqual(bytes)));
  });

  test.each(['0', 'AB', '0x00', 'zz', '00 '])('refuses "%s"', (text) => expect(() => fromHex(text)).toThrow(refused));
});
