/** SQL over seats: which keys hold one under a grant. */
import type { EntityManager } from 'typeorm';
import type { SeatView } from './usage.schema.ts';

const INSTANT = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const SEAT = `grant_id AS grant, holder, party_id AS party, ${INSTANT('taken_at')} AS "takenAt",
  ${INSTANT('until')} AS until, borrowed`;

export async function findSeat(manager: EntityManager, grant: string, holder: string): Promise<SeatView | undefined> {
  const [row]: SeatView[] = await manager.query(
    `SELECT ${SEAT} FROM ops.seat WHERE grant_id = $1 AND holder = $2 AND until > now()`,
    [grant, holder],
  );
  return row;
}

/** Those that are taken now, the first that is free again first. */
export function listSeats(manager: EntityManager, grant: string): Promise<SeatView[]> {
  return manager.query(
    `SELECT ${SEAT} FROM ops.seat WHERE grant_id = $1 AND until > now() ORDER BY until, holder LIMIT 1000`,
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
     WHERE s.until > now() AND (s.grant_id = $1 OR s.grant_id IN (
       SELECT id FROM registry.license_grant WHERE above @> ARRAY[$1]))`,
    [grant],
  );
  return row!;
}

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
    `INSERT INTO ops.seat (grant_id, holder, party_id, taken_at, until, borrowed)
     VALUES ($1, $2, $3, now(), now() + $4 * interval '1 second', $5)
     ON CONFLICT (grant_id, holder) DO UPDATE SET party_id = $3, borrowed = $5,
       until = CASE WHEN ops.seat.borrowed AND ops.seat.until > now() THEN greatest(ops.seat.until, excluded.until)
         ELSE excluded.until END,
       taken_at = CASE WHEN ops.seat.until > now() THEN ops.seat.taken_at ELSE now() END
     RETURNING ${SEAT}`,
    [grant, holder, party, seconds, borrowed],
  );
  return rows[0]!;
}

export async function deleteSeat(manager: EntityManager, grant: string, holder: string): Promise<void> {
  await manager.query(`DELETE FROM ops.seat WHERE grant_id = $1 AND holder = $2`, [grant, holder]);
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
