/**
 * SQL over lineages: everything that a model came from, and everything that came from it, as their makers declared it.
 * A parent is named by a digest. Where several parties registered it, it is the first registration of the digest: what
 * another one registers later must not change what others may do, nor lay claim to what came from the model.
 */
import type { EntityManager } from 'typeorm';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { LineageEdge } from '../core/licensing/lineage.ts';
import type { LineageRelation } from '../core/licensing/relations.ts';
import { prepared } from '../platform/database/index.ts';
import type { Direction, LineageNode, LineageView } from './lineage.schema.ts';

/** More is no lineage that anybody could look through. */
const MAX_MODELS = 10_000;
const MAX_EDGES = 100_000;

/** The log index of the first registration of a digest. */
const firstOf = (digest: string): string =>
  `least(${['model_digest', 'file_digest', 'nameless_digest']
    .map((column) => `(SELECT min(recorded_index) FROM registry.registration WHERE ${column} = ${digest})`)
    .join(', ')})`;

/**
 * What was found, small enough to be read in no time. Models are named by the log index of their registration; parents
 * that were not on record when a registration named them, by their digest, with the index where they came on record.
 */
interface Found {
  models: [index: number, id: string, name: string, license: string][];
  children: number[];
  parents: number[];
  relations: LineageRelation[];
  late: [child: number, digest: Digest, parent: number | null, relation: LineageRelation][];
  data: [child: number, id: string, name: string, license: string][];
}

/** Of a lineage whose models are in `reached` and whose relations in `edge`; `late` and `data` are SQL for theirs. */
const found = (late: string, data: string): string => `
  SELECT
    (SELECT coalesce(json_agg(json_build_array(n.index, r.id, r.name, r.license_expression)), '[]')
     FROM reached n JOIN registry.registration r ON r.recorded_index = n.index) AS models,
    e.*,
    (SELECT coalesce(json_agg(json_build_array(l.child, l.digest, l.parent, l.relation)), '[]')
     FROM (${late} LIMIT ${MAX_EDGES + 1}) l) AS late,
    (SELECT coalesce(json_agg(json_build_array(d.child, d.id, d.name, d.license)), '[]')
     FROM (${data} LIMIT ${MAX_EDGES + 1}) d) AS data
  FROM (
    SELECT coalesce(json_agg(child), '[]') AS children, coalesce(json_agg(parent), '[]') AS parents,
      coalesce(json_agg(relation), '[]') AS relations
    FROM (SELECT * FROM edge LIMIT ${MAX_EDGES + 1}) e) e`;

/** The digest of a late parent is looked up apart, so that all others are read from an index alone. */
const ANCESTORS = `
  WITH RECURSIVE above (index) AS (
    SELECT recorded_index FROM registry.registration WHERE id = $1
    UNION
    SELECT coalesce(l.parent_index, (
      SELECT ${firstOf('late.digest')} FROM registry.relation late
      WHERE late.recorded_index = l.recorded_index AND late.position = l.position))
    FROM above a JOIN registry.relation l ON l.recorded_index = a.index
  ),
  reached AS MATERIALIZED (SELECT index FROM above WHERE index IS NOT NULL LIMIT ${MAX_MODELS + 1}),
  edge AS (
    SELECT l.recorded_index AS child, l.parent_index AS parent, l.relation
    FROM reached m JOIN registry.relation l ON l.recorded_index = m.index WHERE l.parent_index IS NOT NULL
  )
  ${found(
    `SELECT l.recorded_index AS child, l.digest, ${firstOf('l.digest')} AS parent, l.relation
     FROM reached m JOIN registry.relation l ON l.recorded_index = m.index WHERE l.parent_index IS NULL`,
    `SELECT m.index AS child, d.id, d.name, d.document #>> '{license,expression}' AS license
     FROM reached m JOIN registry.registration r ON r.recorded_index = m.index
     JOIN registry.trained_on t ON t.registration_id = r.id JOIN registry.dataset d ON d.id = t.dataset_id`,
  )}`;

