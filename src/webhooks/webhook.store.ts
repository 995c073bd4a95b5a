/** SQL of webhooks: the addresses, the cursor through the log, the deliveries. */
import type { EntityManager } from 'typeorm';
import { JOBS_SCHEMA } from '../platform/jobs/index.ts';

export interface WebhookRow {
  id: string;
  partyId: string;
  url: string;
  events: string[];
  digests: string[];
  parties: string[];
  sinceIndex: number;
  secret: Buffer;
  previousSecret: Buffer | null;
  previousUntil: Date | null;
  madeAt: Date;
  failingSince: Date | null;
}

export interface DeliveryRow {
  id: string;
  webhookId: string;
  event: string;
  logIndex: number;
  body: string;
  state: 'delivered' | 'failed' | 'waiting';
  attempts: number;
  status: number | null;
  error: string | null;
  madeAt: Date;
  attemptedAt: Date | null;
}

export type NewDelivery = Pick<DeliveryRow, 'body' | 'event' | 'id' | 'logIndex' | 'webhookId'> & { jobId: string };

/** A statement of the log, as events are made of it. */
export interface RecordedStatement {
  index: number;
  visibility: string;
  payload: Buffer;
  spki: Buffer;
  recordedAt: Date;
}

const WEBHOOK = `id, party_id AS "partyId", url, events, digests, parties, since_index::int8 AS "sinceIndex", secret,
  previous_secret AS "previousSecret", previous_until AS "previousUntil", made_at AS "madeAt", failing_since AS "failingSince"`;
const DELIVERY = `id, webhook_id AS "webhookId", event, log_index AS "logIndex", body, state, attempts, status, error,
  made_at AS "madeAt", attempted_at AS "attemptedAt"`;

const webhook = (row: WebhookRow): WebhookRow => ({ ...row, sinceIndex: Number(row.sinceIndex) });
const delivery = (row: DeliveryRow): DeliveryRow => ({ ...row, logIndex: Number(row.logIndex) });

/** @returns false when the party has `most` webhooks already */
export async function insertWebhook(
  manager: EntityManager,
  row: Pick<WebhookRow, 'digests' | 'events' | 'id' | 'parties' | 'partyId' | 'secret' | 'sinceIndex' | 'url'>,
  most: number,
): Promise<boolean> {
  const rows: object[] = await manager.query(
    `INSERT INTO ops.webhook (id, party_id, url, events, digests, parties, since_index, secret)
     SELECT $1, $2, $3, $4, $5, $6, $7, $8
     WHERE (SELECT count(*) FROM ops.webhook WHERE party_id = $2) < $9 RETURNING id`,
    [row.id, row.partyId, row.url, row.events, row.digests, row.parties, row.sinceIndex, row.secret, most],
  );
  return rows.length === 1;
}

export async function readWebhooks(manager: EntityManager, partyId?: string): Promise<WebhookRow[]> {
  const rows: WebhookRow[] = await manager.query(
    `SELECT ${WEBHOOK} FROM ops.webhook WHERE $1::text IS NULL OR party_id = $1 ORDER BY made_at, id`,
    [partyId ?? null],
  );
  return rows.map(webhook);
}

export async function findWebhook(manager: EntityManager, id: string): Promise<WebhookRow | undefined> {
  const rows: WebhookRow[] = await manager.query(`SELECT ${WEBHOOK} FROM ops.webhook WHERE id = $1`, [id]);
  return rows[0] && webhook(rows[0]);
}

export async function deleteWebhook(manager: EntityManager, id: string): Promise<void> {
  await manager.query(`DELETE FROM ops.webhook WHERE id = $1`, [id]);
  await manager.query(`DELETE FROM ops.webhook_delivery WHERE webhook_id = $1`, [id]);
}

/** The present secret becomes the previous one, until then. */
export async function replaceSecret(manager: EntityManager, id: string, secret: Buffer, until: Date): Promise<void> {
  await manager.query(
    `UPDATE ops.webhook SET previous_secret = secret, previous_until = $3, secret = $2 WHERE id = $1`,
    [id, secret, until],
  );
}

/** Takes the cursor for this transaction; undefined while another process has it. Made where there is none. */
export async function lockCursor(manager: EntityManager, published: number): Promise<number | undefined> {
  await manager.query(
    `INSERT INTO ops.webhook_cursor (id, next_index)
     SELECT 1, coalesce((SELECT min(since_index) FROM ops.webhook), $1) ON CONFLICT (id) DO NOTHING`,
    [published],
  );
  const rows: { nextIndex: string }[] = await manager.query(
    `SELECT next_index AS "nextIndex" FROM ops.webhook_cursor WHERE id = 1 FOR UPDATE SKIP LOCKED`,
  );
  return rows[0] && Number(rows[0].nextIndex);
}

export async function moveCursor(manager: EntityManager, nextIndex: number): Promise<void> {
  await manager.query(`UPDATE ops.webhook_cursor SET next_index = $1 WHERE id = 1`, [nextIndex]);
}

