/**
 * SQL of the lineage checks that workers make. Taking one counts its attempt up, and every later write names the attempt:
 * a worker that froze and woke up changes no row, and learns so.
 */
import type { EntityManager } from 'typeorm';
import { REMADE } from '../core/conversion/index.ts';
import type { EdgeCheck } from '../core/conversion/index.ts';
import type { Digest } from '../core/digest.ts';
import type { Relation } from '../core/licensing/relations.ts';
import type { LineageJobView, LineageProgress } from './lineage-job.schema.ts';
import { ownArtifact } from './model.store.ts';

/** A file that is said to be kept under a registration. */
export interface KeptFile {
  readonly registration: string;
  readonly file: Digest;
}

export interface EdgeRow {
  readonly registration: string;
  readonly relation: Relation;
  readonly parent: Digest;
  readonly child: readonly KeptFile[];
  /** Files of the registrations that the parent's digest names, the first registration first */
  readonly kept: readonly KeptFile[];
}

const keptFile = (row: string): string => `jsonb_build_object('registration', ${row}.id, 'file', ${row}.file_digest)`;

/**
 * The edges of a model to its parents and of its children to it, with the other edges of merges, in the order in which
 * they are declared. On what the registry registered itself, its checks have no say.
 */
export function edgesAt(manager: EntityManager, registration: string, registry: string): Promise<EdgeRow[]> {
  return manager.query(
    `WITH model AS (SELECT id, model_digest, nameless_digest, file_digest FROM registry.registration WHERE id = $1),
     touched AS (
       SELECT x.registration_id, x.relation, x.digest FROM registry.relation x JOIN model m ON x.registration_id = m.id
       UNION
       SELECT x.registration_id, x.relation, x.digest FROM model m
       JOIN registry.relation x ON x.digest IN (m.model_digest, m.nameless_digest, m.file_digest))
     SELECT c.id AS registration, x.relation, x.digest AS parent,
       CASE WHEN ${ownArtifact('c')} THEN jsonb_build_array(${keptFile('c')}) ELSE '[]' END AS child,
       coalesce((
         SELECT jsonb_agg(${keptFile('p')} ORDER BY p.recorded_index) FROM registry.registration p
         WHERE (p.model_digest = x.digest OR p.nameless_digest = x.digest OR p.file_digest = x.digest)
           AND ${ownArtifact('p')}), '[]') AS kept
     FROM registry.relation x JOIN registry.registration c ON c.id = x.registration_id
     WHERE c.maker <> $2 AND x.relation = ANY ($3) AND EXISTS (
       SELECT FROM touched t WHERE t.registration_id = x.registration_id AND t.relation = x.relation
         AND (t.relation = 'merged-from' OR t.digest = x.digest))
     ORDER BY c.recorded_index, x.position`,
    [registration, registry, REMADE],
  );
}

/** Those that came out of a run, whose weights are kept here from the start. */
export async function outOfRuns(manager: EntityManager, registrations: readonly string[]): Promise<string[]> {
  const rows: { id: string }[] = await manager.query(
    'SELECT id FROM registry.registration WHERE id = ANY ($1) AND run_id IS NOT NULL',
    [registrations],
  );
  return rows.map(({ id }) => id);
}

/** Held until the transaction ends: of two that store the last files of an edge at once, the later sees both. */
export async function lockLineageJobs(manager: EntityManager): Promise<void> {
  await manager.query('SELECT pg_advisory_xact_lock($1)', [0x6c696e65]);
}

export interface NewLineageJob {
  id: string;
  registration: string;
  relation: Relation;
  parent: Digest;
  checks: readonly string[];
  jobId: string;
  version: string;
}

/**
 * An edge is checked once; again where that failed, or where another version of the program did not explain it.
 * @param lost the queue's jobs that are no more, whose checks nobody carries out
 * @returns the id of the job that has to be sent; undefined where there is nothing to do
 */
export async function insertLineageJob(
  manager: EntityManager,
  job: NewLineageJob,
  lost: readonly string[] = [],
): Promise<string | undefined> {
  const [row]: { id: string }[] = await manager.query(
    `INSERT INTO ops.lineage_check_job AS j (id, registration_id, relation, parent, checks, job_id)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (registration_id, relation, parent) DO UPDATE
       SET state = 'queued', job_id = excluded.job_id, error = NULL, found = NULL, progress = NULL, changed_at = now()
       WHERE j.state = 'failed' OR j.state = 'unexplained' AND j.version <> $7 
         OR j.state IN ('queued', 'running') AND j.job_id = ANY ($8)
     RETURNING id`,
    [job.id, job.registration, job.relation, job.parent, job.checks, job.jobId, job.version, lost],
  );
  return row?.id;
}

