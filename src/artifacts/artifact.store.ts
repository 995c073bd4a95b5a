/** SQL over accesses to stored weights and their batches. */
import type { EntityManager } from 'typeorm';
import type { AccessRecord } from '../core/licensing/access-record.ts';
import type { BatchRow } from '../ledger/index.ts';
import type { AccessQuery, AccessView } from './artifact.schema.ts';

export type Access = Omit<AccessRecord, 'at' | 'number'>;

/** @returns its number */
export async function insertAccess(manager: EntityManager, access: Access): Promise<number> {
  const [row]: { id: number }[] = await manager.query(
    `INSERT INTO registry.artifact_access
       (registration_id, party_id, api_key_id, file_digest, jti, grant_id, first_byte, last_byte, salt)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id::float8 AS id`,
    [
      access.registration,
      access.party,
      access.apiKey,
      access.fileDigest,
      access.token,
      access.grant,
      access.firstByte,
      access.lastByte,
      access.salt,
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

const ACCESS = `a.id::float8 AS number, a.party_id AS party, a.api_key_id AS "apiKey", a.jti AS token, a.grant_id AS grant,
  a.file_digest AS "fileDigest", a.first_byte::float8 AS "firstByte", a.last_byte::float8 AS "lastByte",
  to_char(a.accessed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at`;
const RECORD = `${ACCESS}, a.registration_id AS registration, a.salt`;
const DELIVERY = `d.bytes::float8 AS bytes, d.complete`;
const DELIVERED = `registry.artifact_access a LEFT JOIN ops.artifact_delivery d ON d.access_id = a.id`;

/** The newest first. @param party null for the accesses of everybody */
export function listAccesses(
  manager: EntityManager,
  registration: string,
  party: string | null,
  { before, limit }: AccessQuery,
): Promise<AccessView[]> {
  return manager.query(
    `SELECT ${ACCESS}, ${DELIVERY} FROM ${DELIVERED}
     WHERE a.registration_id = $1 AND ($2::text IS NULL OR a.party_id = $2) AND ($3::bigint IS NULL OR a.id < $3)
     ORDER BY a.id DESC LIMIT $4`,
    [registration, party, before ?? null, limit],
  );
}

export interface AccessOnRecord extends AccessRecord {
  batchId: string | null;
  position: number | null;
  bytes: number | null;
  complete: boolean | null;
}

/** @param party null for an access of whomever */
export async function findAccess(
  manager: EntityManager,
  registration: string,
  party: string | null,
  number: number,
): Promise<AccessOnRecord | undefined> {
  const [row]: AccessOnRecord[] = await manager.query(
    `SELECT ${RECORD}, a.batch_id AS "batchId", a.position, ${DELIVERY} FROM ${DELIVERED}
     WHERE a.registration_id = $1 AND ($2::text IS NULL OR a.party_id = $2) AND a.id = $3`,
    [registration, party, number],
  );
  return row;
}

/** The oldest accesses that no batch holds yet. */
export function readOpenAccesses(manager: EntityManager, limit: number): Promise<AccessRecord[]> {
  return manager.query(
    `SELECT ${RECORD} FROM registry.artifact_access a WHERE a.batch_id IS NULL
     ORDER BY a.accessed_at, a.id LIMIT $1`,
    [limit],
  );
}

/** Gives accesses their places in a batch. @returns how many had none before */
export async function placeInBatch(manager: EntityManager, id: string, numbers: readonly number[]): Promise<number> {
  const [, changed]: [unknown, number] = await manager.query(
    `UPDATE registry.artifact_access a SET batch_id = $1, position = k.ordinality - 1
     FROM unnest($2::bigint[]) WITH ORDINALITY AS k(id, ordinality) WHERE a.id = k.id AND a.batch_id IS NULL`,
    [id, numbers],
  );
  return changed;
}

export async function findBatch(manager: EntityManager, id: string): Promise<BatchRow | undefined> {
  const [row]: BatchRow[] = await manager.query(
    `SELECT id, size, root, statement FROM registry.access_batch WHERE id = $1`,
    [id],
  );
  return row;
}

/** The records of a batch by position. */
export function readBatch(manager: EntityManager, id: string): Promise<AccessRecord[]> {
  return manager.query(`SELECT ${RECORD} FROM registry.artifact_access a WHERE a.batch_id = $1 ORDER BY a.position`, [
    id,
  ]);
}
