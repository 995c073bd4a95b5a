/**
 * What the kinds of rights records share. A maker says something of one asset in one respect (a protection in one country,
 * say), and may say it anew: the later record stands in the place of its own earlier one, which stays on record. A record
 * by somebody else is never superseded: two owners who differ both stand.
 *
 * These are claims. What is checked is who makes them, that they fit together, and that nobody who writes a new version
 * was unaware of the one that stood: two writers at once cannot both supersede the same record.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import type { Common } from '../statement/statement.ts';
import { dateOf } from '../title/dates.ts';
import type { Place, Rows, Spoken } from './kind.ts';
import { need, requireBasis, requireNew } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import type { RowChange } from './tables.ts';
import { put } from './tables.ts';
import { heldBy } from './title.ts';

/** A text that somebody wrote for people; what nobody states is left out rather than empty. */
export const prose = (longest: number): z.ZodString =>
  z
    .string()
    .max(longest)
    .regex(/[^\s\p{C}]/u, 'must hold something that can be seen');

/** Where a record stands: what it is about, and in which respect. */
export interface Slot {
  readonly asset: 'dataset' | 'registration';
  readonly about: string;
  /** The kind of record, and where there is one for each country, the country, and so on: `market-record:EU` */
  readonly respect: string;
}

/** @param parts of what kind, and what tells its records about one asset apart, such as the jurisdiction */
export const respectOf = (...parts: readonly string[]): string => parts.join(':');

export const slotReads = ({ common }: Spoken, { asset, about, respect }: Slot): readonly RowKey[] => [
  ['rights_record', common.id],
  ['rights_standing', about, common.maker, respect],
  [asset, about],
];

/**
 * The new record, in the place of the maker's earlier one.
 * @throws RegistryError `already_exists`, `not_found`, `basis_stale` where the basis does not name the asset's record, or
 * not the record that stood until now
 */
export function supersede(spoken: Spoken, rows: Rows, place: Place, { asset, about, respect }: Slot): RowChange[] {
  const { id, maker } = spoken.common;
  requireNew(rows, 'rights_record', id);
  const standing = rows.get('rights_standing', about, maker, respect);
  requireBasis(spoken, need(rows, asset, about, asset), ...(standing === undefined ? [] : [standing]));
  return [
    put('rights_record', { id, about, maker, respect, supersedes: standing?.recordId ?? null, ...place }),
    put('rights_standing', { about, maker, respect, recordId: id, ...place }),
  ];
}

export const ownerReads = ({ common }: Spoken, registration: string): RowKey => ['title', registration, common.maker];

/** @throws RegistryError `forbidden` unless the maker owns a share of the model */
export function requireShare({ common, kind }: Spoken, rows: Rows, registration: string): void {
  if (heldBy(rows, registration, common.maker).num > 0n) return;
  throw new RegistryError('forbidden', `Only an owner of ${registration} makes a ${kind.kind} of it.`, {
    field: 'maker',
  });
}

/**
 * Nobody states on one day what was done on a later one.
 * @throws RegistryError `date_invalid`
 */
export function requireNotAfter({ statedAt }: Common, date: string | null | undefined, field: string): void {
  if (date === undefined || date === null || date <= dateOf(statedAt)) return;
  throw new RegistryError('date_invalid', `${date} is later than the day of the statement itself (UTC).`, {
    field,
    fix: 'State what has happened; state it anew when more has.',
  });
}
