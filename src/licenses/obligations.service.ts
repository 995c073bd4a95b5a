/** What flows down to a model from its declared lineage, for an intended use. */
import { Injectable } from '@nestjs/common';
import type { Lineage } from '../core/licensing/lineage.ts';
import { obligationsOf } from '../core/licensing/obligations.ts';
import { CURRENT_RULES } from '../core/licensing/rules/index.ts';
import { dateOf } from '../core/title/dates.ts';
import { DataSource } from '../platform/database/index.ts';
import type { LineageModel } from './lineage.store.ts';
import { findLineage } from './lineage.store.ts';
import type { ObligationsQuery, ObligationsView } from './obligations.schema.ts';

@Injectable()
export class ObligationsService {
  constructor(private readonly database: DataSource) {}

  /** @throws RegistryError `not_found`, `payload_too_large` */
  async of(model: string, query: ObligationsQuery): Promise<ObligationsView> {
    const models = await findLineage(this.database.manager, model);
    const use = { actions: query.action, commercial: query.commercial === 'true' };
    const { on = dateOf(new Date().toISOString()), edition = CURRENT_RULES } = query;
    const { conservative, permissive } = obligationsOf({ lineage: lineageOf(models), model, use, on, edition });
    return { model, use, on, edition, nodes: nodesOf(models), conservative, permissive } as ObligationsView;
  }
}

const lineageOf = (models: readonly LineageModel[]): Lineage => ({
  nodes: nodesOf(models).flatMap(({ id, license }) => (license === null ? [] : [{ id, license }])),
  edges: models.flatMap(({ id, parents, datasets }) => [
    ...parents.map(({ digest, relation, registration }) => ({ child: id, parent: registration ?? digest, relation })),
    ...datasets.map((dataset) => ({ child: id, parent: dataset.id, relation: 'trained-on' as const })),
  ]),
});

/** Each once; a parent that nobody put on record by its digest alone. */
function nodesOf(models: readonly LineageModel[]): ObligationsView['nodes'] {
  const nodes = new Map<string, ObligationsView['nodes'][number]>();
  for (const { id, name, license, datasets } of models) {
    for (const node of [{ id, name, license }, ...datasets]) nodes.set(node.id, node);
  }
  for (const { digest, registration } of models.flatMap(({ parents }) => parents)) {
    if (registration === null) nodes.set(digest, { id: digest, name: null, license: null });
  }
  return [...nodes.values()];
}
