/** SQL over successions. Everything about them is public. */
import type { EntityManager } from 'typeorm';
import { prepared } from '../platform/database/index.ts';
import type { SuccessionQuery, SuccessionView } from './succession.schema.ts';

const SUCCESSION = `
  SELECT s.document || jsonb_build_object('id', s.id, 'maker', s.maker, 'state', s.state, 'accepted', s.accepted,
    'statement', s.statement, 'recordedIndex', s.recorded_index, 'inForceIndex', s.in_force_index,
    'endedIndex', s.ended_index, 'acts', coalesce(
      (SELECT jsonb_agg(jsonb_build_object('id', a.id, 'act', a.act, 'maker', a.maker, 'statement', a.statement,
         'recordedIndex', a.recorded_index) ORDER BY a.recorded_index)
       FROM registry.succession_act a WHERE a.succession_id = s.id), '[]')) AS view
  FROM registry.succession s`;

export async function findSuccession(manager: EntityManager, id: string): Promise<SuccessionView | undefined> {
  const [row] = await prepared<{ view: SuccessionView }>(manager, `${SUCCESSION} WHERE s.id = $1`, [id]);
  return row?.view;
}

/** The newest first. */
export async function listSuccessions(
  manager: EntityManager,
  { party, predecessor, state, before, limit }: SuccessionQuery,
): Promise<SuccessionView[]> {
  const rows: { view: SuccessionView }[] = await manager.query(
    `${SUCCESSION}
     WHERE ($1::text IS NULL OR s.predecessor = $1 OR s.successors @> ARRAY[$1])
       AND ($2::text IS NULL OR s.predecessor = $2) AND ($3::text IS NULL OR s.state = $3)
       AND ($4::bigint IS NULL OR s.recorded_index < $4)
     ORDER BY s.recorded_index DESC LIMIT $5`,
    [party ?? null, predecessor ?? null, state ?? null, before ?? null, limit],
  );
  return rows.map(({ view }) => view);
}
