/** SQL over what runs spent and what parties may start. */
import type { EntityManager } from 'typeorm';
import type { ComputeQuery, ComputeView } from './compute.schema.ts';

export async function partyExists(manager: EntityManager, id: string): Promise<boolean> {
  const rows: unknown[] = await manager.query('SELECT FROM registry.party WHERE id = $1', [id]);
  return rows.length > 0;
}

const total = (side: 'consumer' | 'provider') => `
  SELECT jsonb_build_object('runs', count(DISTINCT run_id), 'coreSeconds', coalesce(sum(core_ms), 0) / 1000.0,
    'deviceSeconds', coalesce(sum(device_ms), 0) / 1000.0)
  FROM registry.compute WHERE ${side} = $1`;

const newest = (side: 'consumer' | 'provider') => `
  (SELECT DISTINCT recorded_index FROM registry.compute
   WHERE ${side} = $1 AND ($2::bigint IS NULL OR recorded_index < $2) ORDER BY recorded_index DESC LIMIT $3)`;

/** Totals and page as they stand at one moment. A record of a run has one index, so a page never cuts one in two. */
export async function accountOf(
  manager: EntityManager,
  party: string,
  { before, limit }: ComputeQuery,
): Promise<Omit<ComputeView, 'party'>> {
  const [row]: Omit<ComputeView, 'party'>[] = await manager.query(
    `SELECT (${total('provider')}) AS contributed, (${total('consumer')}) AS consumed, coalesce((
       SELECT jsonb_agg(jsonb_build_object('run', c.run_id, 'provider', c.provider, 'consumer', c.consumer,
           'coreSeconds', c.core_ms / 1000.0, 'deviceSeconds', c.device_ms / 1000.0, 'backend', c.backend,
           'device', c.device, 'statement', c.statement, 'recordedIndex', c.recorded_index)
         ORDER BY c.recorded_index DESC, c.position)
       FROM (
         SELECT recorded_index FROM (${newest('provider')} UNION ${newest('consumer')}) runs
         ORDER BY recorded_index DESC LIMIT $3
       ) page
       JOIN registry.compute c ON c.recorded_index = page.recorded_index AND $1 IN (c.provider, c.consumer)
     ), '[]') AS entries`,
    [party, before ?? null, limit],
  );
  return row!;
}

const START_LOCK = 0x71756f74;

/**
 * Makes whoever starts a run for the party wait until the transaction has ended: what is counted behind this is what is
 * there when the transaction commits. Two parties of one hash wait for each other now and then, and nothing else.
 */
export async function lockStarts(manager: EntityManager, party: string): Promise<void> {
  await manager.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [START_LOCK, party]);
}

export interface QuotaRow {
  quota: {
    coreSeconds: number | null;
    deviceSeconds: number | null;
    runsAtOnce: number | null;
    statement: string;
    recordedIndex: number;
  } | null;
  used: { coreSeconds: number; deviceSeconds: number };
  openRuns: number;
  renewsAt: Date;
}

/** What a party asked to be trained: runs, and replays of runs. */
const ASKED = `(SELECT id, owner, made_at FROM ops.run_request UNION ALL
  SELECT id, owner, made_at FROM ops.replay_request)`;

/**
 * What the registrar set last, and what is used. Seconds are told by the progress of the runs and not by their
 * records, since a run that fails has spent them too; they count in the month in which the run was started.
 * @param besides a run or replay that is not counted
 */
export async function quotaOf(manager: EntityManager, party: string, besides: string | null): Promise<QuotaRow> {
  const [row]: QuotaRow[] = await manager.query(
    `SELECT
       (SELECT jsonb_build_object('coreSeconds', core_seconds, 'deviceSeconds', device_seconds, 'runsAtOnce', runs_at_once, 'statement', statement,
          'recordedIndex', recorded_index)
        FROM registry.quota WHERE party_id = $1 ORDER BY recorded_index DESC LIMIT 1) AS quota,
       (SELECT jsonb_build_object('coreSeconds', coalesce(sum((p.compute ->> 'coreSeconds')::numeric), 0),
          'deviceSeconds', coalesce(sum((p.compute ->> 'deviceSeconds')::numeric), 0))
        FROM ${ASKED} q JOIN ops.run_progress p ON p.run_id = q.id
        WHERE q.owner = $1 AND q.made_at >= m.begins AT TIME ZONE 'UTC') AS used,
       (SELECT count(*)::int FROM ops.run_progress p JOIN ${ASKED} q ON q.id = p.run_id
        WHERE p.state IN ('queued', 'running', 'recording') AND q.owner = $1
          AND ($2::text IS NULL OR q.id <> $2)) AS "openRuns",
       (m.begins + interval '1 month') AT TIME ZONE 'UTC' AS "renewsAt"
     FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') AS begins) m`,
    [party, besides],
  );
  return row!;
}
