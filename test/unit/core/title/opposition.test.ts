import { describe, expect, test } from '@jest/globals';
import { daysAfter, monthsAfter } from '../../../../src/core/title/dates.ts';
import { CURRENT_EDITION, GRACE_EDITIONS, GRACE_RULES, graceRules } from '../../../../src/core/title/jurisdictions.ts';
import {
  firstRecordWindow,
  leastSure,
  oppositionOf,
  surenessOf,
  transferWindow,
} from '../../../../src/core/title/opposition.ts';

describe('days', () => {
  test.each([
    ['2026-01-31', 1, '2026-02-28'],
    ['2028-01-31', 1, '2028-02-29'],
    ['2026-11-30', 3, '2027-02-28'],
    ['2026-12-15', 1, '2027-01-15'],
    ['2026-10-31', 2, '2026-12-31'],
    ['2026-06-10', 0, '2026-06-10'],
  ])('%s and %i months is %s', (day, months, after) => expect(monthsAfter(day, months)).toBe(after));

  test('go over the ends of months and years', () => {
    expect([daysAfter('2026-12-01', 60), daysAfter('2028-02-28', 1)]).toEqual(['2027-01-30', '2028-02-29']);
  });
});

describe('the rules of grace', () => {
  test('each bear a name once in an edition, a source, and a positive length', () => {
    expect(GRACE_EDITIONS).toContain(CURRENT_EDITION);
    for (const rules of Object.values(GRACE_RULES)) {
      expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
      for (const { months, source } of rules) expect([months > 0, /§ \d+/.test(source)]).toEqual([true, true]);
    }
  });

  test('hold for what was executed while the law was in force', () => {
    const ids = (on: string) => graceRules(CURRENT_EDITION, 'US', on).map(({ id }) => id);
    expect(ids('1977-12-31')).toEqual(['us-patent']);
    expect(ids('1978-01-01')).toHaveLength(3);
  });

  test('are none where no statute is known, and where no law is named', () => {
    expect([graceRules(CURRENT_EDITION, 'DE', '2026-01-01'), graceRules(CURRENT_EDITION, null, '2026-01-01')]).toEqual([
      [],
      [],
    ]);
  });
});

describe('a record', () => {
  test('is provisional up to the last day of its window, and undisputed from the next on', () => {
    const ends = transferWindow('US', '2026-05-31');
    expect(ends).toBe('2026-08-31');
    expect(oppositionOf(ends, false, '2026-08-31').status).toBe('provisional');
    expect(oppositionOf(ends, false, '2026-09-01').status).toBe('undisputed');
  });

  test('without a window is undisputed at once', () => {
    expect([transferWindow('DE', '2026-05-31'), transferWindow(null, '2026-05-31')]).toEqual([null, null]);
    expect(firstRecordWindow(0, '2026-05-31')).toBeNull();
    expect(oppositionOf(null, false, '2026-05-31').status).toBe('undisputed');
  });

  test('is contested while a claim stands, long after its window', () => {
    const ends = firstRecordWindow(60, '2026-01-01');
    expect(ends).toBe('2026-03-02');
    expect(oppositionOf(ends, true, '2030-01-01')).toEqual({ status: 'contested', windowEnds: ends });
  });

  test('leaves its mark on the share however often it is sold on', () => {
    const sure = oppositionOf(null, false, '2026-01-02');
    const contested = oppositionOf(null, true, '2026-01-02');
    const provisional = oppositionOf('2026-02-01', false, '2026-01-02');
    const statuses = (all: ReadonlyMap<string, { status: string }>) =>
      Object.fromEntries([...all].map(([party, { status }]) => [party, status]));
    const sales = [
      { from: 'ada', to: 'ben', ...contested },
      { from: 'ben', to: 'cai', ...sure },
      { from: 'dan', to: 'eve', ...sure },
    ];
    expect(statuses(surenessOf(provisional, ['ada', 'dan'], sales))).toEqual({
      ada: 'provisional',
      ben: 'contested',
      cai: 'contested',
      dan: 'provisional',
      eve: 'provisional',
    });
    expect(surenessOf(sure, ['ada', 'dan'], sales).get('eve')).toEqual(sure);
  });

  test('of several is as sure as the least sure one', () => {
    const [a, b, c] = [
      oppositionOf(null, false, '2026-01-02'),
      oppositionOf('2026-02-01', false, '2026-01-02'),
      oppositionOf('2026-01-01', true, '2026-01-02'),
    ] as const;
    expect(leastSure([a])).toEqual(a);
    expect(leastSure([a, b])).toEqual(b);
    expect(leastSure([b, c, a])).toEqual({ status: 'contested', windowEnds: '2026-02-01' });
  });
});
