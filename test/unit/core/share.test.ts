import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Share } from '../../../src/core/share.ts';
import {
  add,
  compare,
  divide,
  formatShare,
  MAX_DENOMINATOR,
  NOTHING,
  parseShare,
  requireWhole,
  subtract,
} from '../../../src/core/share.ts';

const refused = (code: string) => expect.objectContaining({ code });

describe('shares', () => {
  test.each(['0/1', '2/1', '-1/2', '1/0', '01/2', '1/02', '0.5', '1/2 ', '50%', '', '1/2/3', `1/${'9'.repeat(40)}`])(
    'refuses "%s"',
    (text) => expect(() => parseShare(text)).toThrow(refused('shares_invalid')),
  );

  test('refuses a share that is not in lowest terms and says which is', () => {
    expect(() => parseShare('2/4')).toThrow(expect.objectContaining({ fix: expect.stringContaining('"1/2"') }));
  });

  test('refuses a share that is finer than the bound', () => {
    expect(() => parseShare('1/1000001')).toThrow(refused('share_too_fine'));
    expect(parseShare('1/1000000').den).toBe(1_000_000n);
  });

  test('format is the inverse of parse', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 1000 }), (a, b) => {
        const share = add({ num: BigInt(Math.min(a, b)), den: BigInt(Math.max(a, b)) }, { num: 0n, den: 1n });
        expect(parseShare(formatShare(share))).toEqual(share);
      }),
    );
  });

  test('takes thirds, which no binary fraction adds up', () => {
    expect(() => requireWhole(['a', 'b', 'c'].map((party) => ({ party, share: '1/3' })))).not.toThrow();
  });

  test.each([
    ['too little', ['1/2', '1/3']],
    ['too much by a millionth', ['1/2', '1/2', '1/1000000']],
    ['nothing but a part', ['999999/1000000']],
  ])('refuses owners that hold %s', (_, shares) => {
    const owners = shares.map((share, i) => ({ party: `p${i}`, share }));
    expect(() => requireWhole(owners)).toThrow(refused('shares_invalid'));
  });

  test('refuses an owner named twice', () => {
    const owners = [
      { party: 'a', share: '1/2' },
      { party: 'a', share: '1/2' },
    ];
    expect(() => requireWhole(owners)).toThrow(refused('shares_invalid'));
  });
});

describe('a share that is divided', () => {
  const among = (...each: [portion: string, held: string][]) =>
    each.map(([portion, held]) => ({
      portion: parseShare(portion),
      held: held === '0' ? NOTHING : parseShare(held),
    }));
  const parts = (share: string, ...each: [portion: string, held: string][]) =>
    divide(parseShare(share), among(...each)).map(formatShare);

  test('is divided exactly where that fits', () => {
    expect(parts('1/2', ['1/3', '0'], ['2/3', '1/4'])).toEqual(['1/6', '1/3']);
    expect(parts('1/2', ['1/1', '1/3'])).toEqual(['1/2']);
  });

  test('is rounded to the finest unit that fits, the largest remainder up and the first of equal ones', () => {
    expect(parts('2/3', ['1/1000000', '0'], ['999999/1000000', '0'])).toEqual(['1/999999', '666665/999999']);
    expect(parts('1/1000000', ['1/2', '0'], ['1/2', '0'])).toEqual(['1/1000000', '0/1']);
  });

  test('is refused where not even that fits what somebody holds', () => {
    expect(() => parts('1/999983', ['1/1', '1/999979'])).toThrow(refused('share_too_fine'));
  });

  test('comes to exactly itself, fine enough, and is off by less than a unit, whatever the portions', () => {
    const number = fc.integer({ min: 1, max: 1000 });
    const weights = fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(number, number, weights, fc.integer({ min: 1, max: 999 }), (a, b, given, den) => {
        const share = add({ num: BigInt(Math.min(a, b)), den: BigInt(Math.max(a, b)) }, NOTHING);
        const whole = given.reduce((sum, each) => sum + each, 0);
        const sides = given.map((each, i) => ({
          portion: add({ num: BigInt(each), den: BigInt(whole) }, NOTHING),
          held: i === 0 ? { num: 1n, den: BigInt(den) } : NOTHING,
        }));
        const divided = divide(share, sides);
        expect(divided.reduce(add, NOTHING)).toEqual(share);
        for (const [i, part] of divided.entries()) {
          const { portion, held } = sides[i]!;
          expect(part.num >= 0n && part.den <= MAX_DENOMINATOR && add(part, held).den <= MAX_DENOMINATOR).toBe(true);
          const exact: Share = { num: share.num * portion.num, den: share.den * portion.den };
          const off = subtract(part, exact);
          const unit = share.den * BigInt(den);
          const limit = { num: 1n, den: MAX_DENOMINATOR > unit ? MAX_DENOMINATOR - unit : 1n };
          expect(compare(off.num < 0n ? { ...off, num: -off.num } : off, limit)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });
});
