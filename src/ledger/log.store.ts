/** SQL of the schema `ledger`: the head, statements, tiles, bundles and checkpoints. */
import type { EntityManager } from 'typeorm';
import type { TileMap } from '../core/merkle/subtree.ts';
import type { Tile, TileId } from '../core/merkle/tile.ts';
import { tileKey } from '../core/merkle/tile.ts';
import { commonShape } from '../core/statement/statement.ts';
import type { Change } from '../platform/database/index.ts';
import { prepared } from '../platform/database/index.ts';
import type { Head } from './anchor.ts';

export interface StatementRow {
  index: number;
  payloadDigest: Uint8Array;
  kind: string;
  maker: string;
  visibility: string;
  payload: Uint8Array;
  signature: Uint8Array;
  spki: Uint8Array;
}

/** Milliseconds until PostgreSQL ends the transaction of a writer that froze while it held the head. */
const FROZEN_WRITER_TIMEOUT_MS = 10_000;

/** SQL for what the public statement of a row of `ledger.statement` says beside the members that all statements have. */
export const bodyOf = (row: string): string =>
  `(convert_from(${row}.payload, 'UTF8')::jsonb -> 'predicate') - '{${Object.keys(commonShape).join(',')}}'::text[]`;

const COLUMNS = `index, payload_digest AS "payloadDigest", kind, maker, visibility, payload, signature, spki`;

/** Takes the head of the log for this transaction: writers of all processes follow one another. */
export async function lockHead(manager: EntityManager): Promise<(Head & { origin: string }) | undefined> {
  const rows = await prepared<{ origin: string; size: string; root: Buffer }>(
    manager,
    `SELECT origin, size, root,
       set_config('idle_in_transaction_session_timeout', '${FROZEN_WRITER_TIMEOUT_MS}', true)
     FROM ledger.log_head WHERE id = 1 FOR UPDATE`,
    [],
  );
  return rows[0] && { origin: rows[0].origin, size: Number(rows[0].size), root: rows[0].root };
}

export async function readHead(manager: EntityManager): Promise<(Head & { origin: string; note: string }) | undefined> {
  const rows: { origin: string; size: string; root: Buffer; note: string }[] = await manager.query(
    `SELECT origin, size, root, note FROM ledger.log_head WHERE id = 1`,
  );
  return rows[0] && { ...rows[0], size: Number(rows[0].size) };
}

export async function createHead(manager: EntityManager, origin: string, { size, root }: Head): Promise<void> {
  await manager.query(`INSERT INTO ledger.log_head (id, origin, size, root, note) VALUES (1, $1, $2, $3, '')`, [
    origin,
    size,
    root,
  ]);
}

/** Compare and swap: touches no row when the head is not the one that was locked. */
export const moveHead =
  (from: Head, to: Head, note: string): Change =>
  (bind) =>
    `UPDATE ledger.log_head SET size = ${bind(to.size)}, root = ${bind(to.root)}, note = ${bind(note)}
     WHERE id = 1 AND size = ${bind(from.size)} AND root = ${bind(from.root)} RETURNING 1`;

/** The rows are of consecutive indexes. Bytes travel laid end to end: in an array, each would be spelled out in hex. */
export const insertStatements =
  (rows: readonly StatementRow[]): Change =>
  (bind) => {
    const column = <K extends keyof StatementRow>(name: K) => rows.map((row) => row[name]);
    const cut = (name: string, parts: readonly Uint8Array[]) =>
      `substring(${bind(Buffer.concat(parts))}::bytea FROM ${name}_at FOR ${name}_length)`;
    const places = (parts: readonly Uint8Array[]) => {
      let at = 1;
      const starts = parts.map(({ length }) => (at += length) - length);
      return `${bind(starts)}::int[], ${bind(parts.map(({ length }) => length))}::int[]`;
    };
    const payloads = column('payload');
    const signatures = column('signature');
    const spkis = column('spki');
    const digests = column('payloadDigest');
    return `INSERT INTO ledger.statement (index, payload_digest, kind, maker, visibility, payload, signature, spki)
     SELECT ${bind(rows[0]?.index)}::bigint + place - 1, ${cut('digest', digests)}, kind, maker, visibility,
       ${cut('payload', payloads)}, ${cut('signature', signatures)}, ${cut('spki', spkis)}
     FROM unnest(${bind(column('kind'))}::text[], ${bind(column('maker'))}::text[], ${bind(column('visibility'))}::text[],
         ${places(digests)}, ${places(payloads)}, ${places(signatures)}, ${places(spkis)}) WITH ORDINALITY
       AS k(kind, maker, visibility, digest_at, digest_length, payload_at, payload_length, signature_at, signature_length,
         spki_at, spki_length, place)`;
  };

/** node-postgres writes a Buffer inside an array as bytea, but not a bare Uint8Array. */
const bytes = (value: Uint8Array) => Buffer.from(value.buffer, value.byteOffset, value.byteLength);

export const upsertTiles =
  (tiles: readonly Tile[]): Change =>
  (bind) =>
    `INSERT INTO ledger.tile (level, index, hashes)
     SELECT * FROM unnest(${bind(tiles.map(({ level }) => level))}::smallint[], ${bind(tiles.map(({ index }) => index))}::bigint[],
       ${bind(tiles.map((tile) => bytes(tile.bytes)))}::bytea[])
     ON CONFLICT (level, index) DO UPDATE SET hashes = excluded.hashes`;

