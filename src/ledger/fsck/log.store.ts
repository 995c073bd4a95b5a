/** SQL of the verifier over the log itself: head, statements, tiles, bundles and published checkpoints. */
import { fromHex } from '../../core/bytes.ts';
import { readInt8, readTuples } from './copy-out.ts';
import type { Snapshot } from './snapshot.ts';
import type { SharedBytes } from './tuple-buffer.ts';
import { TupleBuffer } from './tuple-buffer.ts';

/** Bytes of a row of `ledger.statement` and of one of `ledger.entry_bundle` that are not unusually large. */
const USUAL_STATEMENT = 2048;
const USUAL_BUNDLE = 128 * 1024;

export interface HeadRow {
  id: number;
  origin: string;
  size: number;
  root: Uint8Array;
  note: string;
}

export interface TileRow {
  level: number;
  index: number;
  hashes: Uint8Array;
}

export interface SignedRow {
  size: number;
  root: Uint8Array;
  note: string;
}

export interface CheckpointRow extends SignedRow {
  /** Size of the checkpoint before it, 0 for the first */
  previous: number;
}

export function heads(snapshot: Snapshot): Promise<HeadRow[]> {
  return snapshot.rows(`SELECT id, origin, size, root, note FROM ledger.log_head ORDER BY id`);
}

/** Bytes of the payloads of the statements `from` ≤ index < `to`, in groups of `width`, by the first index of each. */
export async function payloadBytes(
  snapshot: Snapshot,
  from: number,
  to: number,
  width: number,
): Promise<Map<number, number>> {
  const rows = await snapshot.pageRows<{ first: number; bytes: number }>(
    `SELECT min(index) AS first, sum(octet_length(payload))::bigint AS bytes FROM ledger.statement
     WHERE index >= $1 AND index < $2 GROUP BY div(index, $3)`,
    [from, to, width],
  );
  return new Map(rows.map(({ first, bytes }) => [first - (first % width), bytes]));
}

/** Statements `from` ≤ index < `to`, in order, as tuples of these columns. */
export async function statements(snapshot: Snapshot, from: number, to: number): Promise<SharedBytes> {
  return inOneBuffer(
    snapshot,
    `SELECT index, payload_digest, kind, maker, visibility, payload, signature, spki
     FROM ledger.statement WHERE index >= ${from} AND index < ${to} ORDER BY index`,
    (to - from) * USUAL_STATEMENT,
  );
}

/** The lowest index from `from` on of a statement, if there is one below `size`. */
export async function nextIndex(snapshot: Snapshot, from: number, size: number): Promise<number | undefined> {
  const [row] = await snapshot.rows<{ index: number }>(
    `SELECT index FROM ledger.statement WHERE index >= $1 AND index < $2 ORDER BY index LIMIT 1`,
    [from, size],
  );
  return row?.index;
}

export function statementsBeyond(snapshot: Snapshot, size: number, limit: number): Promise<{ index: number }[]> {
  return snapshot.rows(
    `(SELECT index FROM ledger.statement WHERE index < 0 ORDER BY index LIMIT $2)
     UNION ALL (SELECT index FROM ledger.statement WHERE index >= $1 ORDER BY index LIMIT $2)`,
    [size, limit],
  );
}

/** Indexes below `before` of statements, by payload digest as `sha256:<hex>`. */
export async function statementIndexes(
  snapshot: Snapshot,
  digests: readonly string[],
  before: number,
): Promise<Map<string, number>> {
  const rows = await snapshot.rows<{ digest: Buffer; index: number }>(
    `SELECT payload_digest AS digest, index FROM ledger.statement WHERE payload_digest = ANY($1) AND index < $2`,
    [digests.map((digest) => Buffer.from(fromHex(digest.slice('sha256:'.length)))), before],
  );
  return new Map(rows.map(({ digest, index }) => [`sha256:${digest.toString('hex')}`, index]));
}

