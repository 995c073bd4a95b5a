/** SQL over runs as their readers see them: what was asked for, where it stands, and what the ledger says of it. */
import type { EntityManager } from 'typeorm';
import type { RunBody } from '../core/registry/run.ts';
import type { RunEpoch, RunProgress, RunView, StartRun } from './run.schema.ts';

interface Row {
  id: string;
  owner: string;
  name: string | null;
  dataset: string;
  hyperparameters: RunView['hyperparameters'];
  backend: string | null;
  owners: RunView['owners'];
  contributors: RunView['contributors'];
  license: RunView['license'];
  madeAt: Date | null;
  state: string | null;
  attempt: number | null;
  startedAt: Date | null;
  progress: RunProgress | null;
  environment: RunView['environment'];
  error: RunView['error'];
  epochs: RunEpoch[] | null;
  document: RunBody | null;
  registrationId: string | null;
  statement: RunView['statement'];
}

/** Nothing of `ops` is needed for a run that is on record: its statement tells it all but what had been asked for. */
export async function findRuns(manager: EntityManager, ids: readonly string[]): Promise<RunView[]> {
  const rows: Row[] = await manager.query(
    `SELECT x.id, coalesce(r.owner, q.owner) AS owner, q.name,
       coalesce(r.document->>'dataset', q.dataset) AS dataset,
       coalesce(r.document->'hyperparameters', q.hyperparameters) AS hyperparameters,
       q.backend, q.owners, q.contributors, q.license, q.made_at AS "madeAt",
       p.state, p.attempt, p.started_at AS "startedAt", p.progress,
       coalesce(r.document->'environment', p.environment) AS environment, p.error,
       CASE WHEN r.id IS NULL THEN (
         SELECT jsonb_agg(e.metrics || jsonb_build_object('epoch', e.epoch, 'weightDigest', e.weight_digest)
           ORDER BY e.epoch)
         FROM ops.run_epoch e WHERE e.run_id = x.id) END AS epochs,
       r.document, r.registration_id AS "registrationId", r.statement
     FROM unnest($1::text[]) WITH ORDINALITY AS x (id, place)
     LEFT JOIN ops.run_request q ON q.id = x.id
     LEFT JOIN ops.run_progress p ON p.run_id = x.id
     LEFT JOIN registry.run r ON r.id = x.id
     WHERE q.id IS NOT NULL OR r.id IS NOT NULL
     ORDER BY x.place`,
    [ids],
  );
  return rows.map(viewOf);
}

/** The newest first: those on record, and of the others the party's own, or all for a reader who may see them. */
export async function listRunIds(
  manager: EntityManager,
  { reader, all, owner, limit }: { reader: string | null; all: boolean; owner: string | undefined; limit: number },
): Promise<string[]> {
  const rows: { id: string }[] = await manager.query(
    `SELECT id FROM (
       SELECT coalesce(q.id, r.id) AS id, q.made_at, r.recorded_index
       FROM ops.run_request q FULL JOIN registry.run r ON r.id = q.id
       WHERE (r.id IS NOT NULL OR $4 OR q.owner = $1) AND ($2::text IS NULL OR coalesce(r.owner, q.owner) = $2)
     ) runs ORDER BY made_at DESC NULLS LAST, recorded_index DESC, id LIMIT $3`,
    [reader, owner ?? null, limit, all],
  );
  return rows.map(({ id }) => id);
}

export type NewRun = Omit<StartRun, 'id'> & {
  id: string;
  owner: string;
  registrationId: string;
  jobId: string;
  idempotency: { key: string; requestDigest: string } | undefined;
};

