export { checkConversion } from './check-conversion.ts';
export type { ConversionCheck } from './check-conversion.ts';
export { checkMerge } from './check-merge.ts';
export type { MergeCheck } from './check-merge.ts';
export { checkEdge, REMADE } from './check-edge.ts';
export type { EdgeCheck } from './check-edge.ts';
