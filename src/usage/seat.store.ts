/**
 * SQL over seats: which keys hold one under a grant. The clock is the database's, at the statement: a transaction that
 * waited for its turn has to see what ended meanwhile, which `now()`, the time when it began, does not tell.
 */
import type { EntityManager } from 'typeorm';
import type { SeatView } from './usage.schema.ts';

const CLOCK = 'statement_timestamp()';
const INSTANT = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const SEAT = `grant_id AS grant, holder, party_id AS party, ${INSTANT('taken_at')} AS "takenAt",
  ${INSTANT('until')} AS until, borrowed`;

/**
 * That the seat in `s` is not over with its grant in `g`, or one above that. One that is borrowed may be in use out of reach
 * until its time is over, whatever has become of the grant.
 */
const NOT_OVER = `(s.borrowed OR NOT EXISTS (SELECT FROM registry.license_grant a WHERE a.id = ANY (g.above || g.id)
  AND (a.ends_at <= ${INSTANT(CLOCK)} OR a.expires_at <= ${INSTANT(CLOCK)})))`;

export async function findSeat(manager: EntityManager, grant: string, holder: string): Promise<SeatView | undefined> {
  const [row]: SeatView[] = await manager.query(
    `SELECT ${SEAT} FROM ops.seat WHERE grant_id = $1 AND holder = $2 AND until > ${CLOCK}`,
    [grant, holder],
  );
  return row;
}

/** Those that are taken now, the first that is free again first. */
export function listSeats(manager: EntityManager, grant: string): Promise<SeatView[]> {
  return manager.query(
    `SELECT ${SEAT} FROM ops.seat s JOIN registry.license_grant g ON g.id = s.grant_id
     WHERE s.grant_id = $1 AND s.until > ${CLOCK} AND ${NOT_OVER} ORDER BY s.until, s.holder LIMIT 1000`,
    [grant],
  );
}

/** How many are taken under a grant and all that was passed on of it, and when the next of them is free again. */
export async function takenSeats(
  manager: EntityManager,
  grant: string,
): Promise<{ taken: number; nextFree: string | null }> {
  const [row]: { taken: number; nextFree: string | null }[] = await manager.query(
    `SELECT count(*)::int AS taken, ${INSTANT('min(s.until)')} AS "nextFree" FROM ops.seat s
     WHERE s.until > ${CLOCK} AND (s.grant_id = $1 OR s.grant_id IN (
       SELECT g.id FROM registry.license_grant g WHERE g.above @> ARRAY[$1] AND ${NOT_OVER}))`,
    [grant],
  );
  return row!;
}

/** Goes on with the seat that the holder has, or makes one. A borrowed one stays taken for as long as it was borrowed. */
export async function putSeat(
  manager: EntityManager,
  {
    grant,
    holder,
    party,
    seconds,
    borrowed,
  }: Pick<SeatView, 'borrowed' | 'grant' | 'holder' | 'party'> & { seconds: number },
): Promise<SeatView> {
  const rows: SeatView[] = await manager.query(
    `INSERT INTO ops.seat AS held (grant_id, holder, party_id, taken_at, until, borrowed)
     VALUES ($1, $2, $3, ${CLOCK}, ${CLOCK} + $4 * interval '1 second', $5)
     ON CONFLICT (grant_id, holder) DO UPDATE SET party_id = excluded.party_id,
       taken_at = CASE WHEN held.until > ${CLOCK} THEN held.taken_at ELSE excluded.taken_at END,
       until = greatest(held.until, excluded.until),
       borrowed = excluded.borrowed OR held.borrowed AND held.until > excluded.until
     RETURNING ${SEAT}`,
    [grant, holder, party, seconds, borrowed],
  );
  return rows[0]!;
}

/** Seats that have ended tell nothing more: what happened to them is noted. */
export async function sweepSeats(manager: EntityManager, grant: string): Promise<void> {
  await manager.query(`DELETE FROM ops.seat WHERE grant_id = $1 AND until <= ${CLOCK}`, [grant]);
}

/** @returns whether it was held, and not borrowed where that matters */
export async function deleteSeat(
  manager: EntityManager,
  { grant, holder, evenBorrowed }: { grant: string; holder: string; evenBorrowed: boolean },
): Promise<boolean> {
  const [rows]: [unknown[], number] = await manager.query(
    `DELETE FROM ops.seat WHERE grant_id = $1 AND holder = $2 AND until > ${CLOCK} AND ($3 OR NOT borrowed)
     RETURNING holder`,
    [grant, holder, evenBorrowed],
  );
  return rows.length === 1;
}

export async function noteSeat(
  manager: EntityManager,
  {
    grant,
    holder,
    party,
    event,
    until,
  }: { grant: string; holder: string; party: string; event: string; until: string | null },
): Promise<void> {
  await manager.query(
    `INSERT INTO ops.seat_event (grant_id, holder, party_id, event, until) VALUES ($1, $2, $3, $4, $5)`,
    [grant, holder, party, event, until],
  );
}
