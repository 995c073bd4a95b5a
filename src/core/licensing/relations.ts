/** How a model came from another, or from data (the glossary's relations). */

/** From weaker to stronger: from copying the weights as they are to passing on only what the model does. */
export const RELATIONS = [
  'converted-from',
  'quantized-from',
  'pruned-from',
  'fine-tuned-from',
  'merged-from',
  'trained-on-outputs-of',
  'distilled-from',
] as const;
export type Relation = (typeof RELATIONS)[number];

/** What is known of an edge: its maker said so, or the registry found that it is true, or that it is not. */
export const STANDINGS = ['declared', 'confirmed', 'contradicted'] as const;
export type Standing = (typeof STANDINGS)[number];

/** Every edge of a lineage. */
export const LINEAGE_RELATIONS = [...RELATIONS, 'trained-on'] as const;
export type LineageRelation = (typeof LINEAGE_RELATIONS)[number];