/** Statements `from` ≤ index < `to`, in order. */
export async function readRecorded(manager: EntityManager, from: number, to: number): Promise<RecordedStatement[]> {
  const rows: (Omit<RecordedStatement, 'index'> & { index: string })[] = await manager.query(
    `SELECT index, visibility, payload, spki, recorded_at AS "recordedAt" FROM ledger.statement
     WHERE index >= $1 AND index < $2 ORDER BY index`,
    [from, to],
  );
  return rows.map((row) => ({ ...row, index: Number(row.index) }));
}

/** Checkpoints of trees with more than `from` and at most `to` entries. */
export async function readCheckpoints(
  manager: EntityManager,
  from: number,
  to: number,
): Promise<{ size: number; note: string; publishedAt: Date }[]> {
  const rows: { size: string; note: string; publishedAt: Date }[] = await manager.query(
    `SELECT size, note, published_at AS "publishedAt" FROM ledger.checkpoint WHERE size > $1 AND size <= $2 ORDER BY size`,
    [from, to],
  );
  return rows.map((row) => ({ ...row, size: Number(row.size) }));
}

/** Of the parties that are asked for, those that may read everything. */
export async function readOverseers(manager: EntityManager, parties: readonly string[]): Promise<Set<string>> {
  const rows: { id: string }[] = await manager.query(
    `SELECT id FROM registry.party WHERE id = ANY ($1::text[]) AND roles <> '{}'`,
    [parties],
  );
  return new Set(rows.map(({ id }) => id));
}

/** @returns the ids of those that are new */
export async function insertDeliveries(manager: EntityManager, rows: readonly NewDelivery[]): Promise<Set<string>> {
  const made: { id: string }[] = await manager.query(
    `INSERT INTO ops.webhook_delivery (id, webhook_id, event, log_index, body, job_id, state)
     SELECT *, 'waiting' FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::uuid[])
     ON CONFLICT (id) DO NOTHING RETURNING id`,
    [
      rows.map((row) => row.id),
      rows.map((row) => row.webhookId),
      rows.map((row) => row.event),
      rows.map((row) => row.logIndex),
      rows.map((row) => row.body),
      rows.map((row) => row.jobId),
    ],
  );
  return new Set(made.map(({ id }) => id));
}

export async function findDelivery(manager: EntityManager, id: string): Promise<DeliveryRow | undefined> {
  const rows: DeliveryRow[] = await manager.query(`SELECT ${DELIVERY} FROM ops.webhook_delivery WHERE id = $1`, [id]);
  return rows[0] && delivery(rows[0]);
}

/** Newest first. */
export async function readDeliveries(
  manager: EntityManager,
  webhookId: string,
  before: string | undefined,
  limit: number,
): Promise<DeliveryRow[]> {
  const rows: DeliveryRow[] = await manager.query(
    `SELECT ${DELIVERY} FROM ops.webhook_delivery WHERE webhook_id = $1 AND ($2::text IS NULL OR
       (log_index, id) < (SELECT log_index, id FROM ops.webhook_delivery WHERE id = $2 AND webhook_id = $1))
     ORDER BY log_index DESC, id DESC LIMIT $3`,
    [webhookId, before ?? null, limit],
  );
  return rows.map(delivery);
}

/** One attempt and how it went; a webhook fails from its first failure to its next success. */
export async function noteAttempt(
  manager: EntityManager,
  { id, webhookId }: Pick<DeliveryRow, 'id' | 'webhookId'>,
  { state, status, error }: Pick<DeliveryRow, 'error' | 'state' | 'status'>,
): Promise<void> {
  await manager.query(
    `UPDATE ops.webhook_delivery SET state = $2, status = $3, error = $4, attempts = attempts + 1, attempted_at = now()
     WHERE id = $1`,
    [id, state, status, error],
  );
  await manager.query(
    `UPDATE ops.webhook SET failing_since = CASE WHEN $2 THEN NULL ELSE coalesce(failing_since, now()) END
     WHERE id = $1 AND (failing_since IS NULL) <> $2`,
    [webhookId, state === 'delivered'],
  );
}

export async function sendAgain(manager: EntityManager, id: string, jobId: string): Promise<void> {
  await manager.query(
    `UPDATE ops.webhook_delivery SET state = 'waiting', job_id = $2, status = NULL, error = NULL WHERE id = $1`,
    [id, jobId],
  );
}

/** Deliveries that wait for a job which is over: its process died at the last attempt. @returns how many */
export async function failOrphans(manager: EntityManager): Promise<number> {
  const [rows]: [object[]] = await manager.query(
    `UPDATE ops.webhook_delivery d SET state = 'failed', error = 'The process that sent it ended.'
     WHERE d.state = 'waiting' AND d.made_at < now() - interval '1 minute' AND NOT EXISTS (
       SELECT FROM ${JOBS_SCHEMA}.job j WHERE j.id = d.job_id AND j.state IN ('created', 'retry', 'active'))
     RETURNING d.id`,
  );
  return rows.length;
}

/** @returns how many were removed */
export async function prune(manager: EntityManager, days: number): Promise<number> {
  const [rows]: [object[]] = await manager.query(
    `DELETE FROM ops.webhook_delivery WHERE state <> 'waiting' AND made_at < now() - make_interval(days => $1) RETURNING id`,
    [days],
  );
  return rows.length;
}
