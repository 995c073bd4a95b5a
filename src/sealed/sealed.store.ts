/** SQL over what was sealed. What a reader may not see is left out by the query itself, so it is like what is not there. */
import type { EntityManager } from 'typeorm';
import type { SealedQuery, SealedView } from './sealed.schema.ts';

/** The open fields of a sealed title, in the order in which they were opened. @param maker @param id SQL */
export const statedIn = (maker: string, id: string): string => `
  SELECT json_agg(json_build_object('field', f.field, 'value', f.value::json, 'openedIndex', f.recorded_index)
    ORDER BY f.recorded_index, f.field)
  FROM registry.sealed_field f WHERE f.maker = ${maker} AND f.sealed_id = ${id}`;

const VIEW = `
  SELECT s.id, s.maker, s.subject, s.commitment, s.statement, s.recorded_index::int AS "recordedIndex",
    s.opened_index::int AS "openedIndex",
    coalesce((SELECT jsonb_agg(p.digest ORDER BY p.digest) FROM registry.possession p
      WHERE p.maker = s.maker AND p.sealed_id = s.id), '[]') AS digests,
    coalesce((${statedIn('s.maker', 's.id')}), '[]') AS fields
  FROM registry.sealed s`;

/** The reader's own, or one that is open. @param reader null for somebody who is nobody here */
export async function findSealed(
  manager: EntityManager,
  reader: string | null,
  id: string,
): Promise<SealedView | undefined> {
  const [row]: SealedView[] = await manager.query(
    `${VIEW} WHERE s.id = $2 AND (s.maker = $1 OR s.opened_index IS NOT NULL)
     ORDER BY s.maker = $1 DESC NULLS LAST, s.recorded_index LIMIT 1`,
    [reader, id],
  );
  return row;
}

/** The newest first. */
export function listSealed(
  manager: EntityManager,
  maker: string,
  { before, limit }: SealedQuery,
): Promise<SealedView[]> {
  return manager.query(
    `${VIEW} WHERE s.maker = $1 AND ($2::bigint IS NULL OR s.recorded_index < $2)
     ORDER BY s.recorded_index DESC LIMIT $3`,
    [maker, before ?? null, limit],
  );
}
