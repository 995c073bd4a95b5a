/**
 * SQL of the workers. Taking a run counts its attempt up, and every later write names the attempt: a worker that froze
 * and woke up, or that lost its run to another one or to a cancellation, changes no row and learns so. A replay of a run
 * is taken by an id of its own, and what is said of runs here holds for it, too.
 */
import type { EntityManager } from 'typeorm';
import type { Digest } from '../core/digest.ts';
import type { ReplayBody } from '../core/registry/replay.ts';
import type { RunBody } from '../core/registry/run.ts';
import type { ReplayEpoch } from './replay.schema.ts';
import type { RunEpoch, RunProgress, RunView, StartRun } from './run.schema.ts';

/** One worker's hold on a run or a replay. */
export interface Hold {
  readonly runId: string;
  readonly attempt: number;
}

export interface TakenRun extends Hold {
  owner: string;
  /** Whether the owner has a key of its own and registers the model itself. */
  ownerSigns: boolean;
  name: string;
  dataset: string;
  hyperparameters: Record<string, unknown>;
  backend: StartRun['backend'];
  owners: StartRun['owners'];
  /** Null: those that the record proposes */
  contributors: StartRun['contributors'];
  license: StartRun['license'];
  registrationId: string;
  startedAt: Date;
  environment: Record<string, unknown> | null;
  compute: Record<string, unknown> | null;
  /** What the statement will say; set once the training is over. */
  body: RunBody | null;
  epochs: SavedEpoch[];
}

/** An epoch whose checkpoint is in the store. */
export interface SavedEpoch extends RunEpoch {
  checkpointDigest: Digest;
}

const TAKING = `state = CASE p.state WHEN 'recording' THEN 'recording' ELSE 'running' END,
  attempt = p.attempt + 1, worker = $2, started_at = coalesce(p.started_at, now()), changed_at = now()`;

const TAKEN = `p.run_id AS "runId", p.attempt, p.started_at AS "startedAt", p.environment, p.compute, p.body,
  coalesce((SELECT jsonb_agg(e.metrics || jsonb_build_object(
      'epoch', e.epoch, 'weightDigest', e.weight_digest, 'checkpointDigest', e.checkpoint_digest) ORDER BY e.epoch)
    FROM ops.run_epoch e WHERE e.run_id = p.run_id), '[]') AS epochs`;

/** @returns undefined when the run is over or was cancelled */
export async function takeRun(manager: EntityManager, id: string, worker: string): Promise<TakenRun | undefined> {
  const [rows]: [TakenRun[]] = await manager.query(
    `UPDATE ops.run_progress p SET ${TAKING}
     FROM ops.run_request q JOIN registry.party o ON o.id = q.owner
     WHERE p.run_id = $1 AND q.id = p.run_id AND p.state IN ('queued', 'running', 'recording')
     RETURNING ${TAKEN}, q.owner, o.keyed AND NOT 'registrar' = ANY (o.roles) AS "ownerSigns", q.name, q.dataset,
       q.hyperparameters, q.backend, q.owners, q.contributors, q.license, q.registration_id AS "registrationId"`,
    [id, worker],
  );
  return rows[0];
}

export interface TakenReplay extends Hold {
  /** Who asked for it */
  owner: string;
  /** The run that is trained again */
  run: string;
  fromEpoch: number;
  throughEpoch: number;
  environment: Record<string, unknown> | null;
  compute: Record<string, unknown> | null;
  /** What the statement will say; set once the training is over. */
  body: ReplayBody | null;
  epochs: ReplayedEpoch[];
}

/** An epoch that was trained again. */
export interface ReplayedEpoch extends ReplayEpoch {
  /** Where the replay goes on behind it; null where it goes on from what the run left. */
  checkpointDigest: Digest | null;
}

/** @returns undefined when the replay is over or was cancelled */
export async function takeReplay(manager: EntityManager, id: string, worker: string): Promise<TakenReplay | undefined> {
  const [rows]: [TakenReplay[]] = await manager.query(
    `UPDATE ops.run_progress p SET ${TAKING}
     FROM ops.replay_request q
     WHERE p.run_id = $1 AND q.id = p.run_id AND p.state IN ('queued', 'running', 'recording')
     RETURNING ${TAKEN}, q.owner, q.run_id AS run, q.from_epoch AS "fromEpoch", q.through_epoch AS "throughEpoch"`,
    [id, worker],
  );
  return rows[0];
}

/**
 * What was spent is told all along, so that a run which ends in the middle of an epoch is counted, too.
 * @param progress null when nothing is new
 * @returns false when the run is no longer this attempt's
 */
export function saveProgress(
  manager: EntityManager,
  hold: Hold,
  progress: RunProgress | null,
  compute: object,
): Promise<boolean> {
  const assignments = 'progress = coalesce($3::jsonb, progress), compute = $4';
  return change(manager, hold, assignments, [text(progress), text(compute)]);
}

/** What the training runs on; forgets the epochs of an attempt that ran on something else. */
export function beginOn(manager: EntityManager, hold: Hold, environment: object, keepEpochs: boolean) {
  return manager.transaction(async (inside) => {
    if (!(await change(inside, hold, 'environment = $3', [text(environment)]))) return false;
    if (!keepEpochs) await inside.query('DELETE FROM ops.run_epoch WHERE run_id = $1', [hold.runId]);
    return true;
  });
}

