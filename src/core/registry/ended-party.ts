/**
 * Parties that a succession has ended, and the way from each of them to those that came after it. Who has ended does nothing
 * about title any more; in its place act its successors, and where one of them has ended too, its successors in turn.
 */
import { RegistryError } from '../errors.ts';
import type { Rows } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import type { Tables } from './tables.ts';

/** Parties on the ways from one party: each is two rows to judge by. */
const MAX_ON_THE_WAY = 40;

/** The rows that tell whether the parties have ended, and who came after them. */
export function endedReads(parties: readonly string[], rows: Rows): RowKey[] {
  return [...new Set(parties)].flatMap((party) =>
    [...waysFrom(rows, party).keys()].flatMap((each): RowKey[] => {
      const ended = rows.get('ended_party', each);
      return [['ended_party', each], ...(ended === undefined ? [] : [['succession', ended.successionId] as const])];
    }),
  );
}

/** The parties through which everything passed on from one party to another, both among them; undefined where it did not. */
export const wayBetween = (rows: Rows, from: string, to: string): readonly string[] | undefined =>
  waysFrom(rows, from).get(to);

/** @throws RegistryError `party_ended` */
export function requireNotEnded(rows: Rows, party: string, field: string): void {
  const ended = rows.get('ended_party', party);
  if (ended === undefined) return;
  throw new RegistryError(
    'party_ended',
    `The party ${party} ended at entry ${ended.recordedIndex}, by ${ended.successionId}.`,
    { field, fix: 'Its successors act in its place: "muniment title succession" shows who they are.' },
  );
}

/** To each party that came after this one, and to itself, the shortest way. */
function waysFrom(rows: Rows, from: string): ReadonlyMap<string, readonly string[]> {
  const ways = new Map<string, readonly string[]>([[from, [from]]]);
  // A map goes on to what is added while it is walked.
  for (const [party, way] of ways) {
    for (const next of successionOf(rows, party)?.successors ?? []) {
      if (!ways.has(next) && ways.size < MAX_ON_THE_WAY) ways.set(next, [...way, next]);
    }
  }
  return ways;
}

function successionOf(rows: Rows, party: string): Tables['succession'] | undefined {
  const ended = rows.get('ended_party', party);
  return ended === undefined ? undefined : rows.get('succession', ended.successionId);
}
