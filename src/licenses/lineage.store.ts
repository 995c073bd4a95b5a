/** SQL over lineages: everything that a model came from, as its makers declared it. */
import type { EntityManager } from 'typeorm';
import { RegistryError } from '../core/errors.ts';
import type { LineageRelation } from '../core/licensing/relations.ts';
import { bodyOf } from '../ledger/index.ts';
import { prepared } from '../platform/database/index.ts';

/** More is no lineage that anybody could look through; the statement of each is read. */
const MAX_MODELS = 10_000;

export interface LineageModel {
  id: string;
  name: string;
  license: string;
  parents: { digest: string; relation: LineageRelation; registration: string | null }[];
  datasets: { id: string; name: string; license: string }[];
}

/**
 * A parent is named by a digest. Where several parties registered it, its license is that of the first registration: a
 * later one must not change what others may do.
 */
const FIRST_OF = `
  (SELECT r.id FROM (
     (SELECT id, recorded_index FROM registry.registration WHERE model_digest = l.digest ORDER BY recorded_index LIMIT 1)
     UNION ALL
     (SELECT id, recorded_index FROM registry.registration WHERE file_digest = l.digest ORDER BY recorded_index LIMIT 1)
     UNION ALL
     (SELECT id, recorded_index FROM registry.registration WHERE nameless_digest = l.digest ORDER BY recorded_index LIMIT 1)
   ) r ORDER BY r.recorded_index LIMIT 1)`;

/** A model that names itself among its ancestors is read once. */
const LINEAGE = `
  WITH RECURSIVE above (id) AS (
    SELECT $1::text
    UNION
    SELECT p.id FROM above a JOIN registry.relation l ON l.registration_id = a.id CROSS JOIN LATERAL ${FIRST_OF} p
  )
  SELECT r.id, r.name, b.body #>> '{license,expression}' AS license,
    coalesce(
      (SELECT jsonb_agg(jsonb_build_object('digest', l.digest, 'relation', l.relation, 'registration', ${FIRST_OF})
         ORDER BY l.position)
       FROM registry.relation l WHERE l.registration_id = r.id), '[]') AS parents,
    coalesce(
      (SELECT jsonb_agg(jsonb_build_object('id', d.id, 'name', d.name,
           'license', d.document #>> '{license,expression}') ORDER BY d.recorded_index)
       FROM jsonb_array_elements_text(b.body -> 'datasets') k(id) JOIN registry.dataset d ON d.id = k.id), '[]') AS datasets
  FROM (SELECT id FROM above LIMIT ${MAX_MODELS + 1}) a
  JOIN registry.registration r ON r.id = a.id
  JOIN ledger.statement s ON s.index = r.recorded_index
  CROSS JOIN LATERAL (SELECT ${bodyOf('s')} AS body) b`;

/** @throws RegistryError `not_found`; `payload_too_large` for a lineage of more models than can be looked through */
export async function findLineage(manager: EntityManager, registration: string): Promise<LineageModel[]> {
  const models = await prepared<LineageModel>(manager, LINEAGE, [registration]);
  if (models.length === 0) {
    throw new RegistryError('not_found', `There is no model ${registration}.`, { field: 'id' });
  }
  if (models.length <= MAX_MODELS) return models;
  throw new RegistryError('payload_too_large', `The lineage of ${registration} has more than ${MAX_MODELS} models.`, {
    field: 'id',
  });
}