/** @returns false when the id or the idempotency key is taken */
export async function insertRun(manager: EntityManager, run: NewRun): Promise<boolean> {
  const rows: unknown[] = await manager.query(
    `WITH request AS (
       INSERT INTO ops.run_request (id, owner, name, dataset, hyperparameters, backend, owners, contributors,
         license, registration_id, job_id, idempotency_key, request_digest)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
       WHERE NOT EXISTS (SELECT FROM registry.run WHERE id = $1)
       ON CONFLICT DO NOTHING RETURNING id)
     INSERT INTO ops.run_progress (run_id, state) SELECT id, 'queued' FROM request RETURNING run_id`,
    [
      run.id,
      run.owner,
      run.name,
      run.dataset,
      JSON.stringify(run.hyperparameters),
      run.backend,
      JSON.stringify(run.owners),
      run.contributors && JSON.stringify(run.contributors),
      JSON.stringify(run.license),
      run.registrationId,
      run.jobId,
      run.idempotency?.key ?? null,
      run.idempotency?.requestDigest ?? null,
    ],
  );
  return rows.length === 1;
}

type Requests = 'replay_request' | 'run_request';

/** What an earlier request under the same key asked for. */
export async function findByIdempotencyKey(
  manager: EntityManager,
  requests: Requests,
  owner: string,
  key: string,
): Promise<{ id: string; requestDigest: string } | undefined> {
  const [row]: { id: string; requestDigest: string }[] = await manager.query(
    `SELECT id, request_digest AS "requestDigest" FROM ops.${requests} WHERE owner = $1 AND idempotency_key = $2`,
    [owner, key],
  );
  return row;
}

/**
 * Cancels what is not on its way into the ledger yet.
 * @returns the job to stop, or undefined when the run or replay is past that
 */
export async function cancelJob(manager: EntityManager, requests: Requests, id: string): Promise<string | undefined> {
  const [rows]: [{ jobId: string }[]] = await manager.query(
    `UPDATE ops.run_progress p SET state = 'cancelled', changed_at = now()
     FROM ops.${requests} q
     WHERE p.run_id = $1 AND q.id = p.run_id AND p.state IN ('queued', 'running')
     RETURNING q.job_id AS "jobId"`,
    [id],
  );
  return rows[0]?.jobId;
}

export async function missingParties(manager: EntityManager, ids: readonly string[]): Promise<string[]> {
  const rows: { id: string }[] = await manager.query(
    `SELECT x.id FROM unnest($1::text[]) AS x (id) WHERE NOT EXISTS (SELECT FROM registry.party p WHERE p.id = x.id)`,
    [ids],
  );
  return rows.map(({ id }) => id);
}

/** Who fetched a run's weights, and when. */
export async function insertRunAccess(
  manager: EntityManager,
  access: { runId: string; partyId: string; apiKeyId: string; fileDigest: string },
): Promise<void> {
  await manager.query(
    `INSERT INTO ops.run_access (run_id, party_id, api_key_id, file_digest) VALUES ($1, $2, $3, $4)`,
    [access.runId, access.partyId, access.apiKeyId, access.fileDigest],
  );
}

function viewOf(row: Row): RunView {
  const { document } = row;
  const state = stateOf(row);
  return {
    id: row.id,
    state,
    owner: row.owner,
    name: row.name,
    dataset: row.dataset,
    hyperparameters: row.hyperparameters,
    backend: row.backend,
    owners: row.owners,
    contributors: row.contributors,
    license: row.license,
    requestedAt: row.madeAt?.toISOString() ?? null,
    startedAt: document?.startedOn ?? row.startedAt?.toISOString() ?? null,
    attempts: row.attempt ?? 0,
    progress: state === 'queued' || state === 'running' ? row.progress : null,
    epochs: document?.epochs ?? row.epochs ?? [],
    result: document?.result ?? null,
    environment: row.environment,
    registrationId: row.registrationId,
    statement: row.statement,
    error: row.error,
  };
}

function stateOf({ registrationId, document, state }: Row): RunView['state'] {
  if (registrationId !== null) return 'registered';
  if (state === 'queued' || state === 'running') return state;
  if (state === 'recording') return 'running';
  if (document !== null) return 'trained';
  return state === 'cancelled' ? state : 'failed';
}
