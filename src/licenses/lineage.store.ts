/**
 * SQL over lineages: everything that a model came from, and everything that came from it, as their makers declared it.
 * A parent is named by a digest. Where several parties registered it, it is the first registration of the digest: what
 * another one registers later must not change what others may do, nor lay claim to what came from the model.
 */
import type { EntityManager } from 'typeorm';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { LineageEdge } from '../core/licensing/lineage.ts';
import type { Relation } from '../core/licensing/relations.ts';
import type { Row } from '../core/registry/row-keys.ts';
import { prepared } from '../platform/database/index.ts';
import type { Direction, LineageNode, LineageView } from './lineage.schema.ts';

/** More is no lineage that anybody could look through. */
const MAX_MODELS = 10_000;
const MAX_EDGES = 100_000;
/**
 * Of the JSON of the `parents` that are read: twice what 100,000 digests take. Some may lie outside of the lineage, so that
 * their number is known only when they are read. As PostgreSQL packs them would tell nothing: one digest a thousand times
 * takes next to no room.
 */
const MAX_PARENT_BYTES = 15_000_000;

/** The log index of the first registration of a digest. */
const firstOf = (digest: string): string =>
  `least(${['model_digest', 'file_digest', 'nameless_digest']
    .map((column) => `(SELECT min(recorded_index) FROM registry.registration WHERE ${column} = ${digest})`)
    .join(', ')})`;

/** What was found, small enough to be read in no time. Registrations are named by their log index. */
interface Found {
  reached: number;
  /** All that were reached, unless their parents are too many */
  models: [
    index: number,
    id: string,
    name: string,
    license: string,
    /** Within the lineage or not */
    parents: Row<'registration'>['parents'],
    awaited: Digest[],
  ][];
  data: [child: number, id: string, name: string, license: string][];
}

/** Of a lineage whose models are in `reached`; `data` is SQL for the data. */
const found = (data: string): string => `
  SELECT m.*,
    (SELECT coalesce(json_agg(json_build_array(d.child, d.id, d.name, d.license)), '[]')
     FROM (${data} LIMIT ${MAX_EDGES + 1}) d) AS data
  FROM (
    SELECT count(*)::integer AS reached,
      coalesce(json_agg(json_build_array(index, id, name, license_expression, parents, awaited))
        FILTER (WHERE parent_bytes <= ${MAX_PARENT_BYTES}), '[]') AS models
    FROM (
      SELECT n.index, r.id, r.name, r.license_expression, r.parents, r.awaited,
        sum(octet_length(r.parents::text)) OVER (ROWS UNBOUNDED PRECEDING) AS parent_bytes
      FROM reached n JOIN registry.registration r ON r.recorded_index = n.index
    ) read
  ) m`;

const ANCESTORS = `
  WITH RECURSIVE above (index) AS (
    SELECT recorded_index FROM registry.registration WHERE id = $1
    UNION
    SELECT coalesce(l.parent_index, (
      SELECT ${firstOf('late.digest')} FROM registry.relation late
      WHERE late.recorded_index = l.recorded_index AND late.position = l.position))
    FROM above a JOIN registry.relation l ON l.recorded_index = a.index
  ),
  reached AS MATERIALIZED (SELECT index FROM above WHERE index IS NOT NULL LIMIT ${MAX_MODELS + 1})
  ${found(
    `SELECT m.index AS child, d.id, d.name, d.document #>> '{license,expression}' AS license
     FROM reached m JOIN registry.registration r ON r.recorded_index = m.index
     JOIN registry.trained_on t ON t.registration_id = r.id JOIN registry.dataset d ON d.id = t.dataset_id`,
  )}`;

/** No data: the models that came from a model are no way to the data of their other parents. */
const DESCENDANTS = `
  WITH RECURSIVE below (index) AS (
    SELECT recorded_index FROM registry.registration WHERE id = $1
    UNION
    SELECT made.child FROM below b CROSS JOIN LATERAL (
      SELECT l.recorded_index AS child FROM registry.relation l WHERE l.parent_index = b.index
      UNION ALL
      SELECT l.recorded_index
      FROM registry.registration r CROSS JOIN unnest(r.awaited) k(digest)
      JOIN registry.relation l ON l.digest = k.digest AND l.recorded_index <= r.recorded_index
      WHERE r.recorded_index = b.index AND r.awaited <> '{}') made
  ),
  reached AS MATERIALIZED (SELECT index FROM below LIMIT ${MAX_MODELS + 1})
  ${found(`SELECT NULL::bigint AS child, NULL AS id, NULL AS name, NULL AS license WHERE false`)}`;

/** Cycle-safe, each from indexes alone. */
export const LINEAGE_SQL: Readonly<Record<Direction, string>> = { ancestors: ANCESTORS, descendants: DESCENDANTS };

/** What the registry found of the edges of these registrations, by child, relation and parent. */
async function findStandings(manager: EntityManager, children: readonly string[]): Promise<Map<string, Standing>> {
  const rows = await prepared<{ child: string; relation: Relation; parent: string; standing: Standing }>(
    manager,
    `SELECT registration_id AS child, relation, parent, standing FROM registry.lineage_standing
     WHERE registration_id = ANY ($1) AND standing <> 'declared'`,
    [children],
  );
  return new Map(rows.map(({ child, relation, parent, standing }) => [edgeKey(child, relation, parent), standing]));
}

type Standing = NonNullable<LineageEdge['standing']>;
const edgeKey = (child: string, relation: Relation, parent: number | string): string =>
  `${child} ${relation} ${parent}`;

/** @throws RegistryError `not_found`; `payload_too_large` for a lineage of more than can be looked through */
export async function findLineage(
  manager: EntityManager,
  registration: string,
  direction: Direction,
): Promise<Pick<LineageView, 'edges' | 'nodes'>> {
  const [found] = await prepared<Found>(manager, LINEAGE_SQL[direction], [registration]);
  const { reached, models, data } = found!;
  if (reached === 0) {
    throw new RegistryError('not_found', `There is no model ${registration}.`, { field: 'id' });
  }
  const tooLarge = new RegistryError(
    'payload_too_large',
    `The ${direction} of ${registration} are more than ${MAX_MODELS} models or ${MAX_EDGES} relations.`,
    { field: 'id', fix: 'Ask for a model that is nearer to what you look for.' },
  );
  if (reached > MAX_MODELS || models.length < reached) throw tooLarge;

  const ids = new Map<Digest | number, string>();
  const nodes = new Map<string, LineageNode>();
  for (const [index, id, name, license, , awaited] of models) {
    for (const key of [index, ...awaited]) ids.set(key, id);
    nodes.set(id, { id, name, license });
  }
  const standings = await findStandings(manager, [...nodes.keys()]);
  const edges: LineageEdge[] = [];
  for (const [, child, , , parents] of models) {
    for (const [relation, named] of Object.entries(parents) as [Relation, (Digest | number)[]][]) {
      for (const key of named) {
        const parent = ids.get(key);
        const standing = standings.get(edgeKey(child, relation, key));
        const found = standing === undefined ? {} : { standing };
        if (parent !== undefined) edges.push({ child, parent, relation, ...found });
        else if (typeof key === 'string' && direction === 'ancestors') {
          nodes.set(key, { id: key, name: null, license: null });
          edges.push({ child, parent: key, relation, ...found });
        }
      }
    }
    if (edges.length + data.length > MAX_EDGES) throw tooLarge;
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
