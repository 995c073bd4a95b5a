import { describe, expect, test } from '@jest/globals';
import type { GrantAct, GrantLife } from '../../../../src/core/licensing/grant-states.ts';
import {
  GRANT_ACTS,
  GRANT_STATES,
  grantStateAt,
  lifeAfter,
  stageAfter,
} from '../../../../src/core/licensing/grant-states.ts';

const at = (day: number) => `2026-01-${String(day).padStart(2, '0')}T00:00:00.000Z`;
const OFFER = { acceptBy: at(3), notBefore: at(5), expiresAt: at(20) };
const after = (...acts: (GrantAct | [GrantAct, string])[]): GrantLife =>
  lifeAfter(
    OFFER,
    acts.map((each) => (typeof each === 'string' ? { act: each, endsAt: null } : { act: each[0], endsAt: each[1] })),
  );
const life = (days: number[], grant: GrantLife, above: GrantLife[] = []) =>
  days.map((day) => grantStateAt(grant, at(day), above));

describe('the state of a grant', () => {
  test('follows the clock by itself', () => {
    expect(life([1, 3], after())).toEqual(['offered', 'lapsed']);
    expect(life([4, 5, 19, 20], after('accept'))).toEqual(['not-yet-valid', 'active', 'active', 'expired']);
    expect(life([1, 25], after('decline'))).toEqual(['declined', 'declined']);
    expect(life([1, 25], after('withdraw'))).toEqual(['withdrawn', 'withdrawn']);
    expect(life([4, 6, 20], after('accept', 'suspend'))).toEqual(['suspended', 'suspended', 'expired']);
    expect(life([6], after('accept', 'suspend', 'resume'))).toEqual(['active']);
    expect(life([9, 10, 20], after('accept', ['terminate', at(10)]))).toEqual(['active', 'terminated', 'terminated']);
  });

  test('follows those above: the worst of them counts', () => {
    const own = after('accept');
    expect(life([6], own, [after('accept'), after('accept', 'suspend')])).toEqual(['suspended']);
    expect(life([9, 10], own, [after('accept', ['terminate', at(10)]), after('accept', 'suspend')])).toEqual([
      'suspended',
      'terminated',
    ]);
    expect(life([6], after(), [after('accept', 'suspend')])).toEqual(['lapsed']);
  });

  test('takes the acts of its state and no others, and each state can be reached', () => {
    const met = new Set<string>();
    const walk = (grant: GrantLife, depth: number) => {
      for (const day of [1, 4, 6, 12, 25]) {
        met.add(grantStateAt(grant, at(day)));
        for (const act of GRANT_ACTS) {
          let stage;
          try {
            stage = stageAfter('grant_x', grant, act, at(day));
          } catch (error) {
            expect(error).toMatchObject({ code: 'state_conflict', field: 'act' });
            continue;
          }
          const next = { ...grant, stage, ...(act === 'terminate' ? { endsAt: at(day) } : {}) };
          // Nothing brings back what has ended.
          if (act === 'terminate') expect(grantStateAt(next, at(day))).toBe('terminated');
          if (depth > 0) walk(next, depth - 1);
        }
      }
    };
    walk(after(), 3);
    expect([...met].sort()).toEqual([...GRANT_STATES].sort());
  });
});
