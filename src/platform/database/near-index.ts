/**
 * The index for near fingerprints, made where the server has pgvector, which not every server has: HNSW (Malkov and
 * Yashunin 2018) over the SimHashes, by Hamming distance. PostgreSQL keeps it as it keeps any index, so nothing has to be
 * rebuilt or compared. It makes a search fast and has no say in what is true. pgvector knows it from 0.7 on.
 */
import type pg from 'pg';
import type { Log } from '../logging/index.ts';

/** pgvector 0.7 brought HNSW for bit strings. */
const WITH_BITS = /^(?:0\.(?:[7-9]|\d\d)|[1-9])/;

export const MAKE_NEAR_INDEX = `CREATE INDEX IF NOT EXISTS fingerprint_near ON registry.fingerprint
  USING hnsw (simhash bit_hamming_ops)`;

/** @param client as the owner of the tables */
export async function makeNearIndex(client: Pick<pg.Client, 'query'>, log: Log): Promise<void> {
  const { rows } = await client.query<{ made: string | null; available: string | null }>(
    `SELECT (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS made,
       (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS available`,
  );
  const { made, available } = rows[0]!;
  if (!WITH_BITS.test(made ?? available ?? '')) return;
  try {
    if (made === null) await client.query('CREATE EXTENSION vector');
    await client.query(MAKE_NEAR_INDEX);
  } catch (error) {
    if ((error as { code?: unknown }).code !== '42501') throw error;
    log.warn(
      'The server has pgvector, and this login may not use it: near fingerprints are found by a scan. ' +
        'Run "CREATE EXTENSION vector" as an administrator, then "muniment migrate".',
    );
  }
}
