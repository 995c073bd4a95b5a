/** SQL over refusals of license tokens. */
import type { EntityManager } from 'typeorm';
import type { ErrorCode } from '../core/errors.ts';
import type { Endpoint, RefusalQuery, RefusalView } from './refusal.schema.ts';

export interface Refused {
  endpoint: Endpoint;
  code: ErrorCode;
  party: string | null;
  apiKey: string | null;
  grant: string | null;
  jti: string | null;
  times: number;
}

export async function insertRefusals(manager: EntityManager, rows: readonly Refused[]): Promise<void> {
  await manager.query(
    `INSERT INTO ops.token_refusal (endpoint, code, party_id, api_key_id, grant_id, jti, times)
     SELECT endpoint, code, party, "apiKey", "grant", jti, times FROM jsonb_to_recordset($1::jsonb)
       AS r(endpoint text, code text, party text, "apiKey" text, "grant" text, jti text, times int)`,
    [JSON.stringify(rows)],
  );
}

/** @param party whose eyes they are for; null for who sees all */
export function listRefusals(
  manager: EntityManager,
  party: string | null,
  { grant, after, limit }: RefusalQuery,
): Promise<RefusalView[]> {
  return manager.query(
    `SELECT r.id::float8 AS number, to_char(r.refused_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at,
       r.endpoint, r.code, r.party_id AS party, r.api_key_id AS "apiKey", r.grant_id AS grant, r.jti AS token, r.times
     FROM ops.token_refusal r
     WHERE r.id > $3 AND ($2::text IS NULL OR r.grant_id = $2)
       AND ($1::text IS NULL OR r.party_id = $1
         OR EXISTS (SELECT FROM registry.license_grant g WHERE g.id = r.grant_id AND g.licensor = $1))
     ORDER BY r.id LIMIT $4`,
    [party, grant ?? null, after, limit],
  );
}

/** Deletes those that are older than `days`, and all before the last `most`. */
export async function pruneRefusals(
  manager: EntityManager,
  { days, most }: { days: number; most: number },
): Promise<void> {
  await manager.query(
    `DELETE FROM ops.token_refusal
     WHERE refused_at < now() - make_interval(days => $1) OR id <= (SELECT max(id) FROM ops.token_refusal) - $2::bigint`,
    [days, most],
  );
}
