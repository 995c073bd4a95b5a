/** SQL over accesses to stored weights. */
import type { EntityManager } from 'typeorm';
import type { Digest } from '../core/digest.ts';
import type { AccessQuery, AccessView } from './artifact.schema.ts';

export interface Access {
  registration: string;
  party: string;
  apiKey: string;
  fileDigest: Digest;
  token: string | null;
  grant: string | null;
  firstByte: number | null;
  lastByte: number | null;
}

/** @returns its number */
export async function insertAccess(manager: EntityManager, access: Access): Promise<number> {
  const [row]: { id: number }[] = await manager.query(
    `INSERT INTO ops.artifact_access
       (registration_id, party_id, api_key_id, file_digest, jti, grant_id, first_byte, last_byte)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id::float8 AS id`,
    [
      access.registration,
      access.party,
      access.apiKey,
      access.fileDigest,
      access.token,
      access.grant,
      access.firstByte,
      access.lastByte,
    ],
  );
  return row!.id;
}

export async function insertDelivery(
  manager: EntityManager,
  { access, bytes, complete }: { access: number; bytes: number; complete: boolean },
): Promise<void> {
  await manager.query(`INSERT INTO ops.artifact_delivery (access_id, bytes, complete) VALUES ($1, $2, $3)`, [
    access,
    bytes,
    complete,
  ]);
}

/** The newest first. @param party null for the accesses of everybody */
export function listAccesses(
  manager: EntityManager,
  registration: string,
  party: string | null,
  { before, limit }: AccessQuery,
): Promise<AccessView[]> {
  return manager.query(
    `SELECT a.id::float8 AS number, a.party_id AS party, a.api_key_id AS "apiKey", a.jti AS token, a.grant_id AS grant,
       a.file_digest AS "fileDigest", a.first_byte::float8 AS "firstByte", a.last_byte::float8 AS "lastByte",
       to_char(a.accessed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at,
       d.bytes::float8 AS bytes, d.complete
     FROM ops.artifact_access a LEFT JOIN ops.artifact_delivery d ON d.access_id = a.id
     WHERE a.registration_id = $1 AND ($2::text IS NULL OR a.party_id = $2) AND ($3::bigint IS NULL OR a.id < $3)
     ORDER BY a.id DESC LIMIT $4`,
    [registration, party, before ?? null, limit],
  );
}
