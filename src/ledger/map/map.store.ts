/**
 * SQL of the map. The nodes that are kept are exactly those of the versions that are kept, the last two: what only the
 * version before them had goes in the transaction that brings the next one.
 */
import type { EntityManager } from 'typeorm';
import type { Digest } from '../../core/digest.ts';
import type { Stored } from '../../core/map/stored.ts';
import { HASH_SIZE } from '../../core/merkle/tree.ts';
import type { Head } from '../anchor.ts';

export interface StoredVersion {
  /** Entries of the log that the map covers */
  size: number;
  root: Uint8Array;
  keys: number;
  /** Hashes of what only the version before had */
  replaced: Uint8Array[];
}

export interface RecordedMap {
  root: Digest;
  size: number;
  keys: number;
  /** Index of the statement */
  index: number;
}

export interface NamingStatement {
  index: number;
  payload: Uint8Array;
  spki: Uint8Array;
}

/** Nodes sent at a time. */
const INSERTED = 5000;

/** Of the smaller size first. */
export async function readVersions(manager: EntityManager): Promise<StoredVersion[]> {
  type Row = { size: string; root: Buffer; keys: string; replaced: Buffer };
  const rows: Row[] = await manager.query(`SELECT size, root, keys, replaced FROM ledger.map_version ORDER BY size`);
  return rows.map(({ size, root, keys, replaced }) => ({
    size: Number(size),
    root,
    keys: Number(keys),
    replaced: Array.from({ length: replaced.length / HASH_SIZE }, (_, i) =>
      replaced.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE),
    ),
  }));
}

/** Keeps the next version, and of those before it only the newest. */
export async function keepVersion(
  manager: EntityManager,
  before: StoredVersion | undefined,
  next: StoredVersion,
  created: readonly Stored[],
): Promise<void> {
  if (before !== undefined) {
    await manager.query(`DELETE FROM ledger.map_node WHERE hash = ANY ($1::bytea[])`, [before.replaced.map(buffer)]);
    await manager.query(`DELETE FROM ledger.map_version WHERE size < $1`, [before.size]);
  }
  for (let from = 0; from < created.length; from += INSERTED) {
    const part = created.slice(from, from + INSERTED);
    await manager.query(`INSERT INTO ledger.map_node (hash, content) SELECT * FROM unnest($1::bytea[], $2::bytea[])`, [
      part.map(({ hash }) => buffer(hash)),
      part.map(({ content }) => buffer(content)),
    ]);
  }
  await manager.query(`INSERT INTO ledger.map_version (size, root, keys, replaced) VALUES ($1, $2, $3, $4)`, [
    next.size,
    buffer(next.root),
    next.keys,
    Buffer.concat(next.replaced),
  ]);
}

export const readNodes = (manager: EntityManager, hashes: readonly Uint8Array[]): Promise<Stored[]> =>
  manager.query(`SELECT hash, content FROM ledger.map_node WHERE hash = ANY ($1::bytea[])`, [hashes.map(buffer)]);

/** The newest maps that stand in the log, the last one first. */
export async function lastRecorded(manager: EntityManager, limit: number): Promise<RecordedMap[]> {
  const rows: { root: Digest; size: string; keys: string; index: string }[] = await manager.query(
    `SELECT root, size, keys, recorded_index AS index FROM registry.map_root ORDER BY recorded_index DESC LIMIT $1`,
    [limit],
  );
  return rows.map(recordedMap);
}

/** Size of the newest checkpoint that covers more than `from` entries and at most `to`, else of the first that covers more. */
export async function checkpointBetween(manager: EntityManager, from: number, to: number): Promise<number | undefined> {
  const rows: { size: string }[] = await manager.query(
    `(SELECT size FROM ledger.checkpoint WHERE size > $1 AND size <= $2 ORDER BY size DESC LIMIT 1)
     UNION ALL (SELECT size FROM ledger.checkpoint WHERE size > $2 ORDER BY size LIMIT 1) LIMIT 1`,
    [from, to],
  );
  return rows[0] && Number(rows[0].size);
}

