import { describe, expect, it } from '@jest/globals';
import { judgeAnchor, judgeClock, judgeDatabase } from '../../../src/cli/doctor.ts';
import type { DatabaseFacts } from '../../../src/cli/doctor.store.ts';

const SOUND: DatabaseFacts = {
  versionNumber: 180004,
  fsync: 'on',
  synchronousCommit: 'on',
  fullPageWrites: 'on',
  synchronousStandbys: '',
  standbys: 0,
  inRecovery: false,
  now: 0,
  superuser: false,
};
const SERVER = { mode: 'external' as const, version: '18.4', separateRoles: true };

const statesOf = (facts: Partial<DatabaseFacts>, server: Partial<typeof SERVER> = {}) =>
  judgeDatabase({ ...SOUND, ...facts }, { ...SERVER, ...server })
    .filter(({ state }) => state !== 'ok')
    .map(({ check, state }) => `${check} ${state}`);

describe('a database', () => {
  it('that keeps what it acknowledged is fine', () => {
    expect(statesOf({})).toEqual([]);
  });

  it.each([
    ['fsync', { fsync: 'off' }],
    ['synchronous_commit', { synchronousCommit: 'off' }],
    ['full_page_writes', { fullPageWrites: 'off' }],
    ['primary', { inRecovery: true }],
    ['superuser', { superuser: true }],
    ['database', { versionNumber: 130012 }],
  ])('is wrong by its %s', (check, facts) => {
    expect(statesOf(facts)).toEqual([`${check} wrong`]);
  });

  it('with standbys that nobody waits for may lose acknowledged writes in a failover', () => {
    expect(statesOf({ standbys: 1 })).toEqual(['standbys warning']);
    expect(statesOf({ standbys: 1, synchronousStandbys: '*' })).toEqual([]);
  });

  it('with one login for everything is told so', () => {
    expect(statesOf({}, { separateRoles: false })).toEqual(['roles warning']);
  });
});

describe('the clock', () => {
  it('may differ by two seconds beyond the time that the question took', () => {
    expect(judgeClock(10_000, 12_000, 12_500).state).toBe('ok');
    expect(judgeClock(14_500, 12_000, 12_500).state).toBe('ok');
    expect(judgeClock(9_999, 12_000, 12_500).state).toBe('wrong');
    expect(judgeClock(14_501, 12_000, 12_500).state).toBe('wrong');
  });
});

describe('the anchor', () => {
  const root = 'A'.repeat(43) + '=';

  it('that the database holds is fine', () => {
    expect(judgeAnchor({ size: 5, root }, [{ size: 5, root }]).state).toBe('ok');
    expect(judgeAnchor({ size: 5, root }, [{ size: 3, root: 'other' }]).state).toBe('ok');
  });

  it('ahead of the database means that its end is missing', () => {
    expect(
      judgeAnchor({ size: 5, root }, [
        { size: 3, root },
        { size: 6, root },
      ]),
    ).toMatchObject({
      state: 'wrong',
      says: expect.stringContaining('6 are anchored'),
    });
  });

  it('with another root means another log', () => {
    expect(judgeAnchor({ size: 5, root }, [{ size: 5, root: 'B' }]).state).toBe('wrong');
  });

  it('missing altogether is a warning', () => {
    expect(judgeAnchor({ size: 5, root }, []).state).toBe('warning');
  });
});
