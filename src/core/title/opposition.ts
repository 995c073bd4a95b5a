/**
 * How sure a record of title is. A transfer is provisional as long as the law that governs it lets an earlier one be
 * recorded late, and a first record until its opposition window is over; while a claim against it stands it is contested,
 * however old it is. No statement says so: it is computed when somebody asks, from the day on which the registry's own
 * clock saw the record, which proves nothing to others.
 */
import { daysAfter, monthsAfter } from './dates.ts';
import { CURRENT_EDITION, graceRules } from './jurisdictions.ts';

export const OPPOSITION_STATUSES = ['undisputed', 'provisional', 'contested'] as const;

export interface Opposition {
  readonly status: (typeof OPPOSITION_STATUSES)[number];
  /** The last day of the window; null where there is none */
  readonly windowEnds: string | null;
}

/** The longest that any rule of the jurisdiction grants. @param recordedOn the day on which it came into force */
export function transferWindow(jurisdiction: string | null, recordedOn: string): string | null {
  const months = graceRules(CURRENT_EDITION, jurisdiction, recordedOn).map((rule) => rule.months);
  return months.length === 0 ? null : monthsAfter(recordedOn, Math.max(...months));
}

export const firstRecordWindow = (days: number, recordedOn: string): string | null =>
  days === 0 ? null : daysAfter(recordedOn, days);

/** @param on the day for which it is asked */
export function oppositionOf(windowEnds: string | null, contested: boolean, on: string): Opposition {
  if (contested) return { status: 'contested', windowEnds };
  return { status: windowEnds !== null && on <= windowEnds ? 'provisional' : 'undisputed', windowEnds };
}

/** Of several records behind one share the least sure status, and the end of the last window. */
export function leastSure(oppositions: readonly Opposition[]): Opposition {
  const rank = ({ status }: Opposition) => OPPOSITION_STATUSES.indexOf(status);
  const ends = oppositions.flatMap(({ windowEnds }) => windowEnds ?? []).sort();
  return {
    status: OPPOSITION_STATUSES[Math.max(0, ...oppositions.map(rank))]!,
    windowEnds: ends.at(-1) ?? null,
  };
}
