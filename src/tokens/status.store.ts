/** SQL over status lists: the places that tokens have in them, and all that changes what a token is. */
import type { EntityManager } from 'typeorm';
import type { GrantAct } from '../core/licensing/grant-states.ts';
import type { GrantBody } from '../core/registry/grant.ts';
import type { Lives } from '../licenses/index.ts';
import { LIVES } from '../licenses/index.ts';
import { DISPUTED } from './token.store.ts';

/** Tokens that one list tells of. */
export const LIST_SIZE = 131_072;

/**
 * The next places of the list that is being filled, for one process alone.
 * @returns undefined where no list has so many left
 */
export async function leasePlaces(
  manager: EntityManager,
  count: number,
): Promise<{ list: number; indexes: Buffer } | undefined> {
  const [rows]: [{ list: number; indexes: Buffer }[], number] = await manager.query(
    `UPDATE ops.status_list SET used = used + $1
     WHERE number = (SELECT min(number) FROM ops.status_list WHERE used + $1 <= $2) AND used + $1 <= $2
     RETURNING number AS list, substring(permutation FROM (used - $1) * 4 + 1 FOR $1 * 4) AS indexes`,
    [count, LIST_SIZE],
  );
  return rows[0];
}

/** Begins another list, unless somebody else just has; none that a token stands in begins again. */
export async function beginList(manager: EntityManager, permutation: Buffer, count: number): Promise<void> {
  await manager.query(
    `INSERT INTO ops.status_list (number, permutation, used)
     SELECT 1 + greatest(-1, (SELECT max(number) FROM ops.status_list), (SELECT max(status_list) FROM registry.token_issuance)),
       $1, 0
     WHERE NOT EXISTS (SELECT FROM ops.status_list WHERE used + $2 <= $3) ON CONFLICT (number) DO NOTHING`,
    [permutation, count, LIST_SIZE],
  );
}

/** Also those of which only the tokens in them know yet, where the record of handed-out places was lost. */
export async function countLists(manager: EntityManager): Promise<number> {
  const [row]: { count: number }[] = await manager.query(
    `SELECT coalesce((SELECT max(number) + 1 FROM ops.status_list),
       (SELECT max(status_list) + 1 FROM registry.token_issuance), 0)::int AS count`,
  );
  return row!.count;
}

export interface Place {
  list: number;
  index: number;
}

/**
 * Grants about which something was recorded from an index of the log on, or whose notice ended after `since` and not
 * after `until`, and all that was passed on of them; and those of models on which a claim came up or ended.
 */
export function changedGrants(
  manager: EntityManager,
  { from, since, until }: { from: number; since: string; until: string },
): Promise<{ id: string; lives: Lives; disputed: boolean }[]> {
  return manager.query(
    `WITH changed AS (
       SELECT id FROM registry.license_grant WHERE changed_index >= $1
       UNION SELECT id FROM registry.license_grant WHERE ends_at > $2 AND ends_at <= $3
       UNION SELECT g.id FROM registry.adverse_claim c JOIN registry.license_grant g ON g.registration_id = c.asset_id
         WHERE c.recorded_index >= $1
       UNION SELECT g.id FROM registry.adverse_claim c JOIN registry.license_grant g ON g.registration_id = c.asset_id
         WHERE c.ended_index >= $1)
     SELECT g.id, ${LIVES('g')} AS lives, ${DISPUTED('g')} AS disputed FROM registry.license_grant g
     WHERE g.id IN (SELECT id FROM changed) OR g.above && ARRAY(SELECT id FROM changed)`,
    [from, since, until],
  );
}

/** Where the tokens under grants stand. @param issuedFrom seconds since 1970 */
export function placesUnder(
  manager: EntityManager,
  grants: readonly string[],
  issuedFrom = 0,
): Promise<(Place & { grant: string })[]> {
  return manager.query(
    `SELECT status_list AS list, status_index AS index, grant_id AS grant FROM registry.token_issuance
     WHERE grant_id = ANY ($1) AND issued_at >= $2`,
    [grants, issuedFrom],
  );
}

/** Where the tokens stand that were revoked, each by itself, from an index of the log on. */
export function revokedPlaces(manager: EntityManager, from: number): Promise<Place[]> {
  return manager.query(
    `SELECT i.status_list AS list, i.status_index AS index FROM registry.token_revocation v
     JOIN registry.token_issuance i USING (jti) WHERE v.recorded_index >= $1`,
    [from],
  );
}

/** A token of a list, as it stood when the log had a size; `revoked` by itself. */
export function tokensThen(
  manager: EntityManager,
  { list, issuedUntil, size }: { list: number; issuedUntil: number; size: number },
): Promise<{ index: number; grant: string; revoked: boolean }[]> {
  return manager.query(
    `SELECT i.status_index AS index, i.grant_id AS grant, v.jti IS NOT NULL AS revoked
     FROM registry.token_issuance i LEFT JOIN registry.token_revocation v ON v.jti = i.jti AND v.recorded_index < $3
     WHERE i.status_list = $1 AND i.issued_at <= $2`,
    [list, issuedUntil, size],
  );
}

export interface GrantThen {
  id: string;
  above: string[];
  document: Pick<GrantBody, 'acceptBy' | 'expiresAt' | 'notBefore'>;
  acts: { act: GrantAct; endsAt: string | null }[];
  disputed: boolean;
}

/** Grants, and those above them, with what was done about them until the log had a size. */
export function grantsThen(manager: EntityManager, grants: readonly string[], size: number): Promise<GrantThen[]> {
  return manager.query(
    `SELECT g.id, g.above, g.document, coalesce(
       (SELECT jsonb_agg(jsonb_build_object('act', c.act, 'endsAt', c.ends_at) ORDER BY c.recorded_index)
        FROM registry.grant_act c WHERE c.grant_id = g.id AND c.recorded_index < $2), '[]') AS acts,
       ${DISPUTED('g', '$2')} AS disputed
     FROM registry.license_grant g
     WHERE g.id = ANY ($1) OR g.id IN (SELECT unnest(above) FROM registry.license_grant WHERE id = ANY ($1))`,
    [grants, size],
  );
}
