/** SQL over outside timestamps of documents, and over when entries were recorded. */
import type { EntityManager } from 'typeorm';
import { bodyOf } from '../ledger/index.ts';
import { prepared } from '../platform/database/index.ts';
import type { TimestampQuery, TimestampView } from './timestamp.schema.ts';

const VIEW = `
  SELECT ${bodyOf('s')} || jsonb_build_object('id', t.id, 'statement', t.statement,
    'recordedIndex', t.recorded_index) AS view
  FROM registry.document_timestamp t JOIN ledger.statement s ON s.index = t.recorded_index`;

export async function findTimestamp(manager: EntityManager, id: string): Promise<TimestampView | undefined> {
  const [row] = await prepared<{ view: TimestampView }>(manager, `${VIEW} WHERE t.id = $1`, [id]);
  return row?.view;
}

/** In log order. */
export async function listTimestamps(
  manager: EntityManager,
  { document, after, limit }: TimestampQuery,
): Promise<TimestampView[]> {
  const rows = await prepared<{ view: TimestampView }>(
    manager,
    `${VIEW} WHERE t.document_digest = $1 AND t.recorded_index > $2 ORDER BY t.recorded_index LIMIT $3`,
    [document, after ?? -1, limit],
  );
  return rows.map(({ view }) => view);
}

/**
 * The first entry that was recorded later than `time`; the next one to come where none was. Entries follow one another in
 * time, so the place is found by halving: no index on times, and some 30 reads by key in a log of 10⁹.
 */
export async function firstAfter(manager: EntityManager, time: Date): Promise<number> {
  const [head] = await prepared<{ size: number }>(
    manager,
    `SELECT coalesce(max(index) + 1, 0)::float8 AS size FROM ledger.statement`,
    [],
  );
  let [low, high] = [0, head!.size];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [entry] = await prepared<{ later: boolean }>(
      manager,
      `SELECT recorded_at > $2 AS later FROM ledger.statement WHERE index = $1`,
      [middle, time],
    );
    if (entry!.later) high = middle;
    else low = middle + 1;
  }
  return low;
}