/** Jobs of the queue by which the unfinished checks of a model are carried out. */
export async function openJobsOf(manager: EntityManager, registration: string): Promise<string[]> {
  const rows: { jobId: string }[] = await manager.query(
    `SELECT job_id AS "jobId" FROM ops.lineage_check_job
     WHERE registration_id = $1 AND state IN ('queued', 'running')`,
    [registration],
  );
  return rows.map(({ jobId }) => jobId);
}

const PARENTS = `CASE j.relation WHEN 'merged-from' THEN ARRAY(
    SELECT x.digest FROM registry.relation x WHERE x.registration_id = j.registration_id AND x.relation = j.relation
    ORDER BY x.position)
  ELSE ARRAY[j.parent] END`;

type Row = Omit<LineageJobView, 'requestedAt' | 'startedAt'> & { requestedAt: Date; startedAt: Date | null };

/** In the order in which they were asked for. @param by a column, with its value */
async function findJobs(manager: EntityManager, by: 'id' | 'registration_id', value: string) {
  const rows: Row[] = await manager.query(
    `SELECT j.id, j.state, j.registration_id AS registration, j.relation, ${PARENTS} AS parents,
       j.made_at AS "requestedAt", j.started_at AS "startedAt", j.attempt AS attempts,
       CASE j.state WHEN 'running' THEN j.progress END AS progress,
       j.found ->> 'finding' AS finding, j.found ->> 'because' AS because,
       ARRAY(SELECT c.statement FROM registry.lineage_check c WHERE c.id = ANY (j.checks)
         ORDER BY c.recorded_index) AS statements,
       j.error
     FROM ops.lineage_check_job j WHERE j.${by} = $1 ORDER BY j.made_at, j.id`,
    [value],
  );
  return rows.map(({ requestedAt, startedAt, ...row }): LineageJobView => ({
    ...row,
    requestedAt: requestedAt.toISOString(),
    startedAt: startedAt?.toISOString() ?? null,
  }));
}

export const lineageJobsAt = (manager: EntityManager, registration: string): Promise<LineageJobView[]> =>
  findJobs(manager, 'registration_id', registration);

export async function findLineageJob(manager: EntityManager, id: string): Promise<LineageJobView | undefined> {
  return (await findJobs(manager, 'id', id))[0];
}

/** A worker's hold on a check. */
export interface TakenLineageJob {
  readonly id: string;
  readonly attempt: number;
  readonly registration: string;
  readonly relation: Relation;
  readonly parents: readonly Digest[];
  /** Ids of the statements, one a parent */
  readonly checks: readonly string[];
}

/** @returns undefined when it is over, or another job carries it out */
export async function takeLineageJob(
  manager: EntityManager,
  { id, jobId, worker }: { id: string; jobId: string; worker: string },
): Promise<TakenLineageJob | undefined> {
  const [rows]: [TakenLineageJob[]] = await manager.query(
    `UPDATE ops.lineage_check_job j SET state = 'running', attempt = attempt + 1, worker = $3,
       started_at = coalesce(started_at, now()), changed_at = now()
     WHERE id = $1 AND job_id = $2 AND state IN ('queued', 'running')
     RETURNING j.id, j.attempt, j.registration_id AS registration, j.relation, ${PARENTS} AS parents, j.checks`,
    [id, jobId, worker],
  );
  return rows[0];
}

type Hold = Pick<TakenLineageJob, 'attempt' | 'id'>;

export const saveLineageProgress = (manager: EntityManager, hold: Hold, progress: LineageProgress | null) =>
  change(manager, hold, 'progress = coalesce($3::jsonb, progress)', progress);

/** Hands it back to whoever comes next. */
export const giveLineageJobBack = (manager: EntityManager, hold: Hold) =>
  change(manager, hold, `state = 'queued', progress = $3`, null);

export const failLineageJob = (manager: EntityManager, hold: Hold, error: LineageJobView['error']) =>
  change(manager, hold, `state = 'failed', error = $3`, error);

export const endLineageJob = (manager: EntityManager, hold: Hold, found: EdgeCheck, version: string) =>
  change(
    manager,
    hold,
    `state = CASE $3::jsonb ->> 'finding' WHEN 'unexplained' THEN 'unexplained' ELSE 'recorded' END,
     found = $3, version = $4`,
    found,
    version,
  );

/** @returns false when it is no longer this attempt's */
async function change(
  manager: EntityManager,
  { id, attempt }: Hold,
  assignments: string,
  value: object | null,
  ...more: string[]
): Promise<boolean> {
  const [, changed]: [unknown, number] = await manager.query(
    `UPDATE ops.lineage_check_job SET ${assignments}, changed_at = now()
     WHERE id = $1 AND attempt = $2 AND state = 'running'`,
    [id, attempt, value === null ? null : JSON.stringify(value), ...more],
  );
  return changed === 1;
}

/** Who put a check on record. */
export async function makerOfCheck(manager: EntityManager, id: string): Promise<string | undefined> {
  const [row]: { maker: string }[] = await manager.query('SELECT maker FROM registry.lineage_check WHERE id = $1', [
    id,
  ]);
  return row?.maker;
}
