/** What flows down to a model from its declared lineage, for an intended use. */
import { Injectable } from '@nestjs/common';
import { obligationsOf } from '../core/licensing/obligations.ts';
import { CURRENT_RULES } from '../core/licensing/rules/index.ts';
import { dateOf } from '../core/title/dates.ts';
import { DataSource } from '../platform/database/index.ts';
import { findLineage } from './lineage.store.ts';
import type { ObligationsQuery, ObligationsView } from './obligations.schema.ts';

@Injectable()
export class ObligationsService {
  constructor(private readonly database: DataSource) {}

  /** @throws RegistryError `not_found`, `payload_too_large` */
  async of(model: string, query: ObligationsQuery): Promise<ObligationsView> {
    const { nodes, edges } = await findLineage(this.database.manager, model, 'ancestors');
    const use = { actions: query.action, commercial: query.commercial === 'true' };
    const { on = dateOf(new Date().toISOString()), edition = CURRENT_RULES } = query;
    const { contradicted, conservative, permissive } = obligationsOf({
      lineage: { nodes, edges },
      model,
      use,
      on,
      edition,
    });
    return { model, use, on, edition, nodes, contradicted, conservative, permissive } as ObligationsView;
  }
}
