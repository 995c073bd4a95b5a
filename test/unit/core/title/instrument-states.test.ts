import { describe, expect, test } from '@jest/globals';
import type { InstrumentState } from '../../../../src/core/title/instrument-states.ts';
import {
  INSTRUMENT_ACTS,
  INSTRUMENT_STATES,
  requireAct,
  transition,
  TRANSITIONS,
} from '../../../../src/core/title/instrument-states.ts';

const nextOf = (state: InstrumentState) => Object.values(TRANSITIONS[state]).flat();

function reachableFrom(state: InstrumentState): Set<InstrumentState> {
  const seen = new Set([state]);
  for (const each of seen) for (const next of nextOf(each)) seen.add(next);
  return seen;
}

describe('the life of an instrument', () => {
  test('reaches every state from a draft', () => {
    expect([...reachableFrom('draft')].sort()).toEqual([...INSTRUMENT_STATES].sort());
  });

  test('comes to an end from every state', () => {
    const ends = INSTRUMENT_STATES.filter((state) => nextOf(state).length === 0);
    expect(ends).toEqual(['rejected', 'withdrawn', 'lapsed', 'released']);
    for (const state of INSTRUMENT_STATES) expect(ends.some((end) => reachableFrom(state).has(end))).toBe(true);
  });

  test('never leaves an end, nor goes back to a draft', () => {
    for (const state of INSTRUMENT_STATES) expect(nextOf(state)).not.toContain('draft');
    for (const act of INSTRUMENT_ACTS) {
      for (const end of ['rejected', 'withdrawn', 'lapsed', 'released'] as const) {
        expect(() => requireAct('instrument_1', end, act)).toThrow(expect.objectContaining({ code: 'state_conflict' }));
      }
    }
  });

  test('uses every act somewhere', () => {
    const used = new Set(INSTRUMENT_STATES.flatMap((state) => Object.keys(TRANSITIONS[state])));
    expect([...used].sort()).toEqual([...INSTRUMENT_ACTS, 'offer'].sort());
  });

  test('refuses a step that is not in the table', () => {
    expect(transition('offered', 'accept', 'recorded')).toBe('recorded');
    expect(() => transition('offered', 'consent', 'recorded')).toThrow(
      expect.objectContaining({ code: 'state_conflict' }),
    );
  });
});
