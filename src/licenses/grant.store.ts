/** SQL over grants. What a reader may not see is left out by the query itself, so it cannot be told from what is not there. */
import type { EntityManager } from 'typeorm';
import type { GrantBody } from '../core/registry/grant.ts';
import type { Digest } from '../core/digest.ts';

export interface GrantRow extends GrantBody {
  id: string;
  licensor: string;
  statement: Digest;
  recordedIndex: number;
  revokedIndex: number | null;
}

/** Who asks; registrar and auditors see every grant. */
export interface Reader {
  partyId: string;
  seesAll: boolean;
}

const GRANTS = `
  SELECT g.document || jsonb_build_object('id', g.id, 'licensor', g.licensor, 'statement', g.statement,
    'recordedIndex', g.recorded_index, 'revokedIndex', g.revoked_index) AS grant
  FROM registry.license_grant g WHERE ($2 OR $1 IN (g.licensor, g.licensee))`;

export async function findGrant(
  manager: EntityManager,
  { partyId, seesAll }: Reader,
  id: string,
): Promise<GrantRow | undefined> {
  const [row]: { grant: GrantRow }[] = await manager.query(`${GRANTS} AND g.id = $3`, [partyId, seesAll, id]);
  return row?.grant;
}

/** In log order, at most 1,000; with a registration, the grants on that one. */
export async function listGrants(
  manager: EntityManager,
  { partyId, seesAll }: Reader,
  registration: string | null,
): Promise<GrantRow[]> {
  const rows: { grant: GrantRow }[] = await manager.query(
    `${GRANTS} AND ($3::text IS NULL OR g.registration_id = $3) ORDER BY g.recorded_index LIMIT 1000`,
    [partyId, seesAll, registration],
  );
  return rows.map(({ grant }) => grant);
}

/** The two sides of a grant, for whoever sees it or owns a share of the model. */
export async function findSides(
  manager: EntityManager,
  { partyId, seesAll }: Reader,
  id: string,
): Promise<{ licensor: string; licensee: string } | undefined> {
  const [row]: { licensor: string; licensee: string }[] = await manager.query(
    `SELECT g.licensor, g.licensee FROM registry.license_grant g
     WHERE g.id = $3 AND ($2 OR $1 IN (g.licensor, g.licensee) OR EXISTS (
       SELECT FROM registry.title t WHERE t.asset_id = g.registration_id AND t.party_id = $1 AND t.share_num > 0))`,
    [partyId, seesAll, id],
  );
  return row;
}
