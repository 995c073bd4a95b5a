/**
 * The lineage of a model as a graph, walked from the model to everything it came from. Between the model and an ancestor
 * lies a path of relations; what counts for the ancestor's license is the strongest of them: who distills a fine-tuned
 * model passes on what it does, and not its weights. So an ancestor may be reached in several places, once in each, and a
 * lineage that names itself as its own ancestor ends like any other. Declared lineages are not trusted to be free of that.
 */
import { RegistryError } from '../errors.ts';
import type { LineageRelation, Standing } from './relations.ts';
import { LINEAGE_RELATIONS } from './relations.ts';
import type { Place } from './rules/rule.ts';

export interface LineageNode {
  readonly id: string;
  /** SPDX license expression; null where nobody stated one */
  readonly license: string | null;
}

export interface LineageEdge {
  readonly child: string;
  readonly parent: string;
  readonly relation: LineageRelation;
  /** What the registry found; absent where the edge is declared and no more */
  readonly standing?: Exclude<Standing, 'declared'> | undefined;
}

export interface Lineage {
  readonly nodes: readonly LineageNode[];
  /** A parent that is no node is one that is not on record. */
  readonly edges: readonly LineageEdge[];
}

export interface Step {
  readonly relation: LineageRelation;
  readonly node: string;
}

/** An ancestor, or the model itself, in one place. */
export interface Reached {
  readonly node: string;
  readonly place: Place;
  readonly via: { readonly from: Reached; readonly relation: LineageRelation } | null;
}

/**
 * Everything in the lineage of a model, nearest first, in an order that depends on the graph alone.
 * @throws RegistryError `not_found` where the model is no node
 */
export function walk(lineage: Lineage, model: string): Reached[] {
  if (!lineage.nodes.some(({ id }) => id === model)) {
    throw new RegistryError('not_found', `The lineage does not hold "${model}".`, { field: 'model' });
  }
  const parents = parentsOf(lineage.edges);
  const reached: Reached[] = [{ node: model, place: 'own', via: null }];
  const seen = new Set([keyOf(model, 'own')]);
  for (let i = 0; i < reached.length; i++) {
    const from = reached[i]!;
    for (const { parent, relation } of parents.get(from.node) ?? []) {
      const place = strongest(from.place, relation);
      const key = keyOf(parent, place);
      if (seen.has(key)) continue;
      seen.add(key);
      reached.push({ node: parent, place, via: { from, relation } });
    }
  }
  return reached;
}

/** From the model to the ancestor. */
export function pathTo(reached: Reached): Step[] {
  const path: Step[] = [];
  for (let at = reached; at.via !== null; at = at.via.from) path.push({ relation: at.via.relation, node: at.node });
  return path.reverse();
}

/** Data that was made by a model stands where the model's outputs do. */
function strongest(place: Place, relation: LineageRelation): LineageRelation {
  if (place === 'own' || place === 'trained-on') return relation;
  return STRENGTH.get(place)! > STRENGTH.get(relation)! ? place : relation;
}

const STRENGTH: ReadonlyMap<LineageRelation, number> = new Map(LINEAGE_RELATIONS.map((relation, i) => [relation, i]));

function parentsOf(edges: readonly LineageEdge[]): Map<string, LineageEdge[]> {
  const parents = new Map<string, LineageEdge[]>();
  for (const edge of edges) {
    const known = parents.get(edge.child);
    if (known === undefined) parents.set(edge.child, [edge]);
    else known.push(edge);
  }
  for (const known of parents.values()) known.sort(byParent);
  return parents;
}

const byParent = (a: LineageEdge, b: LineageEdge): number =>
  a.parent === b.parent ? STRENGTH.get(a.relation)! - STRENGTH.get(b.relation)! : a.parent < b.parent ? -1 : 1;

/** No relation holds a space, so no two keys meet. */
const keyOf = (node: string, place: Place): string => `${place} ${node}`;
