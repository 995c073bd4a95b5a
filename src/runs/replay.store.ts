/** SQL over replays: those on record, whoever made them, and those that workers of the registry were asked for. */
import type { EntityManager } from 'typeorm';
import type { RunBody } from '../core/registry/run.ts';
import type { OfRun, ReplayJobView, ReplayView } from './replay.schema.ts';

export function replaysOf(manager: EntityManager, { run, before, limit }: OfRun): Promise<ReplayView[]> {
  return manager.query(
    `SELECT id, run_id AS run, maker, outcome, through_epoch AS "throughEpoch", first_difference AS "firstDifference",
       statement, recorded_index::int AS "recordedIndex"
     FROM registry.replay WHERE run_id = $1 AND ($2::bigint IS NULL OR recorded_index < $2)
     ORDER BY recorded_index DESC LIMIT $3`,
    [run, before ?? null, limit],
  );
}

type Row = Omit<ReplayJobView, 'attempts' | 'requestedAt' | 'startedAt' | 'state'> & {
  state: string;
  attempt: number;
  madeAt: Date;
  startedAt: Date | null;
};

export async function findReplayJobs(manager: EntityManager, ids: readonly string[]): Promise<ReplayJobView[]> {
  const rows: Row[] = await manager.query(
    `SELECT q.id, q.owner, q.run_id AS run, q.from_epoch AS "fromEpoch", q.through_epoch AS "throughEpoch", q.made_at AS "madeAt", p.state, p.attempt,
       p.started_at AS "startedAt", p.progress, p.environment, p.error, coalesce((
         SELECT jsonb_agg(e.metrics || jsonb_build_object('epoch', e.epoch, 'weightDigest', e.weight_digest)
           ORDER BY e.epoch)
         FROM ops.run_epoch e WHERE e.run_id = q.id), '[]') AS epochs,
       r.outcome, r.first_difference AS "firstDifference", r.statement
     FROM unnest($1::text[]) WITH ORDINALITY AS x (id, place)
     JOIN ops.replay_request q ON q.id = x.id
     JOIN ops.run_progress p ON p.run_id = q.id
     LEFT JOIN registry.replay r ON r.id = q.id
     ORDER BY x.place`,
    [ids],
  );
  return rows.map(({ state, attempt, madeAt, startedAt, ...row }) => {
    const now = stateOf(state, row.statement);
    return {
      ...row,
      state: now,
      attempts: attempt,
      requestedAt: madeAt.toISOString(),
      startedAt: startedAt?.toISOString() ?? null,
      progress: now === 'queued' || now === 'running' ? row.progress : null,
    };
  });
}

/** The newest first: the party's own, or all where none is named. */
export async function listReplayJobIds(manager: EntityManager, owner: string | null, limit: number): Promise<string[]> {
  const rows: { id: string }[] = await manager.query(
    `SELECT id FROM ops.replay_request WHERE $1::text IS NULL OR owner = $1 ORDER BY made_at DESC, id LIMIT $2`,
    [owner, limit],
  );
  return rows.map(({ id }) => id);
}

export interface NewReplay {
  id: string;
  owner: string;
  run: string;
  fromEpoch: number;
  throughEpoch: number;
  jobId: string;
  idempotency: { key: string; requestDigest: string } | undefined;
}

/** @returns false when the id or the idempotency key is taken */
export async function insertReplay(manager: EntityManager, replay: NewReplay): Promise<boolean> {
  const { id, owner, run, fromEpoch, throughEpoch, jobId, idempotency } = replay;
  const rows: unknown[] = await manager.query(
    `WITH request AS (
       INSERT INTO ops.replay_request (id, owner, run_id, from_epoch, through_epoch, job_id, idempotency_key, request_digest)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8
       WHERE NOT EXISTS (SELECT FROM registry.replay WHERE id = $1)
       ON CONFLICT DO NOTHING RETURNING id)
     INSERT INTO ops.run_progress (run_id, state) SELECT id, 'queued' FROM request RETURNING run_id`,
    [id, owner, run, fromEpoch, throughEpoch, jobId, idempotency?.key ?? null, idempotency?.requestDigest ?? null],
  );
  return rows.length === 1;
}

/** A run as the table has it, and the statement that it was made from. */
export interface RecordedDocument {
  statement: string;
  document: RunBody;
}

export async function documentOfRun(manager: EntityManager, id: string): Promise<RecordedDocument | undefined> {
  const [row]: RecordedDocument[] = await manager.query('SELECT statement, document FROM registry.run WHERE id = $1', [
    id,
  ]);
  return row;
}

/** Who put a replay on record. */
export async function makerOfReplay(manager: EntityManager, id: string): Promise<string | undefined> {
  const [row]: { maker: string }[] = await manager.query('SELECT maker FROM registry.replay WHERE id = $1', [id]);
  return row?.maker;
}

function stateOf(state: string, statement: string | null): ReplayJobView['state'] {
  if (statement !== null) return 'recorded';
  if (state === 'queued' || state === 'running' || state === 'cancelled') return state;
  return state === 'recording' ? 'running' : 'failed';
}
