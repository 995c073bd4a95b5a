/** SQL over parties, their keys and API keys. */
import type { EntityManager } from 'typeorm';
import { prepared } from '../platform/database/index.ts';
import type { PartyQuery, PartyView } from './party.schema.ts';

const PARTIES = `
  SELECT p.id, d.value AS name, p.name_commitment AS "nameCommitment", p.kind, p.roles, p.statement, p.recorded_index::int AS "recordedIndex",
    coalesce(
      (SELECT jsonb_agg(jsonb_build_object('fingerprint', k.fingerprint, 'publicKey', k.spki, 'statement', k.statement,
           'recordedIndex', k.recorded_index, 'revoked', CASE WHEN e.index IS NOT NULL THEN
             jsonb_build_object('index', e.index, 'statement', 'sha256:' || encode(e.payload_digest, 'hex'),
               'reason', k.revoked_reason, 'successor', k.successor) END) ORDER BY k.recorded_index)
       FROM registry.party_key k LEFT JOIN ledger.statement e ON e.index = k.revoked_index
       WHERE k.party_id = p.id), '[]') AS keys,
    (SELECT jsonb_build_object('index', e.recorded_index, 'succession', e.succession_id)
     FROM registry.ended_party e WHERE e.party_id = p.id) AS ended
  FROM registry.party p LEFT JOIN registry.disclosure d ON d.commitment = p.name_commitment`;

export async function findParty(manager: EntityManager, id: string): Promise<PartyView | undefined> {
  const [row]: PartyView[] = await manager.query(`${PARTIES} WHERE p.id = $1`, [id]);
  return row;
}

/** In the order in which they came. */
export function listParties(manager: EntityManager, { name, after, limit }: PartyQuery): Promise<PartyView[]> {
  return manager.query(
    `${PARTIES} WHERE ($1::text IS NULL OR d.value = $1) AND ($2::bigint IS NULL OR p.recorded_index > $2)
     ORDER BY p.recorded_index LIMIT $3`,
    [name ?? null, after ?? null, limit],
  );
}

export interface ApiKeyRow {
  id: string;
  partyId: string;
  secretDigest: string;
  scopes: string[];
  roles: ('auditor' | 'registrar')[];
  expiresAt: string | null;
  revoked: boolean;
}

export function findApiKeys(manager: EntityManager, ids: readonly string[]): Promise<ApiKeyRow[]> {
  return prepared<ApiKeyRow>(
    manager,
    `SELECT a.id, a.party_id AS "partyId", a.secret_digest AS "secretDigest", a.scopes, p.roles,
       a.expires_at AS "expiresAt", a.revoked_index IS NOT NULL AS revoked
     FROM registry.api_key a JOIN registry.party p ON p.id = a.party_id WHERE a.id = ANY ($1)`,
    [ids],
  );
}

export async function hasApiKey(manager: EntityManager, partyId: string): Promise<boolean> {
  const rows: unknown[] = await manager.query(
    `SELECT 1 FROM registry.api_key WHERE party_id = $1 AND revoked_index IS NULL LIMIT 1`,
    [partyId],
  );
  return rows.length > 0;
}

/** @param partyId null: of whichever party */
export async function apiKeyIsOf(manager: EntityManager, id: string, partyId: string | null): Promise<boolean> {
  const rows: unknown[] = await manager.query(
    `SELECT 1 FROM registry.api_key WHERE id = $1 AND ($2::text IS NULL OR party_id = $2)`,
    [id, partyId],
  );
  return rows.length > 0;
}
