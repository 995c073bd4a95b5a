/** SQL of the map's verification, on the verifier's snapshot. What every statement names waits in a temporary table. */
import type { Stored } from '../../core/map/stored.ts';
import { NAMING_BYTES } from './named.ts';
import type { Snapshot } from './snapshot.ts';

const FETCHED = 5000;

export interface VersionRow {
  size: number;
  root: Buffer;
  keys: number;
  replaced: Buffer;
}

/** @param namings one after the other, `NAMING_BYTES` each */
export async function rememberNamings(snapshot: Snapshot, namings: Buffer): Promise<void> {
  await snapshot.rows(
    `INSERT INTO pg_temp.fsck_naming
     SELECT substring($1::bytea FROM 1 + ${NAMING_BYTES} * i FOR ${NAMING_BYTES}) FROM generate_series(0, $2::int - 1) i`,
    [namings, namings.length / NAMING_BYTES],
  );
}

/** All that was remembered, sorted. */
export async function* sortedNamings(snapshot: Snapshot): AsyncGenerator<Buffer> {
  await snapshot.rows(
    `DECLARE fsck_namings NO SCROLL CURSOR FOR SELECT naming FROM pg_temp.fsck_naming ORDER BY naming`,
  );
  for (;;) {
    const page = await snapshot.rows<{ naming: Buffer }>(`FETCH ${FETCHED} FROM fsck_namings`);
    for (const { naming } of page) yield naming;
    if (page.length < FETCHED) break;
  }
  await snapshot.rows(`CLOSE fsck_namings`);
}

/** A registry keeps two; a bounded number of others is named. */
export const versionRows = (snapshot: Snapshot, limit: number): Promise<VersionRow[]> =>
  snapshot.rows(`SELECT size, root, keys, replaced FROM ledger.map_version ORDER BY size DESC LIMIT $1`, [limit]);

export const nodeRows = (snapshot: Snapshot, hashes: readonly Uint8Array[]): Promise<Stored[]> =>
  snapshot.rows(`SELECT hash, content FROM ledger.map_node WHERE hash = ANY ($1::bytea[])`, [
    hashes.map((h) => Buffer.from(h)),
  ]);

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
