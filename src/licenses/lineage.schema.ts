import { z } from 'zod';
import { LINEAGE_RELATIONS } from '../core/licensing/relations.ts';

export const DIRECTIONS = ['ancestors', 'descendants'] as const;
export type Direction = (typeof DIRECTIONS)[number];

export const lineageParams = z.strictObject({ id: z.string().max(60) });
export const lineageQuery = z.strictObject({
  direction: z
    .enum(DIRECTIONS)
    .default('ancestors')
    .describe('What the model came from, models and datasets; or the models that came from it'),
});
export type LineageQuery = z.infer<typeof lineageQuery>;

export const lineageNode = z.strictObject({
  id: z.string().describe('Of a registration or dataset; the digest of a parent that is not on record'),
  name: z.string().nullable(),
  license: z.string().nullable().describe('SPDX license expression'),
});
export type LineageNode = z.infer<typeof lineageNode>;

export const lineageEdge = z.strictObject({
  child: z.string(),
  parent: z.string(),
  relation: z.enum(LINEAGE_RELATIONS),
  standing: z
    .enum(['confirmed', 'contradicted'])
    .optional()
    .describe('What the registry found when it checked; absent where the edge is declared and no more'),
});

export const lineageView = z
  .strictObject({
    model: z.string(),
    direction: z.enum(DIRECTIONS),
    nodes: z
      .array(lineageNode)
      .describe('The model and all that was found; without name and license what is not on record'),
    edges: z.array(lineageEdge),
  })
  .meta({ id: 'Lineage' });
export type LineageView = z.infer<typeof lineageView>;
