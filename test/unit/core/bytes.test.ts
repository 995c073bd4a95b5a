import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromBase64, fromHex, toBase64, toHex } from '../../../src/core/bytes.ts';

const refused = expect.objectContaining({ code: 'invalid_input' });

describe('base64', () => {
  test('is what Node writes, and reads back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
      }),
    );
  });

  test('takes one spelling alone of two digits before the padding', () => {
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    for (const pair of [...digits].flatMap((a) => [...digits].map((b) => `${a}${b}==`))) {
      const canonical = Buffer.from(pair, 'base64').toString('base64') === pair;
      if (canonical) expect(toBase64(fromBase64(pair))).toBe(pair);
      else expect(() => fromBase64(pair)).toThrow(refused);
    }
  });

  test.each(['A', 'AA', 'AAA', 'AA=', 'A===', 'AAAA=', 'AA AA', 'AAAA\n', 'AAB=', '_-A=', 'é===', '=', '===='])(
    'refuses "%s"',
    (text) => expect(() => fromBase64(text)).toThrow(refused),
  );
});

describe('hex', () => {
  test('reads back what it writes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => expect(fromHex(toHex(bytes))).toEqual(bytes)));
  });

  test.each(['0', 'AB', '0x00', 'zz', '00 '])('refuses "%s"', (text) => expect(() => fromHex(text)).toThrow(refused));
});
