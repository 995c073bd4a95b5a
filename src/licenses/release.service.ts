/** The texts that go with a model when it is released, from the licenses of all that it came from. */
import { Injectable } from '@nestjs/common';
import { obligationsOf } from '../core/licensing/obligations.ts';
import type { ReleaseBasis } from '../core/licensing/release.ts';
import { licensesOf, NOTHING_SUPPLIED, releaseOf } from '../core/licensing/release.ts';
import { CURRENT_RULES } from '../core/licensing/rules/index.ts';
import { dateOf } from '../core/title/dates.ts';
import { DataSource } from '../platform/database/index.ts';
import { findLineage } from './lineage.store.ts';
import type { ReleaseQuery, ReleaseView } from './release.schema.ts';
import { findReleaseFacts } from './release.store.ts';
import { spdxText } from './spdx-texts.ts';

@Injectable()
export class ReleaseService {
  constructor(private readonly database: DataSource) {}

  /** @throws RegistryError `not_found`, `payload_too_large` */
  async of(model: string, query: ReleaseQuery): Promise<ReleaseView> {
    const { manager } = this.database;
    const { on = dateOf(new Date().toISOString()), edition = CURRENT_RULES } = query;
    const lineage = await findLineage(manager, model, 'ancestors');
    const found = await findReleaseFacts(
      manager,
      lineage.nodes.map(({ id }) => id),
    );
    const facts = new Map(found.map((fact) => [fact.id, fact]));

    const own = { nodes: lineage.nodes.filter(({ id }) => id === model), edges: [] };
    const passedOn = { actions: ['redistribute' as const], commercial: true };
    const alone = obligationsOf({ lineage: own, model, use: passedOn, on, edition }).conservative;
    const use = { ...passedOn, commercial: alone.permissions.commercial };
    const { duties, obstacles, prohibitions } = obligationsOf({ lineage, model, use, on, edition }).conservative;
    const unknown = { textDigest: null, holder: null, source: null };
    const basis: ReleaseBasis = {
      model,
      use,
      parts: lineage.nodes.map((node) => ({ ...node, ...(facts.get(node.id) ?? unknown) })),
      duties,
      obstacles,
      prohibitions,
    };
    const texts = licensesOf(basis).flatMap((license) => spdxText(license) ?? []);
    return { on, edition, ...releaseOf(basis, { ...NOTHING_SUPPLIED, texts }), texts, basis };
  }
}
