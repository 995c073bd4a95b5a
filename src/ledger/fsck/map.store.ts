/** SQL of the map's verification, on the verifier's snapshot. What every statement names waits in a temporary table. */
import { toHex } from '../../core/bytes.ts';
import { HASH_SIZE } from '../../core/merkle/tree.ts';
import { readTuples } from './copy-out.ts';
import type { Snapshot } from './snapshot.ts';

export interface VersionRow {
  size: number;
  root: Buffer;
  keys: number;
  replaced: Buffer;
}

/** @param namings one after the other; @param parts where in them those of each bucket are */
export async function rememberNamings(
  snapshot: Snapshot,
  namings: Uint8Array,
  parts: readonly { bucket: number; from: number; bytes: number }[],
): Promise<void> {
  await snapshot.rows(
    `INSERT INTO pg_temp.fsck_naming
     SELECT bucket, substring($1::bytea FROM 1 + start FOR bytes) FROM unnest($2::int[], $3::int[], $4::int[]) AS p(bucket, start, bytes)`,
    [namings, parts.map(({ bucket }) => bucket), parts.map(({ from }) => from), parts.map(({ bytes }) => bytes)],
  );
}

/** All that was remembered of a bucket, in any order. */
export async function namingsOf(snapshot: Snapshot, bucket: number): Promise<Buffer> {
  const rows = await snapshot.rows<{ namings: Buffer }>(`SELECT namings FROM pg_temp.fsck_naming WHERE bucket = $1`, [
    bucket,
  ]);
  return Buffer.concat(rows.map(({ namings }) => namings));
}

/** A registry keeps two; a bounded number of others is named. */
export const versionRows = (snapshot: Snapshot, limit: number): Promise<VersionRow[]> =>
  snapshot.rows(`SELECT size, root, keys, replaced FROM ledger.map_version ORDER BY size DESC LIMIT $1`, [limit]);

/** Contents of the nodes that are there, by their hashes in hex. */
export async function nodeContents(snapshot: Snapshot, hashes: readonly Uint8Array[]): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  await snapshot.copyPages(
    `SELECT n.hash, n.content FROM ledger.map_node n WHERE n.hash IN (
       SELECT substring(decode('${hashes.map(toHex).join('')}', 'hex') FROM 1 + ${HASH_SIZE} * i FOR ${HASH_SIZE})
       FROM generate_series(0, ${hashes.length - 1}) i)`,
    (tuple) => {
      for (const [hash, content] of readTuples(tuple)) found.set(toHex(hash!), Buffer.from(content ?? []));
    },
  );
  return found;
}

export async function countNodes(snapshot: Snapshot): Promise<number> {
  const [row] = await snapshot.rows<{ count: number }>(`SELECT count(*) AS count FROM ledger.map_node`);
  return row!.count;
}

export async function expectNodes(snapshot: Snapshot, hashes: readonly Uint8Array[]): Promise<void> {
  await snapshot.rows(`INSERT INTO pg_temp.fsck_map_node SELECT unnest($1::bytea[]) ON CONFLICT (hash) DO NOTHING`, [
    hashes.map((h) => Buffer.from(h)),
  ]);
}

export const unexpectedNodes = (snapshot: Snapshot, limit: number): Promise<{ hash: Buffer }[]> =>
  snapshot.rows(
    `SELECT n.hash FROM ledger.map_node n
     WHERE NOT EXISTS (SELECT FROM pg_temp.fsck_map_node e WHERE e.hash = n.hash) ORDER BY n.hash LIMIT $1`,
    [limit],
  );
