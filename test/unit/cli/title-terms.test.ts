import { describe, expect, it } from '@jest/globals';
import { quorumsOf, shareOf } from '../../../src/cli/title-terms.ts';

const NONE = { assignment: '0', pledge: '0', option: '0', 'priority-hold': '0', 'exclusive-license': '1/1' };

describe('quorums', () => {
  it('that are not named are those agreed on before, or those that hold without an agreement', () => {
    expect(quorumsOf(['assignment=2/3'], null)).toEqual({ ...NONE, assignment: '2/3' });
    expect(quorumsOf(['pledge=1'], { ...NONE, option: '1/2' })).toEqual({ ...NONE, option: '1/2', pledge: '1/1' });
    expect(quorumsOf(['exclusive-license=0'], null)).toEqual({ ...NONE, 'exclusive-license': '0' });
  });

  it.each(['sale=1/2', 'assignment', 'assignment=', '=1/2', 'co-ownership=1/2'])('"%s" is wrong usage', (text) => {
    expect(() => quorumsOf([text], null)).toThrow(expect.objectContaining({ code: 'usage', field: 'quorum' }));
  });

  it('are named once each', () => {
    expect(() => quorumsOf(['pledge=1/2', 'pledge=1/3'], null)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it.each(['2/4', '3/2', '0.5', '-1/2'])('of %s are refused', (quorum) => {
    expect(() => quorumsOf([`pledge=${quorum}`], null)).toThrow(expect.objectContaining({ code: 'shares_invalid' }));
  });
});

describe('shares', () => {
  it('are fractions, and 1 is the whole', () => {
    expect([shareOf('1/3'), shareOf('1')]).toEqual(['1/3', '1/1']);
    expect(() => shareOf('0.5')).toThrow(expect.objectContaining({ code: 'shares_invalid', field: 'share' }));
    expect(() => shareOf('1/1000003')).toThrow(expect.objectContaining({ code: 'share_too_fine' }));
  });
});
