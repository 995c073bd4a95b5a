/** SQL of the verifier over the tables of the registry that no statement alone makes: values of commitments, tokens, accesses. */
import type { Digest } from '../../core/digest.ts';
import type { AccessRecord } from '../../core/licensing/access-record.ts';
import type { Snapshot } from './snapshot.ts';

/** A value with its salt, and what the registry holds about the commitment that they open. */
export interface DisclosureRow {
  commitment: string;
  value: string;
  salt: string;
  /** Whether some statement makes the commitment */
  made: boolean;
  erasedIndex: number | null;
}

/** An issued token, with what the tables of the registry hold about its grant and its key. */
export interface IssuanceRow {
  jti: string;
  grant: string;
  licensee: string;
  kid: string;
  claimsDigest: Digest;
  issuedAt: number;
  expiresAt: number;
  salt: string;
  statusList: number;
  statusIndex: number;
  batchId: string | null;
  position: number | null;
  grantedTo: string | null;
  keyKnown: boolean;
}

const ISSUANCE = `
  SELECT i.jti, i.grant_id AS "grant", i.licensee, i.kid, i.claims_digest AS "claimsDigest", i.issued_at AS "issuedAt",
    i.expires_at AS "expiresAt", i.salt, i.status_list AS "statusList", i.status_index AS "statusIndex", i.batch_id AS "batchId", i.position, g.licensee AS "grantedTo",
    k.kid IS NOT NULL AS "keyKnown"
  FROM registry.token_issuance i LEFT JOIN registry.license_grant g ON g.id = i.grant_id
  LEFT JOIN registry.token_key k ON k.kid = i.kid`;

export function disclosures(snapshot: Snapshot, after: string, limit: number): Promise<DisclosureRow[]> {
  return snapshot.rows(
    `SELECT d.commitment, d.value, d.salt, c.commitment IS NOT NULL AS made, c.erased_index AS "erasedIndex"
     FROM registry.disclosure d LEFT JOIN registry.commitment c ON c.commitment = d.commitment
     WHERE d.commitment COLLATE "C" > $1 ORDER BY d.commitment COLLATE "C" LIMIT $2`,
    [after, limit],
  );
}

/** Commitments that no statement erased and whose value is not there. */
export function undisclosed(
  snapshot: Snapshot,
  after: string,
  limit: number,
): Promise<{ commitment: string; recordedIndex: number }[]> {
  return snapshot.rows(
    `SELECT c.commitment, c.recorded_index AS "recordedIndex" FROM registry.commitment c
     WHERE c.commitment COLLATE "C" > $1 AND c.erased_index IS NULL
       AND NOT EXISTS (SELECT FROM registry.disclosure d WHERE d.commitment = c.commitment)
     ORDER BY c.commitment COLLATE "C" LIMIT $2`,
    [after, limit],
  );
}

export async function countErased(snapshot: Snapshot): Promise<number> {
  const [row] = await snapshot.rows<{ count: number }>(
    `SELECT count(*) AS count FROM registry.commitment WHERE erased_index IS NOT NULL`,
  );
  return row!.count;
}

export function batches(
  snapshot: Snapshot,
  table: 'access_batch' | 'token_batch',
  after: string,
  limit: number,
): Promise<{ id: string; size: number; root: string }[]> {
  return snapshot.rows(
    `SELECT id, size, root FROM registry.${table} WHERE id COLLATE "C" > $1 ORDER BY id COLLATE "C" LIMIT $2`,
    [after, limit],
  );
}

export function batchedIssuances(snapshot: Snapshot, batchId: string, limit: number): Promise<IssuanceRow[]> {
  return snapshot.rows(`${ISSUANCE} WHERE i.batch_id = $1 ORDER BY i.position LIMIT $2`, [batchId, limit]);
}

/** Tokens that no batch on record holds. */
export function otherIssuances(snapshot: Snapshot, after: string, limit: number): Promise<IssuanceRow[]> {
  return snapshot.rows(
    `${ISSUANCE} WHERE i.jti COLLATE "C" > $1
       AND NOT EXISTS (SELECT FROM registry.token_batch b WHERE b.id = i.batch_id)
     ORDER BY i.jti COLLATE "C" LIMIT $2`,
    [after, limit],
  );
}

/** An access to stored weights, with what the tables of the registry hold about its grant. */
export interface AccessRow extends AccessRecord {
  batchId: string | null;
  position: number | null;
  grantedTo: string | null;
}

const ACCESS = `
  SELECT a.id AS number, a.registration_id AS registration, a.party_id AS party, a.api_key_id AS "apiKey", a.jti AS token,
    a.grant_id AS "grant", a.file_digest AS "fileDigest", a.first_byte AS "firstByte", a.last_byte AS "lastByte",
    to_char(a.accessed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, a.salt, a.batch_id AS "batchId",
    a.position, g.licensee AS "grantedTo"
  FROM registry.artifact_access a LEFT JOIN registry.license_grant g ON g.id = a.grant_id`;

export function batchedAccesses(snapshot: Snapshot, batchId: string, limit: number): Promise<AccessRow[]> {
  return snapshot.rows(`${ACCESS} WHERE a.batch_id = $1 ORDER BY a.position LIMIT $2`, [batchId, limit]);
}

/** Accesses that no batch on record holds. */
export function otherAccesses(snapshot: Snapshot, after: number, limit: number): Promise<AccessRow[]> {
  return snapshot.rows(
    `${ACCESS} WHERE a.id > $1 AND NOT EXISTS (SELECT FROM registry.access_batch b WHERE b.id = a.batch_id)
     ORDER BY a.id LIMIT $2`,
    [after, limit],
  );
}