export async function readTileRows(manager: EntityManager, ids: readonly TileId[]): Promise<TileMap> {
  if (ids.length === 0) return new Map();
  const rows: { level: number; index: string; hashes: Buffer }[] = await manager.query(
    `SELECT t.level, t.index, t.hashes FROM unnest($1::smallint[], $2::bigint[]) AS k(level, index)
     JOIN ledger.tile t USING (level, index)`,
    [ids.map((id) => id.level), ids.map((id) => id.index)],
  );
  return new Map(rows.map((row) => [tileKey({ level: row.level, index: Number(row.index) }), row.hashes]));
}

export const insertBundle =
  (index: number, entries: Uint8Array): Change =>
  (bind) =>
    `INSERT INTO ledger.entry_bundle (index, entries) VALUES (${bind(index)}, ${bind(entries)})`;

export async function readBundle(manager: EntityManager, index: number): Promise<Uint8Array | undefined> {
  const rows: { entries: Buffer }[] = await manager.query(`SELECT entries FROM ledger.entry_bundle WHERE index = $1`, [
    index,
  ]);
  return rows[0]?.entries;
}

/** Statements `from` ≤ index < `to`, in order. */
export async function readStatements(manager: EntityManager, from: number, to: number): Promise<StatementRow[]> {
  const rows: (Omit<StatementRow, 'index'> & { index: string })[] = await manager.query(
    `SELECT ${COLUMNS} FROM ledger.statement WHERE index >= $1 AND index < $2 ORDER BY index`,
    [from, to],
  );
  return rows.map((row) => ({ ...row, index: Number(row.index) }));
}

/** The statements at `indexes`, in no particular order. */
export async function findStatements(manager: EntityManager, indexes: readonly number[]): Promise<StatementRow[]> {
  const rows: (Omit<StatementRow, 'index'> & { index: string })[] = await manager.query(
    `SELECT ${COLUMNS} FROM ledger.statement WHERE index = ANY ($1::bigint[])`,
    [indexes],
  );
  return rows.map((row) => ({ ...row, index: Number(row.index) }));
}

export async function findStatement(
  manager: EntityManager,
  payloadDigest: Uint8Array,
): Promise<(StatementRow & { recordedAt: Date }) | undefined> {
  const rows: (Omit<StatementRow, 'index'> & { index: string; recordedAt: Date })[] = await manager.query(
    `SELECT ${COLUMNS}, recorded_at AS "recordedAt" FROM ledger.statement WHERE payload_digest = $1`,
    [bytes(payloadDigest)],
  );
  return rows[0] && { ...rows[0], index: Number(rows[0].index) };
}

export interface PublishedCheckpoint extends Head {
  readonly note: string;
}

export async function insertCheckpoint(
  manager: EntityManager,
  { size, root, note }: PublishedCheckpoint,
): Promise<void> {
  await manager.query(
    `INSERT INTO ledger.checkpoint (size, root, note) VALUES ($1, $2, $3) ON CONFLICT (size) DO NOTHING`,
    [size, root, note],
  );
}

export async function newestCheckpoint(manager: EntityManager): Promise<PublishedCheckpoint | undefined> {
  const rows: { size: string; root: Buffer; note: string }[] = await manager.query(
    `SELECT size, root, note FROM ledger.checkpoint ORDER BY size DESC LIMIT 1`,
  );
  return rows[0] && { ...rows[0], size: Number(rows[0].size) };
}

export interface Remembered {
  partyId: string;
  key: string;
  requestDigest: string;
  statementIndex: number;
}

export async function readIdempotency(
  manager: EntityManager,
  keys: readonly { partyId: string; key: string }[],
): Promise<Remembered[]> {
  if (keys.length === 0) return [];
  const rows = await prepared<Omit<Remembered, 'statementIndex'> & { statementIndex: string }>(
    manager,
    `SELECT i.party_id AS "partyId", i.key, i.request_digest AS "requestDigest", i.statement_index AS "statementIndex"
     FROM unnest($1::text[], $2::text[]) AS k(party_id, key) JOIN ops.idempotency i USING (party_id, key)`,
    [keys.map(({ partyId }) => partyId), keys.map(({ key }) => key)],
  );
  return rows.map((row) => ({ ...row, statementIndex: Number(row.statementIndex) }));
}

export const insertIdempotency =
  (rows: readonly Remembered[]): Change =>
  (bind) =>
    `INSERT INTO ops.idempotency (party_id, key, request_digest, statement_index)
     SELECT * FROM unnest(${bind(rows.map((row) => row.partyId))}::text[], ${bind(rows.map((row) => row.key))}::text[],
       ${bind(rows.map((row) => row.requestDigest))}::text[], ${bind(rows.map((row) => row.statementIndex))}::bigint[])`;

export const insertDisclosures =
  (rows: readonly { commitment: string; value: string; salt: string }[]): Change =>
  (bind) =>
    `INSERT INTO registry.disclosure (commitment, value, salt)
     SELECT * FROM unnest(${bind(rows.map((row) => row.commitment))}::text[], ${bind(rows.map((row) => row.value))}::text[],
       ${bind(rows.map((row) => row.salt))}::text[])
     ON CONFLICT (commitment) DO NOTHING`;

/** The size of the newest tree that was published by then, by the registry's clock. */
export async function sizePublishedBy(manager: EntityManager, instant: string): Promise<number> {
  const [row] = await prepared<{ size: number }>(
    manager,
    `SELECT size::float8 AS size FROM ledger.checkpoint WHERE published_at <= $1::timestamptz
     ORDER BY published_at DESC, size DESC LIMIT 1`,
    [instant],
  );
  return row?.size ?? 0;
}
