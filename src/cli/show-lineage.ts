/** What a model came from, or what came from it, for people. */
import type { Context } from './context.ts';
import { findAnyModel } from './find-model.ts';
import { columns, inOneLine } from './table.ts';
import type { LineageView } from './views.ts';

export async function findLineage(
  context: Context,
  model: string,
  direction: LineageView['direction'],
): Promise<LineageView> {
  const id = await findAnyModel(context, model);
  const client = await context.client();
  return client.get<LineageView>(`/v1/models/${encodeURIComponent(id)}/lineage?direction=${direction}`);
}

/** A line for each relation: from what a model came, or what came from it, and under which license that is. */
export function describeLineage({ model, direction, nodes, edges }: LineageView): string {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const name = (id: string): string => inOneLine(known.get(id)?.name ?? id);
  if (edges.length === 0) {
    return `${name(model)} (${model}) ${direction === 'ancestors' ? 'came from nothing' : 'led to nothing'} on record.\n`;
  }
  return columns(
    [
      'model',
      'relation',
      'parent',
      'standing',
      direction === 'ancestors' ? 'license of the parent' : 'license of the model',
    ],
    edges.map(({ child, parent, relation, standing = 'declared' }) => {
      const other = known.get(direction === 'ancestors' ? parent : child);
      return [
        name(child),
        relation,
        name(parent),
        standing === 'contradicted' ? 'CONTRADICTED' : standing,
        inOneLine(other?.license ?? 'not on record'),
      ];
    }),
  );
}
