/** SQL over adverse claims, and over what else bears on who comes first. Everything about title is public. */
import type { EntityManager } from 'typeorm';
import type { Moment } from '../core/title/chain.ts';
import { bodyOf } from '../ledger/index.ts';
import { prepared } from '../platform/database/index.ts';
import type { ClaimQuery, ClaimView, SameModelView } from './claim.schema.ts';

/** Above every index: all that is on record. */
export const EVERYTHING = Number.MAX_SAFE_INTEGER;

const clock = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const POSSESSION = `jsonb_build_object('sealed', p.sealed_id, 'digest', p.digest, 'subject', p.subject,
  'sealedIndex', p.sealed_index, 'sealedAt', ${clock('l.recorded_at')}, 'openedIndex', p.recorded_index)`;

const TIMESTAMP = `${bodyOf('l')} - '{timestamp,documentDigest}'::text[] || jsonb_build_object('id', t.id,
  'statement', t.statement, 'recordedIndex', t.recorded_index)`;

/** As it stood when the log had $1 entries. */
const CLAIM = `
  SELECT c.document || jsonb_build_object('id', c.id, 'claimant', c.claimant, 'acknowledged', a.acknowledged,
    'state', CASE WHEN c.ended_index < $1 THEN 'withdrawn' WHEN a.acknowledged <> '[]' THEN 'acknowledged'
      ELSE 'standing' END,
    'statement', c.statement, 'recordedIndex', c.recorded_index, 'recordedAt', ${clock('s.recorded_at')},
    'endedIndex', CASE WHEN c.ended_index < $1 THEN c.ended_index END, 'acts', a.acts,
    'evidence', coalesce(
      (SELECT jsonb_agg(${POSSESSION} ORDER BY p.sealed_index, p.digest)
       FROM jsonb_to_recordset(c.document -> 'evidence') AS e(sealed text, digest text)
       JOIN registry.possession p ON p.digest = e.digest AND p.maker = c.claimant AND p.sealed_id = e.sealed
       JOIN ledger.statement l ON l.index = p.sealed_index), '[]'),
    'timestamps', coalesce(
      (SELECT jsonb_agg(${TIMESTAMP} ORDER BY t.time, t.recorded_index)
       FROM jsonb_array_elements_text(c.document -> 'timestamps') AS e(id)
       JOIN registry.document_timestamp t ON t.id = e.id
       JOIN ledger.statement l ON l.index = t.recorded_index), '[]')) AS view
  FROM registry.adverse_claim c
  JOIN ledger.statement s ON s.index = c.recorded_index
  CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', x.id, 'act', x.act, 'maker', x.maker, 'statement', x.statement,
        'recordedIndex', x.recorded_index) ORDER BY x.recorded_index), '[]') AS acts,
      coalesce(jsonb_agg(x.maker ORDER BY x.recorded_index) FILTER (WHERE x.act = 'acknowledge'), '[]') AS acknowledged
    FROM registry.adverse_claim_act x WHERE x.claim_id = c.id AND x.recorded_index < $1) a`;

export async function findClaim(manager: EntityManager, id: string): Promise<ClaimView | undefined> {
  const [row] = await prepared<{ view: ClaimView }>(manager, `${CLAIM} WHERE c.id = $2`, [EVERYTHING, id]);
  return row?.view;
}

/** In log order. */
export async function listClaims(
  manager: EntityManager,
  { asset, claimant, state, after, limit }: ClaimQuery,
): Promise<ClaimView[]> {
  const rows: { view: ClaimView }[] = await manager.query(
    `${CLAIM}
     WHERE ($2::text IS NULL OR c.asset_id = $2) AND ($3::text IS NULL OR c.claimant = $3)
       AND ($4::text IS NULL OR c.state = $4) AND c.recorded_index > $5
     ORDER BY c.recorded_index LIMIT $6`,
    [EVERYTHING, asset ?? null, claimant ?? null, state ?? null, after ?? -1, limit],
  );
  return rows.map(({ view }) => view);
}

/** Those that stood at the moment, in log order. */
export async function standingClaims(
  manager: EntityManager,
  asset: string,
  { effective, known }: Moment,
  limit: number,
): Promise<ClaimView[]> {
  const rows = await prepared<{ view: ClaimView }>(
    manager,
    `${CLAIM}
     WHERE c.asset_id = $2 AND c.recorded_index < $1 AND (c.ended_index IS NULL OR c.ended_index >= $1)
       AND c.document ->> 'effectiveFrom' <= $3
     ORDER BY c.recorded_index LIMIT $4`,
    [known, asset, effective, limit],
  );
  return rows.map(({ view }) => view);
}

/** Of these instruments and first records the ones against which a claim stood. */
export async function contestedAmong(
  manager: EntityManager,
  ids: readonly string[],
  known: number,
): Promise<Set<string>> {
  const rows = await prepared<{ contested: string }>(
    manager,
    `SELECT DISTINCT contested FROM registry.adverse_claim
     WHERE contested = ANY ($1) AND recorded_index < $2 AND (ended_index IS NULL OR ended_index >= $2)`,
    [ids, known],
  );
  return new Set(rows.map(({ contested }) => contested));
}

/** The days on which entries were recorded, in UTC, by the registry's clock. */
export async function daysRecorded(manager: EntityManager, indexes: readonly number[]): Promise<Map<number, string>> {
  const rows = await prepared<{ index: number; day: string }>(
    manager,
    `SELECT index::float8 AS index, to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day
     FROM ledger.statement WHERE index = ANY ($1)`,
    [indexes],
  );
  return new Map(rows.map(({ index, day }) => [index, day]));
}

/** More registrations of one model than this are not shown; nobody honest has so many. */
const MAX_SAME = 100;

/** All registrations of the model that a registration is of, itself among them, in log order. */
export async function registrationsOfSameModel(
  manager: EntityManager,
  registration: string,
  known: number,
): Promise<SameModelView[]> {
  return prepared<SameModelView>(
    manager,
    `SELECT o.id AS registration, o.maker, o.name, o.recorded_index::float8 AS "recordedIndex",
       ${clock('s.recorded_at')} AS "recordedAt",
       coalesce(
         (SELECT jsonb_agg(${POSSESSION} ORDER BY p.sealed_index, p.digest) FROM registry.possession p
          JOIN ledger.statement l ON l.index = p.sealed_index
          WHERE p.maker = o.maker AND p.digest IN (o.model_digest, o.nameless_digest, o.file_digest)
            AND p.recorded_index < $2), '[]') AS possessions
     FROM registry.registration r
     JOIN registry.registration o
       ON o.model_digest = r.model_digest OR o.nameless_digest = r.nameless_digest OR o.file_digest = r.file_digest
     JOIN ledger.statement s ON s.index = o.recorded_index
     WHERE r.id = $1 AND o.recorded_index < $2 ORDER BY o.recorded_index LIMIT ${MAX_SAME}`,
    [registration, known],
  );
}
