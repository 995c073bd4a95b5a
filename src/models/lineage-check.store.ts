import type { EntityManager } from 'typeorm';
import { bodyOf } from '../ledger/index.ts';
import type { LineageCheckView, OfChild } from './lineage-check.schema.ts';

export async function lineageChecksOf(
  manager: EntityManager,
  { registration, before, limit }: OfChild,
): Promise<LineageCheckView[]> {
  const rows: { view: LineageCheckView }[] = await manager.query(
    `SELECT (${bodyOf('s')}) - 'compared' || jsonb_build_object('id', c.id, 'maker', c.maker,
       'counts', EXISTS (SELECT 1 FROM registry.party p WHERE p.id = c.maker AND 'registrar' = ANY (p.roles))
         AND c.maker <> r.maker,
       'statement', c.statement, 'recordedIndex', c.recorded_index) AS view
     FROM registry.lineage_check c JOIN ledger.statement s ON s.index = c.recorded_index
     JOIN registry.registration r ON r.id = c.registration_id
     WHERE c.registration_id = $1 AND ($2::bigint IS NULL OR c.recorded_index < $2)
     ORDER BY c.recorded_index DESC LIMIT $3`,
    [registration, before ?? null, limit],
  );
  return rows.map(({ view }) => view);
}