export async function checkpointOf(manager: EntityManager, size: number): Promise<Head | undefined> {
  const rows: { root: Buffer }[] = await manager.query(`SELECT root FROM ledger.checkpoint WHERE size = $1`, [size]);
  return rows[0] && { size, root: rows[0].root };
}

const NAMING = `FROM ledger.statement
  WHERE index >= $1 AND index < $2 AND visibility = 'public' AND kind = ANY ($3::text[])`;

/** The first of the statements `from` ≤ index < `to` that may name something. */
export async function firstNaming(
  manager: EntityManager,
  from: number,
  to: number,
  kinds: readonly string[],
): Promise<number | undefined> {
  const rows: { index: string }[] = await manager.query(`SELECT index ${NAMING} ORDER BY index LIMIT 1`, [
    from,
    to,
    kinds,
  ]);
  return rows[0] && Number(rows[0].index);
}

export async function readNaming(
  manager: EntityManager,
  from: number,
  to: number,
  kinds: readonly string[],
): Promise<NamingStatement[]> {
  const rows: { index: string; payload: Buffer; spki: Buffer }[] = await manager.query(
    `SELECT index, payload, spki ${NAMING} ORDER BY index`,
    [from, to, kinds],
  );
  return rows.map((row) => ({ ...row, index: Number(row.index) }));
}

/** PostgreSQL counts the bits of a byte from the least significant one. */
const SIDE = `get_bit($1::bytea, get_byte(w.content, 1) / 8 * 8 + 7 - get_byte(w.content, 1) % 8)`;

const WAY = `
  WITH RECURSIVE newest AS (
    SELECT root, size, keys, recorded_index AS index FROM registry.map_root ORDER BY recorded_index DESC LIMIT 1
  ), way AS (
    SELECT 0 AS step, n.hash, n.content FROM newest
    JOIN ledger.map_node n ON n.hash = decode(substring(newest.root FROM 8), 'hex')
    UNION ALL
    SELECT w.step + 1, n.hash, n.content FROM way w
    JOIN ledger.map_node n ON n.hash = substring(w.content FROM 3 + 32 * ${SIDE} FOR 32)
    WHERE get_byte(w.content, 0) = 5 AND w.step < 256
  )
  SELECT newest.*, (SELECT json_agg(json_build_array(encode(hash, 'hex'), encode(content, 'hex')) ORDER BY step) FROM way)
    AS way
  FROM newest`;

/**
 * The newest map that stands in the log, and what it keeps from its root to the leaf at the end of a key's way; read at
 * one moment, so no fold comes between.
 */
export async function readWay(
  manager: EntityManager,
  key: Uint8Array,
): Promise<(RecordedMap & { way: Stored[] }) | undefined> {
  type Row = { root: Digest; size: string; keys: string; index: string; way: [string, string][] | null };
  const rows: Row[] = await manager.query(WAY, [buffer(key)]);
  return (
    rows[0] && {
      ...recordedMap(rows[0]),
      way: (rows[0].way ?? []).map(([hash, content]) => ({
        hash: Buffer.from(hash, 'hex'),
        content: Buffer.from(content, 'hex'),
      })),
    }
  );
}

/** The last audit by anybody but the registry. */
export async function lastAudit(
  manager: EntityManager,
  registry: string,
): Promise<{ index: number; name: string | null } | undefined> {
  const rows: { index: string; name: string | null }[] = await manager.query(
    `SELECT a.recorded_index AS index, d.value AS name FROM registry.map_audit a
     JOIN registry.party p ON p.id = a.auditor
     LEFT JOIN registry.disclosure d ON d.commitment = p.name_commitment
     WHERE a.auditor <> $1 ORDER BY a.recorded_index DESC LIMIT 1`,
    [registry],
  );
  return rows[0] && { index: Number(rows[0].index), name: rows[0].name };
}

const recordedMap = ({ root, size, keys, index }: { root: Digest; size: string; keys: string; index: string }) => ({
  root,
  size: Number(size),
  keys: Number(keys),
  index: Number(index),
});

/** node-postgres writes a Buffer inside an array as bytea, but not a bare Uint8Array. */
const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