/** The relations of those that named a model before it came on record. */
const lateOf = (index: string): string => `
  SELECT l.recorded_index AS child, l.digest, r.recorded_index AS parent, l.relation
  FROM registry.registration r
  CROSS JOIN LATERAL (VALUES (r.model_digest), (r.file_digest), (r.nameless_digest)) k(digest)
  JOIN registry.relation l ON l.digest = k.digest AND l.parent_index IS NULL
  WHERE r.recorded_index = ${index} AND ${firstOf('l.digest')} = r.recorded_index`;

/** No data: the models that came from a model are no way to the data of their other parents. */
const DESCENDANTS = `
  WITH RECURSIVE below (index) AS (
    SELECT recorded_index FROM registry.registration WHERE id = $1
    UNION
    SELECT made.child FROM below b CROSS JOIN LATERAL (
      SELECT l.recorded_index AS child FROM registry.relation l WHERE l.parent_index = b.index
      UNION ALL
      SELECT late.child FROM (${lateOf('b.index')}) late) made
  ),
  reached AS MATERIALIZED (SELECT index FROM below LIMIT ${MAX_MODELS + 1}),
  edge AS (
    SELECT l.recorded_index AS child, l.parent_index AS parent, l.relation
    FROM reached m JOIN registry.relation l ON l.parent_index = m.index
  )
  ${found(
    `SELECT l.* FROM reached m CROSS JOIN LATERAL (${lateOf('m.index')}) l`,
    `SELECT NULL::bigint AS child, NULL AS id, NULL AS name, NULL AS license WHERE false`,
  )}`;

/** Cycle-safe, each from indexes alone. */
export const LINEAGE_SQL: Readonly<Record<Direction, string>> = { ancestors: ANCESTORS, descendants: DESCENDANTS };

/** @throws RegistryError `not_found`; `payload_too_large` for a lineage of more than can be looked through */
export async function findLineage(
  manager: EntityManager,
  registration: string,
  direction: Direction,
): Promise<Pick<LineageView, 'edges' | 'nodes'>> {
  const [found] = await prepared<Found>(manager, LINEAGE_SQL[direction], [registration]);
  const { models, children, parents, relations, late, data } = found!;
  if (models.length === 0) {
    throw new RegistryError('not_found', `There is no model ${registration}.`, { field: 'id' });
  }
  if (models.length > MAX_MODELS || children.length + late.length + data.length > MAX_EDGES) {
    throw new RegistryError(
      'payload_too_large',
      `The ${direction} of ${registration} are more than ${MAX_MODELS} models or ${MAX_EDGES} relations.`,
      { field: 'id', fix: 'Ask for a model that is nearer to what you look for.' },
    );
  }
  const ids = new Map<number, string>();
  const nodes = new Map<string, LineageNode>();
  for (const [index, id, name, license] of models) {
    ids.set(index, id);
    nodes.set(id, { id, name, license });
  }
  const edges = relations.map((relation, i): LineageEdge => ({
    child: ids.get(children[i]!)!,
    parent: ids.get(parents[i]!)!,
    relation,
  }));
  for (const [child, digest, index, relation] of late) {
    const parent = index === null ? digest : ids.get(index)!;
    if (index === null) nodes.set(digest, { id: digest, name: null, license: null });
    edges.push({ child: ids.get(child)!, parent, relation });
  }
  for (const [child, id, name, license] of data) {
    nodes.set(id, { id, name, license });
    edges.push({ child: ids.get(child)!, parent: id, relation: 'trained-on' });
  }
  return { nodes: [...nodes.values()], edges };
}

export async function isRegistered(manager: EntityManager, registration: string): Promise<boolean> {
  const rows = await prepared(manager, `SELECT 1 FROM registry.registration WHERE id = $1`, [registration]);
  return rows.length > 0;
}
