import { describe, expect, test } from '@jest/globals';
import {
  SUCCESSION_ACTS,
  SUCCESSION_STATES,
  SUCCESSION_TRANSITIONS,
  successionAfter,
} from '../../../../src/core/title/succession-states.ts';

describe('the life of a succession', () => {
  test('reaches every state from the offered one, and knows no other', () => {
    const reached = new Set<string>(['offered']);
    for (const state of reached) {
      const acts = SUCCESSION_TRANSITIONS[state as keyof typeof SUCCESSION_TRANSITIONS];
      for (const next of Object.values(acts).flat()) reached.add(next);
    }
    expect([...reached].sort()).toEqual([...SUCCESSION_STATES].sort());
  });

  test('uses every act, and ends where no act leads on', () => {
    const used = new Set(Object.values(SUCCESSION_TRANSITIONS).flatMap((acts) => Object.keys(acts)));
    expect([...used].sort()).toEqual([...SUCCESSION_ACTS].sort());
    for (const state of ['recorded', 'rejected', 'withdrawn'] as const) {
      for (const act of SUCCESSION_ACTS) {
        expect(() => successionAfter('succession_x', state, act, true)).toThrow(
          expect.objectContaining({ code: 'state_conflict', field: 'act' }),
        );
      }
    }
  });

  test('is in force with the last acceptance alone', () => {
    expect(successionAfter('succession_x', 'offered', 'accept', false)).toBe('offered');
    expect(successionAfter('succession_x', 'offered', 'accept', true)).toBe('recorded');
  });
});
