import { describe, expect, test } from '@jest/globals';
import type { ClaimState } from '../../../../src/core/title/claim-states.ts';
import { CLAIM_ACTS, CLAIM_STATES, CLAIM_TRANSITIONS, claimAfter } from '../../../../src/core/title/claim-states.ts';

const nextOf = (state: ClaimState) => Object.values(CLAIM_TRANSITIONS[state]);

function reachableFrom(state: ClaimState): Set<ClaimState> {
  const seen = new Set([state]);
  for (const each of seen) for (const next of nextOf(each)) seen.add(next);
  return seen;
}

describe('the life of an adverse claim', () => {
  test('reaches every state from its filing', () => {
    expect([...reachableFrom('standing')].sort()).toEqual([...CLAIM_STATES].sort());
  });

  test('can be ended by its claimant from every state, and never leaves its end', () => {
    for (const state of CLAIM_STATES) expect(reachableFrom(state)).toContain('withdrawn');
    for (const act of CLAIM_ACTS) {
      expect(() => claimAfter('adverseclaim_1', 'withdrawn', act)).toThrow(
        expect.objectContaining({ code: 'state_conflict', field: 'act' }),
      );
    }
  });

  test('uses every act somewhere', () => {
    const used = new Set(CLAIM_STATES.flatMap((state) => Object.keys(CLAIM_TRANSITIONS[state])));
    expect([...used].sort()).toEqual([...CLAIM_ACTS].sort());
  });
});
