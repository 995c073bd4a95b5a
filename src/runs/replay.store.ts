import type { EntityManager } from 'typeorm';
import type { OfRun, ReplayView } from './replay.schema.ts';

export function replaysOf(manager: EntityManager, { run, before, limit }: OfRun): Promise<ReplayView[]> {
  return manager.query(
    `SELECT id, run_id AS run, maker, outcome, through_epoch AS "throughEpoch", first_difference AS "firstDifference",
       statement, recorded_index::int AS "recordedIndex"
     FROM registry.replay WHERE run_id = $1 AND ($2::bigint IS NULL OR recorded_index < $2)
     ORDER BY recorded_index DESC LIMIT $3`,
    [run, before ?? null, limit],
  );
}
