import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { add, formatShare, parseShare, requireWhole } from '../../../src/core/share.ts';

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
