/** SQL over grants. What a reader may not see is left out by the query itself, so it cannot be told from what is not there. */
import type { EntityManager } from 'typeorm';
import type { GrantLife } from '../core/licensing/grant-states.ts';
import type { GrantNotice } from '../core/registry/grant-notice.ts';
import type { GrantQuery, GrantView } from './grant.schema.ts';

export interface GrantRow extends Omit<GrantView, 'state'> {
  lives: Lives;
}

/** What a grant's state is told from. */
export interface Lives {
  own: GrantLife;
  above: GrantLife[];
}

/** Who asks; registrar and auditors see every grant. */
export interface Reader {
  partyId: string;
  seesAll: boolean;
}

const LIFE = (row: string) => `
  jsonb_build_object('stage', ${row}.stage, 'acceptBy', ${row}.document ->> 'acceptBy',
    'notBefore', ${row}.document ->> 'notBefore', 'expiresAt', ${row}.expires_at, 'endsAt', ${row}.ends_at)`;

/** `Lives` of the grant in `row`, as JSON. */
export const LIVES = (row: string): string => `
  jsonb_build_object('own', ${LIFE(row)}, 'above', CASE WHEN ${row}.above = '{}' THEN '[]'::jsonb ELSE
    (SELECT jsonb_agg(${LIFE('a')}) FROM registry.license_grant a WHERE a.id = ANY (${row}.above)) END)`;

/** Those above a sub-license see it, too: it was passed on from what they gave. */
const GRANTS = `
  SELECT g.document || jsonb_build_object('id', g.id, 'licensor', g.licensor, 'above', g.above, 'endsAt', g.ends_at,
    'renewedBy', g.renewed_by, 'statement', g.statement, 'recordedIndex', g.recorded_index, 'lives', ${LIVES('g')},
    'acts', coalesce((SELECT jsonb_agg(jsonb_build_object('id', c.id, 'act', c.act, 'maker', c.maker,
        'statement', c.statement, 'recordedIndex', c.recorded_index) ORDER BY c.recorded_index)
      FROM registry.grant_act c WHERE c.grant_id = g.id), '[]')) AS grant
  FROM registry.license_grant g
  WHERE ($2 OR $1 IN (g.licensor, g.licensee)
    OR EXISTS (SELECT FROM registry.license_grant a WHERE a.id = ANY (g.above) AND a.licensor = $1))`;

export async function findGrant(
  manager: EntityManager,
  { partyId, seesAll }: Reader,
  id: string,
): Promise<GrantRow | undefined> {
  const [row]: { grant: GrantRow }[] = await manager.query(`${GRANTS} AND g.id = $3`, [partyId, seesAll, id]);
  return row?.grant;
}

/** In log order; with a registration, the grants on that one. */
export async function listGrants(
  manager: EntityManager,
  { partyId, seesAll }: Reader,
  { registration, after, limit }: GrantQuery,
): Promise<GrantRow[]> {
  const rows: { grant: GrantRow }[] = await manager.query(
    `${GRANTS} AND ($3::text IS NULL OR g.registration_id = $3) AND g.recorded_index > $4
     ORDER BY g.recorded_index LIMIT $5`,
    [partyId, seesAll, registration ?? null, after ?? -1, limit],
  );
  return rows.map(({ grant }) => grant);
}

export interface Sides {
  licensor: string;
  licensee: string;
}

/** The two sides of a grant, for whoever sees it or owns a share of the model. */
export async function findSides(
  manager: EntityManager,
  { partyId, seesAll }: Reader,
  id: string,
): Promise<Sides | undefined> {
  const [row]: Sides[] = await manager.query(
    `SELECT g.licensor, g.licensee FROM registry.license_grant g
     WHERE g.id = $3 AND ($2 OR $1 IN (g.licensor, g.licensee) OR EXISTS (
       SELECT FROM registry.title t WHERE t.asset_id = g.registration_id AND t.party_id = $1 AND t.share_num > 0))`,
    [partyId, seesAll, id],
  );
  return row;
}

export interface DueNotice extends Sides {
  grant: string;
  notice: GrantNotice;
}

/** Warnings that are due: of several that a grant has come to, the most urgent. */
export function dueWarnings(
  manager: EntityManager,
  { at, warnings, limit }: { at: string; warnings: readonly { notice: GrantNotice; until: string }[]; limit: number },
): Promise<DueNotice[]> {
  return manager.query(
    `SELECT g.id AS grant, g.licensor, g.licensee, w.notice FROM registry.license_grant g
     CROSS JOIN LATERAL (SELECT k.notice FROM unnest($2::text[], $3::text[]) AS k(notice, until)
       WHERE g.expires_at <= k.until ORDER BY k.until LIMIT 1) w
     WHERE g.expires_at > $1 AND g.expires_at <= (SELECT max(until) FROM unnest($3::text[]) u(until))
       AND g.stage IN ('accepted', 'suspended') AND (g.ends_at IS NULL OR g.ends_at > $1)
       AND NOT EXISTS (SELECT FROM registry.license_grant r
         WHERE r.id = g.renewed_by AND (r.ends_at IS NULL OR r.ends_at > g.expires_at))
       AND NOT EXISTS (SELECT FROM registry.license_grant a
         WHERE a.id = ANY (g.above) AND (a.ends_at <= $1 OR a.expires_at <= $1))
       AND NOT EXISTS (SELECT FROM registry.grant_notice n WHERE n.grant_id = g.id AND n.notice = w.notice)
     ORDER BY g.expires_at LIMIT $4`,
    [at, warnings.map(({ notice }) => notice), warnings.map(({ until }) => until), limit],
  );
}

/** Sub-licenses that ended because one above them did, and whose sides were not told. */
export function endedWithParent(manager: EntityManager, at: string, limit: number): Promise<DueNotice[]> {
  return manager.query(
    `SELECT DISTINCT g.id AS grant, g.licensor, g.licensee, 'parent-ended' AS notice FROM registry.license_grant a
     JOIN registry.license_grant g ON g.above @> ARRAY[a.id]
     WHERE (a.ends_at <= $1 OR a.expires_at <= $1) AND g.stage IN ('accepted', 'suspended')
       AND (g.ends_at IS NULL OR g.ends_at > $1) AND (g.expires_at IS NULL OR g.expires_at > $1)
       AND NOT EXISTS (SELECT FROM registry.grant_notice n WHERE n.grant_id = g.id AND n.notice = 'parent-ended')
     LIMIT $2`,
    [at, limit],
  );
}
