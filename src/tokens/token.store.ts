/** SQL over token keys, issued tokens and their batches. */
import type { EntityManager } from 'typeorm';
import type { Digest } from '../core/digest.ts';
import type { IssuanceRecord } from '../core/licensing/issuance-record.ts';
import type { GrantOnRecord } from '../core/licensing/token-claims.ts';
import { prepared } from '../platform/database/index.ts';
import type { BatchRow } from '../ledger/index.ts';
import type { Lives } from '../licenses/index.ts';
import { LIVES } from '../licenses/index.ts';

export interface TokenKeyRow {
  kid: string;
  /** SPKI, DER, base64 */
  spki: string;
  notBefore: string;
  recordedIndex: number;
  retiredIndex: number | null;
}

export function readTokenKeys(manager: EntityManager): Promise<TokenKeyRow[]> {
  return manager.query(
    `SELECT kid, spki, not_before AS "notBefore", recorded_index::float8 AS "recordedIndex",
       retired_index::float8 AS "retiredIndex" FROM registry.token_key`,
  );
}

export interface IssuableGrant extends GrantOnRecord {
  /** The grants of which it is a part */
  above: string[];
  lives: Lives;
}

/** The grants that these licensees ask tokens under; one that is another's is left out like one that is not there. */
export async function findIssuable(
  manager: EntityManager,
  asked: readonly { grant: string; licensee: string }[],
): Promise<(IssuableGrant | undefined)[]> {
  const rows = await prepared<IssuableGrant>(
    manager,
    `SELECT g.id, g.licensee, g.registration_id AS "registrationId", g.document,
       CASE WHEN r.nameless_digest IS NOT NULL THEN r.model_digest END AS "weightDigest", r.file_digest AS "fileDigest",
       g.above, g.recorded_index::float8 AS "recordedIndex", ${LIVES('g')} AS lives
     FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS u(id, licensee)) AS k
     JOIN registry.license_grant g USING (id, licensee) JOIN registry.registration r ON r.id = g.registration_id`,
    [asked.map(({ grant }) => grant), asked.map(({ licensee }) => licensee)],
  );
  const found = new Map(rows.map((row) => [`${row.id} ${row.licensee}`, row]));
  return asked.map(({ grant, licensee }) => found.get(`${grant} ${licensee}`));
}

export type IssuanceRow = Omit<IssuanceRecord, 'type'>;

const ISSUANCE = `jti, grant_id AS "grant", licensee, kid, claims_digest AS "claimsDigest",
  issued_at::float8 AS "issuedAt", expires_at::float8 AS "expiresAt", salt, status_list AS "statusList",
  status_index AS "statusIndex"`;

/**
 * @param at an instant
 * @returns for each row whether it was written; a grant suspended or ended in the meantime takes no more tokens
 */
export async function insertIssuances(
  manager: EntityManager,
  rows: readonly IssuanceRow[],
  at: string,
): Promise<boolean[]> {
  const column = <K extends keyof IssuanceRow>(name: K) => rows.map((row) => row[name]);
  const written = await prepared<{ jti: string }>(
    manager,
    `INSERT INTO registry.token_issuance (jti, grant_id, licensee, kid, claims_digest, issued_at, expires_at, salt, status_list,
       status_index)
     SELECT k.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[],
         $10::int[], $11::int[])
       AS k(jti, grant_id, licensee, kid, claims_digest, issued_at, expires_at, salt, status_list, status_index)
     JOIN registry.license_grant g ON g.id = k.grant_id AND g.stage = 'accepted' AND (g.ends_at IS NULL OR g.ends_at > $9)
       AND NOT EXISTS (SELECT FROM registry.license_grant a
         WHERE a.id = ANY (g.above) AND (a.stage <> 'accepted' OR a.ends_at <= $9))
     RETURNING jti`,
    [
      column('jti'),
      column('grant'),
      column('licensee'),
      column('kid'),
      column('claimsDigest'),
      column('issuedAt'),
      column('expiresAt'),
      column('salt'),
      at,
      column('statusList'),
      column('statusIndex'),
    ],
  );
  const done = new Set(written.map(({ jti }) => jti));
  return rows.map(({ jti }) => done.has(jti));
}

/**
 * Whether a claim stands against the title of the model of the grant in `row`: its tokens carry a notice of that.
 * @param size of the log at which it stands; without one, now
 */
export const DISPUTED = (row: string, size?: string): string => `
  EXISTS (SELECT FROM registry.adverse_claim d WHERE d.asset_id = ${row}.registration_id AND ${
    size === undefined
      ? 'd.ended_index IS NULL'
      : `d.recorded_index < ${size} AND (d.ended_index IS NULL OR d.ended_index >= ${size})`
  })`;