/** Level-0 tiles `from` ≤ index < `to`, by index. */
export async function leafTiles(snapshot: Snapshot, from: number, to: number): Promise<Map<number, Uint8Array>> {
  const found = new Map<number, Uint8Array>();
  await snapshot.copyPages(
    `SELECT index, hashes FROM ledger.tile WHERE level = 0 AND index >= ${from} AND index < ${to}`,
    (tuple) => {
      for (const [index, hashes] of readTuples(tuple)) found.set(readInt8(index!), new Uint8Array(hashes ?? []));
    },
  );
  return found;
}

export async function tile(snapshot: Snapshot, level: number, index: number): Promise<Uint8Array | undefined> {
  const [row] = await snapshot.rows<TileRow>(
    `SELECT level, index, hashes FROM ledger.tile WHERE level = $1 AND index = $2`,
    [level, index],
  );
  return row?.hashes;
}

/** Tiles that a tree with these numbers of tiles, by level, does not have. */
export function tilesBeyond(
  snapshot: Snapshot,
  counts: readonly number[],
  limit: number,
): Promise<Pick<TileRow, 'index' | 'level'>[]> {
  return snapshot.rows(
    `SELECT t.level, t.index FROM ledger.tile t
     LEFT JOIN unnest($1::bigint[]) WITH ORDINALITY AS k(count, ordinal) ON k.ordinal = t.level + 1
     WHERE t.index < 0 OR t.index >= coalesce(k.count, 0) ORDER BY 1, 2 LIMIT $2`,
    [counts, limit],
  );
}

/** Bundles `from` ≤ index < `to` as tuples of index and entries. */
export function bundles(snapshot: Snapshot, from: number, to: number): Promise<SharedBytes> {
  return inOneBuffer(
    snapshot,
    `SELECT index, entries FROM ledger.entry_bundle WHERE index >= ${from} AND index < ${to}`,
    (to - from) * USUAL_BUNDLE,
  );
}

export function bundlesBeyond(snapshot: Snapshot, count: number, limit: number): Promise<{ index: number }[]> {
  return snapshot.rows(`SELECT index FROM ledger.entry_bundle WHERE index < 0 OR index >= $1 ORDER BY index LIMIT $2`, [
    count,
    limit,
  ]);
}

/** Verifier keys of the checkpoints, as the projection has them. */
export async function logKeys(snapshot: Snapshot): Promise<string[]> {
  const rows = await snapshot.rows<{ key: string }>(
    `SELECT DISTINCT verifier_key AS key FROM registry.log_key ORDER BY 1 LIMIT 1000`,
    [],
  );
  return rows.map(({ key }) => key);
}

/** Published checkpoints `from` < size ≤ `to`, in order. */
export function checkpoints(snapshot: Snapshot, from: number, to: number): Promise<CheckpointRow[]> {
  return snapshot.rows(
    `SELECT size, root, note, previous FROM ledger.checkpoint WHERE size > $1 AND size <= $2 ORDER BY size`,
    [from, to],
  );
}

/** Size of the last published checkpoint up to `size`, 0 if there is none. */
export async function checkpointUpTo(snapshot: Snapshot, size: number): Promise<number> {
  const [row] = await snapshot.rows<{ size: number }>(
    `SELECT coalesce(max(size), 0) AS size FROM ledger.checkpoint WHERE size > 0 AND size <= $1`,
    [size],
  );
  return row!.size;
}

export function checkpointsBeyond(snapshot: Snapshot, size: number, limit: number): Promise<{ size: number }[]> {
  return snapshot.rows(`SELECT size FROM ledger.checkpoint WHERE size <= 0 OR size > $1 ORDER BY size LIMIT $2`, [
    size,
    limit,
  ]);
}

/** @param usual bytes that they are expected to need */
async function inOneBuffer(snapshot: Snapshot, select: string, usual: number): Promise<SharedBytes> {
  const tuples = new TupleBuffer(usual);
  await snapshot.copyPages(select, (tuple) => tuples.add(tuple));
  return tuples.bytes();
}
