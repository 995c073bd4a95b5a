/** SQL over what was used of grants. Whatever counts locks the counters of a grant and of all above it, from the top down. */
import type { EntityManager } from 'typeorm';
import type { BlockView, OpenBlockView, Report } from './usage.schema.ts';

/** A grant with what bounds it, and the row by which all that is counted under it follows one another. */
export interface Counted {
  grant: string;
  maxCalls: number | null;
  seats: number | null;
  calls: number;
  leased: number;
}

/** The grant `k` and all that was passed on of it. */
const UNDER = `(SELECT id FROM registry.license_grant WHERE id = k.id OR above @> ARRAY[k.id])`;

/**
 * Locks the counters of a grant and of those above it; the grant itself comes last. One that is not there is made from the
 * reports and open blocks, and with it the sums by action and day.
 */
export async function lockCounters(manager: EntityManager, chain: readonly string[]): Promise<Counted[]> {
  const made: { id: string }[] = await manager.query(
    `INSERT INTO ops.usage_counter (grant_id, calls, leased)
     SELECT k.id,
       coalesce((SELECT sum(r.calls) FROM ops.usage_report r JOIN ${UNDER} p ON p.id = r.grant_id), 0),
       coalesce((SELECT sum(b.calls - b.spent) FROM ops.usage_block b JOIN ${UNDER} p ON p.id = b.grant_id
         WHERE b.settled_at IS NULL), 0)
     FROM unnest($1::text[]) WITH ORDINALITY AS k(id, place)
     WHERE NOT EXISTS (SELECT FROM ops.usage_counter WHERE grant_id = k.id)
     ORDER BY k.place ON CONFLICT (grant_id) DO NOTHING RETURNING grant_id AS id`,
    [chain],
  );
  for (const { id } of made) await sumAgain(manager, id);
  const counted: Counted[] = [];
  for (const grant of chain) {
    const [row]: Counted[] = await manager.query(
      `SELECT c.grant_id AS grant, (g.document #>> '{constraints,maxCalls}')::float8 AS "maxCalls",
         (g.document #>> '{constraints,seats}')::float8 AS seats, c.calls::float8 AS calls, c.leased::float8 AS leased
       FROM ops.usage_counter c JOIN registry.license_grant g ON g.id = c.grant_id WHERE c.grant_id = $1 FOR UPDATE OF c`,
      [grant],
    );
    counted.push(row!);
  }
  return counted;
}

export async function readCounters(manager: EntityManager, chain: readonly string[]): Promise<Counted[]> {
  return manager.query(
    `SELECT g.id AS grant, (g.document #>> '{constraints,maxCalls}')::float8 AS "maxCalls",
       (g.document #>> '{constraints,seats}')::float8 AS seats, coalesce(c.calls, 0)::float8 AS calls,
       coalesce(c.leased, 0)::float8 AS leased
     FROM unnest($1::text[]) WITH ORDINALITY AS k(id, place) JOIN registry.license_grant g USING (id)
     LEFT JOIN ops.usage_counter c ON c.grant_id = g.id ORDER BY k.place`,
    [chain],
  );
}

/** @param change of each counter */
export async function moveCounters(
  manager: EntityManager,
  chain: readonly string[],
  change: { calls: number; leased: number },
): Promise<void> {
  await manager.query(
    `UPDATE ops.usage_counter SET calls = calls + $2, leased = leased + $3 WHERE grant_id = ANY ($1)`,
    [chain, change.calls, change.leased],
  );
}

/** Adds what a report tells to the sums of its grant. */
export async function addToSums(
  manager: EntityManager,
  { grant, uses, to, calls }: Pick<Report, 'to' | 'uses'> & { grant: string; calls: number },
): Promise<void> {
  await manager.query(
    `INSERT INTO ops.usage_action AS s (grant_id, action, calls)
     SELECT $1, u.action, sum(u.calls) FROM jsonb_to_recordset($2::jsonb) AS u(action text, calls bigint) GROUP BY u.action
     ON CONFLICT (grant_id, action) DO UPDATE SET calls = s.calls + excluded.calls`,
    [grant, JSON.stringify(uses)],
  );
  await manager.query(
    `INSERT INTO ops.usage_day AS s (grant_id, day, calls) VALUES ($1, ${DAY('$2::timestamptz')}, $3)
     ON CONFLICT (grant_id, day) DO UPDATE SET calls = s.calls + excluded.calls`,
    [grant, to, calls],
  );
}

const DAY = (instant: string) => `(${instant} AT TIME ZONE 'UTC')::date`;