/** An issued token with all that may have ended it. */
export interface Standing extends IssuanceRow {
  licensor: string;
  disputed: boolean;
  batchId: string | null;
  position: number | null;
  lives: Lives;
  /** The statement that revoked the token itself */
  revocation: Digest | null;
}

const STANDING = `
  SELECT i.*, g.licensor, ${LIVES('g')} AS lives, ${DISPUTED('g')} AS disputed, v.statement AS revocation
  FROM (SELECT ${ISSUANCE}, batch_id AS "batchId", position FROM registry.token_issuance) i
  JOIN registry.license_grant g ON g.id = i."grant" LEFT JOIN registry.token_revocation v USING (jti)`;

export async function findStandings(
  manager: EntityManager,
  jtis: readonly string[],
): Promise<(Standing | undefined)[]> {
  const rows = await prepared<Standing>(manager, `${STANDING} WHERE i.jti = ANY ($1)`, [jtis]);
  const found = new Map(rows.map((row) => [row.jti, row]));
  return jtis.map((jti) => found.get(jti));
}

/** A token for whoever may see it: the sides of its grant, registrar and auditors; `owners` adds those of the model. */
export async function findToken(
  manager: EntityManager,
  { partyId, seesAll }: { partyId: string; seesAll: boolean },
  jti: string,
  { owners }: { owners: boolean },
): Promise<Standing | undefined> {
  const [row]: Standing[] = await manager.query(
    `${STANDING} WHERE i.jti = $3 AND ($2 OR $1 IN (g.licensor, g.licensee) OR ($4 AND EXISTS (
       SELECT FROM registry.title t WHERE t.asset_id = g.registration_id AND t.party_id = $1 AND t.share_num > 0)))`,
    [partyId, seesAll, jti, owners],
  );
  return row;
}

/** The oldest tokens that no batch holds yet. */
export function readOpenIssuances(manager: EntityManager, limit: number): Promise<IssuanceRow[]> {
  return manager.query(
    `SELECT ${ISSUANCE} FROM registry.token_issuance WHERE batch_id IS NULL ORDER BY issued_at, jti LIMIT $1`,
    [limit],
  );
}

/** Gives tokens their places in a batch. @returns how many had none before */
export async function placeInBatch(manager: EntityManager, batchId: string, jtis: readonly string[]): Promise<number> {
  const [, changed]: [unknown, number] = await manager.query(
    `UPDATE registry.token_issuance i SET batch_id = $1, position = k.ordinality - 1
     FROM unnest($2::text[]) WITH ORDINALITY AS k(jti, ordinality) WHERE i.jti = k.jti AND i.batch_id IS NULL`,
    [batchId, jtis],
  );
  return changed;
}

export async function findBatch(manager: EntityManager, id: string): Promise<BatchRow | undefined> {
  const [row]: BatchRow[] = await manager.query(
    `SELECT id, size, root, statement FROM registry.token_batch WHERE id = $1`,
    [id],
  );
  return row;
}

/** The records of a batch by position. */
export function readBatch(manager: EntityManager, id: string): Promise<IssuanceRow[]> {
  return manager.query(`SELECT ${ISSUANCE} FROM registry.token_issuance WHERE batch_id = $1 ORDER BY position`, [id]);
}

export interface ShownProof {
  /** Names the proof and its key */
  once: string;
  /** Seconds since 1970 */
  until: number;
}

/**
 * In one order everywhere: replicas that are shown the same proofs at once would else wait for each other.
 * @returns for each whether it is shown for the first time
 */
export async function rememberProofs(manager: EntityManager, proofs: readonly ShownProof[]): Promise<boolean[]> {
  const rows: { once: string }[] = await manager.query(
    `INSERT INTO ops.dpop_proof (once, until)
     SELECT * FROM unnest($1::text[], $2::bigint[]) AS shown(once, until) ORDER BY once
     ON CONFLICT (once) DO NOTHING RETURNING once`,
    [proofs.map(({ once }) => once), proofs.map(({ until }) => until)],
  );
  const first = new Set(rows.map(({ once }) => once));
  // Of two that came in one round, one was first.
  return proofs.map(({ once }) => first.delete(once));
}

/** @param before seconds since 1970 */
export async function forgetProofs(manager: EntityManager, before: number): Promise<void> {
  await manager.query(`DELETE FROM ops.dpop_proof WHERE until < $1`, [before]);
}
