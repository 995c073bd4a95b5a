/** An edge of a lineage, or all edges of a merge, held to the files of the child and of its parents. */
import type { Relation } from '../licensing/relations.ts';
import type { StoredTensor } from '../weights/container.ts';
import type { ConversionCheck } from './check-conversion.ts';
import { checkConversion } from './check-conversion.ts';
import type { MergeCheck } from './check-merge.ts';
import { checkMerge } from './check-merge.ts';

/** What is found by making it again: of a fine-tuning or a distillation nothing is. */
export const REMADE: readonly Relation[] = ['converted-from', 'quantized-from', 'pruned-from', 'merged-from'];

export interface EdgeCheck {
  readonly finding: ConversionCheck['finding'];
  /** One sentence */
  readonly because: string;
  readonly method: 'conversion-replay' | 'same-weights';
  readonly evidence: Partial<Omit<ConversionCheck & MergeCheck, 'because' | 'finding'>>;
}

/** @param parents one, or all that were merged */
export async function checkEdge(
  child: readonly StoredTensor[],
  parents: readonly (readonly StoredTensor[])[],
  relation: Relation,
): Promise<EdgeCheck> {
  if (parents.length > 1) {
    const { finding, because, ...evidence } = await checkMerge(child, parents);
    return { finding, because, method: 'conversion-replay', evidence };
  }
  const { finding, because, ...evidence } = await checkConversion(child, parents[0]!, relation);
  const isSame = finding === 'confirmed' && evidence.conversions.length === 1 && evidence.conversions[0] === 'the same';
  return { finding, because, method: isSame ? 'same-weights' : 'conversion-replay', evidence };
}