async function sumAgain(manager: EntityManager, grant: string): Promise<void> {
  await manager.query(`DELETE FROM ops.usage_action WHERE grant_id = $1`, [grant]);
  await manager.query(`DELETE FROM ops.usage_day WHERE grant_id = $1`, [grant]);
  await manager.query(
    `INSERT INTO ops.usage_action (grant_id, action, calls)
     SELECT r.grant_id, u.action, sum(u.calls) FROM ops.usage_report r
     CROSS JOIN LATERAL jsonb_to_recordset(r.uses) AS u(action text, calls bigint)
     WHERE r.grant_id = $1 GROUP BY r.grant_id, u.action`,
    [grant],
  );
  await manager.query(
    `INSERT INTO ops.usage_day (grant_id, day, calls)
     SELECT grant_id, ${DAY('used_to')} AS day, sum(calls) FROM ops.usage_report WHERE grant_id = $1 GROUP BY grant_id, day`,
    [grant],
  );
}

/** Of these tokens one that was not issued under the grant; undefined where all were. */
export async function tokenOfOther(
  manager: EntityManager,
  grant: string,
  jtis: readonly string[],
): Promise<string | undefined> {
  const [row]: { jti: string }[] = await manager.query(
    `SELECT t.jti FROM unnest($2::text[]) AS t(jti) LEFT JOIN registry.token_issuance i ON i.jti = t.jti AND i.grant_id = $1
     WHERE i.jti IS NULL LIMIT 1`,
    [grant, jtis],
  );
  return row?.jti;
}

export interface KeptReport {
  digest: string;
  party: string;
}

export async function findReport(manager: EntityManager, id: string): Promise<KeptReport | undefined> {
  const [row]: KeptReport[] = await manager.query(
    `SELECT digest, party_id AS party FROM ops.usage_report WHERE id = $1`,
    [id],
  );
  return row;
}

export async function insertReport(
  manager: EntityManager,
  report: Pick<Report, 'block' | 'from' | 'id' | 'to' | 'uses'> & {
    grant: string;
    party: string;
    apiKey: string;
    calls: number;
    digest: string;
  },
): Promise<void> {
  await manager.query(
    `INSERT INTO ops.usage_report (id, grant_id, party_id, api_key_id, block_id, calls, uses, used_from, used_to, digest)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      report.id,
      report.grant,
      report.party,
      report.apiKey,
      report.block,
      report.calls,
      JSON.stringify(report.uses),
      report.from,
      report.to,
      report.digest,
    ],
  );
}

export interface Block extends BlockView {
  party: string;
  /** How many calls were asked for; it holds fewer where fewer were left */
  wanted: number;
}

const BLOCK = `id, grant_id AS grant, party_id AS party, calls::float8 AS calls, wanted::float8 AS wanted,
  spent::float8 AS spent, settled_at IS NOT NULL AS settled`;

export async function findBlock(manager: EntityManager, id: string): Promise<Block | undefined> {
  const [row]: Block[] = await manager.query(`SELECT ${BLOCK} FROM ops.usage_block WHERE id = $1`, [id]);
  return row;
}

/** Those that are not settled, the oldest first. */
export function openBlocks(manager: EntityManager, grant: string): Promise<OpenBlockView[]> {
  return manager.query(
    `SELECT id, party_id AS party, calls::float8 AS calls, spent::float8 AS spent,
       to_char(leased_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "leasedAt"
     FROM ops.usage_block WHERE grant_id = $1 AND settled_at IS NULL ORDER BY leased_at, id LIMIT 1000`,
    [grant],
  );
}

export async function insertBlock(
  manager: EntityManager,
  { id, grant, party, calls, wanted }: Pick<Block, 'calls' | 'grant' | 'id' | 'party' | 'wanted'>,
): Promise<void> {
  await manager.query(
    `INSERT INTO ops.usage_block (id, grant_id, party_id, calls, wanted) VALUES ($1, $2, $3, $4, $5)`,
    [id, grant, party, calls, wanted],
  );
}

export async function spendOfBlock(manager: EntityManager, id: string, calls: number): Promise<void> {
  await manager.query(`UPDATE ops.usage_block SET spent = spent + $2 WHERE id = $1`, [id, calls]);
}

export async function settleBlock(manager: EntityManager, id: string): Promise<void> {
  await manager.query(`UPDATE ops.usage_block SET settled_at = now() WHERE id = $1`, [id]);
}

export async function sumByAction(manager: EntityManager, grant: string): Promise<Record<string, number>> {
  const rows: { action: string; calls: number }[] = await manager.query(
    `SELECT action, calls::float8 AS calls FROM ops.usage_action WHERE grant_id = $1 ORDER BY action`,
    [grant],
  );
  return Object.fromEntries(rows.map(({ action, calls }) => [action, calls]));
}

/** By the day on which the uses of a report ended; the newest first. */
export function sumByDay(manager: EntityManager, grant: string): Promise<{ day: string; calls: number }[]> {
  return manager.query(
    `SELECT to_char(day, 'YYYY-MM-DD') AS day, calls::float8 AS calls FROM ops.usage_day
     WHERE grant_id = $1 ORDER BY ops.usage_day.day DESC LIMIT 90`,
    [grant],
  );
}
