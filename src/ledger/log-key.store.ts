/** SQL of the log's keys, and of the checkpoints that were first to cover an entry. */
import type { EntityManager } from 'typeorm';
import type { PublishedCheckpoint } from './log.store.ts';

export interface LogKeyRow {
  verifierKey: string;
  recordedIndex: number;
  retiredIndex: number | null;
  recordedAt: Date;
}

/** In the order in which they came into use. */
export async function readLogKeys(manager: EntityManager): Promise<LogKeyRow[]> {
  return manager.query(
    `SELECT k.verifier_key AS "verifierKey", k.recorded_index::float8 AS "recordedIndex",
       k.retired_index::float8 AS "retiredIndex", s.recorded_at AS "recordedAt"
     FROM registry.log_key k JOIN ledger.statement s ON s.index = k.recorded_index ORDER BY k.recorded_index`,
  );
}

/** The first published checkpoint of at least `size` entries. */
export async function firstCheckpointFrom(
  manager: EntityManager,
  size: number,
): Promise<PublishedCheckpoint | undefined> {
  const rows: { size: string; root: Buffer; note: string }[] = await manager.query(
    `SELECT size, root, note FROM ledger.checkpoint WHERE size >= $1 ORDER BY size LIMIT 1`,
    [size],
  );
  return rows[0] && { ...rows[0], size: Number(rows[0].size) };
}
