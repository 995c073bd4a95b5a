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

/** A transfer that counts, and how sure its own record is. */
export interface OpposedTransfer extends Opposition {
  readonly from: string;
  readonly to: string;
}

/**
 * How sure each party's share is. A buyer gets nothing surer than the seller had, so a share is as sure as the least sure
 * record on the way to it from the first one; shares that one party holds are not told apart.
 * @param owners of the first record
 * @param transfers in log order
 */
export function surenessOf(
  first: Opposition,
  owners: readonly string[],
  transfers: readonly OpposedTransfer[],
): ReadonlyMap<string, Opposition> {
  const sure = new Map(owners.map((party) => [party, first]));
  for (const { from, to, ...own } of transfers) {
    sure.set(to, leastSure([own, sure.get(from) ?? own, sure.get(to) ?? own]));
  }
  return sure;
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
