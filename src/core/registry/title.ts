/** Shares of title as rows hold them, and the interests that rest on them. */
import { RegistryError } from '../errors.ts';
import type { Share } from '../share.ts';
import { add, compare, NOTHING, parseShare } from '../share.ts';
import type { Common } from '../statement/statement.ts';
import { dateOf } from '../title/dates.ts';
import type { Place, Rows } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import type { RowChange, Tables } from './tables.ts';
import { put } from './tables.ts';

/** The title that an asset begins with; it counts from the day on which its maker stated it. */
export const firstTitle = (
  { id, statedAt }: Pick<Common, 'id' | 'statedAt'>,
  owners: readonly { party: string; share: string }[],
  place: Place,
): RowChange[] =>
  owners.map(({ party, share }) => {
    const row = asRow(parseShare(share));
    return put('title', { assetId: id, partyId: party, ...row, effectiveFrom: dateOf(statedAt), ...place });
  });

/** Nothing where the party never held a share. */
export function heldBy(rows: Rows, assetId: string, partyId: string): Share {
  const row = rows.get('title', assetId, partyId);
  return row === undefined ? NOTHING : shareOf(row);
}

export const shareOf = ({ shareNum, shareDen }: { shareNum: number | null; shareDen: number | null }): Share => ({
  num: BigInt(shareNum ?? 0),
  den: BigInt(shareDen ?? 1),
});

export const asRow = ({ num, den }: Share) => ({ shareNum: Number(num), shareDen: Number(den) });

/** The rows of the interests that a list of them names. */
export const interestReads = (ids: readonly string[] | undefined): RowKey[] =>
  (ids ?? []).map((id): RowKey => ['interest', id]);

/** @param on `YYYY-MM-DD` */
export const stands = ({ endedIndex, terms }: Tables['interest'], on: string): boolean => {
  const { until } = terms as { until: string | null };
  return endedIndex === null && (until === null || until >= on);
};

/** What rests on the party's share on that day, in the order of its recording. */
export const standingOn = (rows: Rows, assetId: string, partyId: string, on: string): Tables['interest'][] =>
  standing(rows, rows.get('encumbrance', assetId, partyId)?.interests, on);

/** The exclusive licenses on that day. */
export const standingExclusive = (rows: Rows, assetId: string, on: string): Tables['interest'][] =>
  standing(rows, rows.get('asset_terms', assetId)?.exclusive, on);

const standing = (rows: Rows, ids: readonly string[] = [], on: string): Tables['interest'][] =>
  ids.flatMap((id) => {
    const row = rows.get('interest', id);
    if (row === undefined) throw new RegistryError('ledger_inconsistent', `The interest ${id} is missing.`);
    return stands(row, on) ? [row] : [];
  });

export const sumOf = (interests: readonly Tables['interest'][]): Share =>
  interests.reduce((sum, interest) => add(sum, shareOf(interest)), NOTHING);

/** Those that what remains of the share does not cover any more; what was recorded first is covered first. */
export function uncovered<Interest extends Pick<Tables['interest'], 'shareDen' | 'shareNum'>>(
  interests: readonly Interest[],
  remaining: Share,
): Interest[] {
  let sum = NOTHING;
  return interests.filter((interest) => {
    sum = add(sum, shareOf(interest));
    return compare(sum, remaining) > 0;
  });
}
