import { describe, expect, it } from '@jest/globals';
import type { Stranger } from '../../../../src/core/fingerprint/strangers.ts';
import { notAStranger } from '../../../../src/core/fingerprint/strangers.ts';

const candidate = { registration: 'candidate', recordedIndex: 20 };
const suspect = { registration: 'suspect', recordedIndex: 10 };
const stranger = (registration: string, different: Partial<Stranger> = {}): Stranger => ({
  registration,
  registrant: `maker of ${registration}`,
  recordedIndex: 9,
  ...different,
});

describe('a list of strangers', () => {
  it('is taken where each is older, and no registrant has more than three', () => {
    const three = ['a', 'b', 'c'].map((name) => stranger(name, { registrant: 'ada' }));
    expect(notAStranger([...three, stranger('d')], [candidate, suspect])).toBeUndefined();
    expect(notAStranger([], [candidate])).toBeUndefined();
  });

  it.each<[string, Stranger[], string]>([
    ['that is younger than the suspect', [stranger('a', { recordedIndex: 10 })], 'a'],
    ['that is compared itself', [stranger('a'), stranger('suspect')], 'suspect'],
    ['that is named twice', [stranger('a'), stranger('a', { registrant: 'ben' })], 'a'],
    ['of a registrant who has three', ['a', 'b', 'c', 'd'].map((name) => stranger(name, { registrant: 'ada' })), 'd'],
  ])('has none %s', (_, strangers, wrong) => {
    expect(notAStranger(strangers, [candidate, suspect])).toMatchObject({ registration: wrong });
  });

  it('may be younger than a suspect that is not on record', () => {
    expect(notAStranger([stranger('a', { recordedIndex: 15 })], [candidate])).toBeUndefined();
    expect(notAStranger([stranger('a', { recordedIndex: 20 })], [candidate])).toBeDefined();
  });
});