/** The checkpoint is in the store before: whoever finds this row finds the checkpoint. */
export function saveEpoch(
  manager: EntityManager,
  hold: Hold,
  epoch: ReplayedEpoch | SavedEpoch,
  compute: object,
): Promise<boolean> {
  return manager.transaction(async (inside) => {
    if (!(await change(inside, hold, 'compute = $3', [text(compute)]))) return false;
    const { epoch: number, weightDigest, checkpointDigest, ...metrics } = epoch;
    await inside.query(
      `INSERT INTO ops.run_epoch (run_id, epoch, metrics, weight_digest, checkpoint_digest) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (run_id, epoch) DO UPDATE SET metrics = excluded.metrics, weight_digest = excluded.weight_digest,
         checkpoint_digest = excluded.checkpoint_digest`,
      [hold.runId, number, text(metrics), weightDigest, checkpointDigest],
    );
    return true;
  });
}

/** From here on the run can no longer be cancelled: its statement goes into the ledger. */
export function beginRecording(manager: EntityManager, hold: Hold, body: ReplayBody | RunBody): Promise<boolean> {
  const assignments = `state = 'recording', body = $3, compute = coalesce($3::jsonb -> 'compute', compute)`;
  return change(manager, hold, assignments, [text(body)]);
}

export function endTrained(manager: EntityManager, hold: Hold, error: RunView['error']): Promise<boolean> {
  return change(manager, hold, `state = 'trained', error = $3`, [text(error)], 'recording');
}

export function endFailed(manager: EntityManager, hold: Hold, error: RunView['error']): Promise<boolean> {
  return change(manager, hold, `state = 'failed', error = $3`, [text(error)]);
}

/** Hands the run back to whoever comes next. */
export function giveBack(manager: EntityManager, hold: Hold): Promise<boolean> {
  return change(manager, hold, `state = 'queued'`, []);
}

/** The checkpoints that were stored for a run. */
export async function checkpointsOf(manager: EntityManager, id: string): Promise<Digest[]> {
  const rows: { digest: Digest }[] = await manager.query(
    'SELECT checkpoint_digest AS digest FROM ops.run_epoch WHERE run_id = $1 AND checkpoint_digest IS NOT NULL',
    [id],
  );
  return rows.map(({ digest }) => digest);
}

/** The checkpoints of a run, by epoch. */
export async function storedCheckpoints(manager: EntityManager, run: string): Promise<Map<number, Digest>> {
  const rows: { epoch: number; digest: Digest }[] = await manager.query(
    'SELECT epoch, checkpoint_digest AS digest FROM ops.run_epoch WHERE run_id = $1 AND checkpoint_digest IS NOT NULL',
    [run],
  );
  return new Map(rows.map(({ epoch, digest }) => [epoch, digest]));
}

export async function stateOfRun(manager: EntityManager, id: string): Promise<string | undefined> {
  const [row]: { state: string }[] = await manager.query('SELECT state FROM ops.run_progress WHERE run_id = $1', [id]);
  return row?.state;
}

/** Runs and replays that nobody ended, and that nothing has been heard of for a minute. */
export function silentRuns(manager: EntityManager): Promise<{ id: string; jobId: string }[]> {
  return manager.query(
    `SELECT q.id, q.job_id AS "jobId"
     FROM ops.run_progress p
     JOIN (SELECT id, job_id FROM ops.run_request UNION ALL SELECT id, job_id FROM ops.replay_request) q ON q.id = p.run_id
     WHERE p.state IN ('queued', 'running', 'recording') AND p.changed_at < now() - interval '1 minute'
     ORDER BY p.changed_at LIMIT 100`,
  );
}

/** Ends a run that has no job any more. */
export async function endLost(manager: EntityManager, id: string, error: RunView['error']): Promise<void> {
  await manager.query(
    `UPDATE ops.run_progress SET state = 'failed', error = $2, changed_at = now()
     WHERE run_id = $1 AND state IN ('queued', 'running', 'recording') AND changed_at < now() - interval '1 minute'`,
    [id, text(error)],
  );
}

export interface RecordedRun {
  weightDigest: string;
  fileDigest: string;
  registrationId: string | null;
}

export async function recordedRun(manager: EntityManager, id: string): Promise<RecordedRun | undefined> {
  const [row]: RecordedRun[] = await manager.query(
    `SELECT weight_digest AS "weightDigest", file_digest AS "fileDigest", registration_id AS "registrationId"
     FROM registry.run WHERE id = $1`,
    [id],
  );
  return row;
}

async function change(
  manager: EntityManager,
  { runId, attempt }: Hold,
  assignments: string,
  values: unknown[],
  state: 'recording' | 'running' = 'running',
): Promise<boolean> {
  const [, changed]: [unknown, number] = await manager.query(
    `UPDATE ops.run_progress SET ${assignments}, changed_at = now()
     WHERE run_id = $1 AND attempt = $2 AND state = '${state}'`,
    [runId, attempt, ...values],
  );
  return changed === 1;
}

const text = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
