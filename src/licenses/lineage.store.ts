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

const firstOf = (digest: string): string => `
  (SELECT r.id FROM (
     (SELECT id, recorded_index FROM registry.registration WHERE model_digest = ${digest} ORDER BY recorded_index LIMIT 1)
     UNION ALL
     (SELECT id, recorded_index FROM registry.registration WHERE file_digest = ${digest} ORDER BY recorded_index LIMIT 1)
     UNION ALL
     (SELECT id, recorded_index FROM registry.registration WHERE nameless_digest = ${digest} ORDER BY recorded_index LIMIT 1)
   ) r ORDER BY r.recorded_index LIMIT 1)`;

/**
 * What was found, small enough to be read in no time: the models with the digests that they were found by, and the
 * relations between them by their places among these.
 */
interface Found {
  models: [digest: Digest | null, id: string | null, name: string | null, license: string | null][];
  children: number[];
  parents: number[];
  relations: LineageRelation[];
  data: [child: number, id: string, name: string, license: string][];
}

/** Of a lineage whose models are in `reached` and whose relations, of places, in `edge`; `data` is SQL for the datasets. */
const found = (data: string): string => `
  SELECT
    (SELECT coalesce(json_agg(json_build_array(n.digest, n.id, r.name, r.license_expression) ORDER BY n.place), '[]')
     FROM reached n LEFT JOIN registry.registration r ON r.id = n.id) AS models,
    e.*,
    ${data} AS data
  FROM (
    SELECT coalesce(json_agg(child), '[]') AS children, coalesce(json_agg(parent), '[]') AS parents,
      coalesce(json_agg(relation), '[]') AS relations
    FROM (SELECT * FROM edge LIMIT ${MAX_EDGES + 1}) e) e`;

/** The models that came from a model are no way to the data of their other parents. */
const NO_DATA = `'[]'::json`;

const DATA = `
    (SELECT coalesce(json_agg(json_build_array(d.place, d.id, d.name, d.license)), '[]')
     FROM (
       SELECT m.place, d.id, d.name, d.document #>> '{license,expression}' AS license
       FROM model m JOIN registry.trained_on t ON t.registration_id = m.id JOIN registry.dataset d ON d.id = t.dataset_id
       LIMIT ${MAX_EDGES + 1}) d)`;

/** A digest that several models of one generation name is looked up once; a model that is its own ancestor ends the way. */
const ANCESTORS = `
  WITH RECURSIVE above (digest, id) AS (
    SELECT NULL::text, id FROM registry.registration WHERE id = $1
    UNION
    SELECT named.digest, first.id
    FROM (SELECT DISTINCT l.digest FROM above a JOIN registry.relation l ON l.registration_id = a.id) named
    LEFT JOIN LATERAL ${firstOf('named.digest')} first ON true
  ),
  reached AS MATERIALIZED (
    SELECT digest, id, (row_number() OVER ())::int - 1 AS place FROM (SELECT * FROM above LIMIT ${MAX_MODELS + 1}) a),
  model AS MATERIALIZED (SELECT id, min(place) AS place FROM reached WHERE id IS NOT NULL GROUP BY id),
  edge AS (
    SELECT m.place AS child, p.place AS parent, l.relation
    FROM model m JOIN registry.relation l ON l.registration_id = m.id JOIN reached p ON p.digest = l.digest
  )
  ${found(DATA)}`;

/** Of the digests that a model is known by, those that others name and that it was the first to have. */
const knownBy = (id: string): string => `
  (SELECT k.digest FROM registry.registration o
   CROSS JOIN LATERAL (VALUES (o.model_digest), (o.file_digest), (o.nameless_digest)) k(digest)
   WHERE o.id = ${id} AND CASE
     WHEN EXISTS (SELECT 1 FROM registry.relation l WHERE l.digest = k.digest) THEN ${firstOf('k.digest')} = o.id
     ELSE false END)`;

const DESCENDANTS = `
  WITH RECURSIVE below (digest, id) AS (
    SELECT k.digest, r.id FROM registry.registration r LEFT JOIN LATERAL ${knownBy('$1')} k ON true WHERE r.id = $1
    UNION
    SELECT k.digest, made.id
    FROM (SELECT DISTINCT l.registration_id AS id FROM below b JOIN registry.relation l ON l.digest = b.digest) made
    LEFT JOIN LATERAL ${knownBy('made.id')} k ON true
  ),
  reached AS MATERIALIZED (
    SELECT digest, id, (row_number() OVER ())::int - 1 AS place FROM (SELECT * FROM below LIMIT ${MAX_MODELS + 1}) b),
  model AS MATERIALIZED (SELECT id, min(place) AS place FROM reached GROUP BY id),
  edge AS (
    SELECT m.place AS child, p.place AS parent, l.relation
    FROM reached p JOIN registry.relation l ON l.digest = p.digest JOIN model m ON m.id = l.registration_id
  )
  ${found(NO_DATA)}`;

/** Cycle-safe, each from indexes alone. */
export const LINEAGE_SQL: Readonly<Record<Direction, string>> = { ancestors: ANCESTORS, descendants: DESCENDANTS };

/** @throws RegistryError `not_found`; `payload_too_large` for a lineage of more than can be looked through */
export async function findLineage(
  manager: EntityManager,
  registration: string,
  direction: Direction,
): Promise<Pick<LineageView, 'edges' | 'nodes'>> {
  const [found] = await prepared<Found>(manager, LINEAGE_SQL[direction], [registration]);
  const { models, children, parents, relations, data } = found!;
  if (models.length === 0) {
    throw new RegistryError('not_found', `There is no model ${registration}.`, { field: 'id' });
  }
  if (models.length > MAX_MODELS || children.length + data.length > MAX_EDGES) {
    throw new RegistryError(
      'payload_too_large',
      `The ${direction} of ${registration} are more than ${MAX_MODELS} models or ${MAX_EDGES} relations.`,
      { field: 'id', fix: 'Ask for a model that is nearer to what you look for.' },
    );
  }
  const ids = models.map(([digest, id]) => id ?? digest!);
  const nodes = new Map<string, LineageNode>();
  for (const [i, [, , name, license]] of models.entries()) nodes.set(ids[i]!, { id: ids[i]!, name, license });
  const edges = relations.map((relation, i): LineageEdge => ({
    child: ids[children[i]!]!,
    parent: ids[parents[i]!]!,
    relation,
  }));
  for (const [child, id, name, license] of data) {
    nodes.set(id, { id, name, license });
    edges.push({ child: ids[child]!, parent: id, relation: 'trained-on' });
  }
  return { nodes: [...nodes.values()], edges };
}

export async function isRegistered(manager: EntityManager, registration: string): Promise<boolean> {
  const rows = await prepared(manager, `SELECT 1 FROM registry.registration WHERE id = $1`, [registration]);
  return rows.length > 0;
}
