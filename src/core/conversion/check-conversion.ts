/**
 * Whether a model came from another as its registration says, by doing the conversion again (`explain.ts`).
 *
 *   confirmed     every tensor of the child comes from one of the parent, byte for byte, by a conversion that makes the
 *                 declared relation true, and enough of them tells something
 *   contradicted  the relation says that values were kept but for rounding or pruning, and none was: no tensor is explained,
 *                 and the weights are uncorrelated with those of the parent in every layout; or there are more than twice
 *                 as many or fewer than half as many
 *   unexplained   neither: a converter that is not known here, or another relation. That proves nothing.
 *
 * A contradiction says that the declared relation is not true, not that the models are unrelated: neurons that were
 * shuffled and scaled are no conversion, and fingerprints find them.
 */
import type { Relation } from '../licensing/relations.ts';
import type { StoredTensor } from '../weights/container.ts';
import { elementCount } from '../weights/dtype.ts';
import { isBlock, isFloat } from './elements.ts';
import type { Explained } from './explain.ts';
import { explainTensor, isHeld, valuesOf } from './explain.ts';
import { layoutsFrom, turn } from './layouts.ts';

export interface ConversionCheck {
  readonly finding: 'confirmed' | 'contradicted' | 'unexplained';
  /** One sentence */
  readonly because: string;
  /** What was done, e.g. `F32 to Q8_0`, each once */
  readonly conversions: readonly string[];
  /** The relation that the explained tensors show; null where not all are explained */
  readonly shows: Relation | null;
  readonly tensors: number;
  readonly explained: number;
  /** What had to be the same and was, beyond zeros and repetitions */
  readonly telling: number;
  /** Where tensors were correlated: the largest correlation, of this many elements */
  readonly correlation: { readonly largest: number; readonly elements: number } | null;
}

/** Fewer telling elements than this may be the same by chance, or be in every model. */
const MIN_TELLING = 1000;
/** Relations that keep the values of the weights */
const KEEPING: readonly Relation[] = ['converted-from', 'quantized-from', 'pruned-from'];

export async function checkConversion(
  child: readonly StoredTensor[],
  parent: readonly StoredTensor[],
  relation: Relation,
): Promise<ConversionCheck> {
  const explained: Explained[] = [];
  for (const tensor of child) {
    const found = await explainFrom(tensor, parent);
    if (found !== undefined) explained.push(found);
  }
  const telling = explained.reduce((sum, each) => sum + each.telling, 0);
  const shows = explained.length === child.length && explained.length > 0 ? relationOf(explained) : null;
  const base = {
    conversions: [...new Set(explained.map(conversionOf))].sort(),
    shows,
    tensors: child.length,
    explained: explained.length,
    telling,
    correlation: null,
  };
  if (shows !== null && telling >= MIN_TELLING) {
    if (fits(explained, relation)) {
      return { ...base, finding: 'confirmed', because: 'Every tensor was made again from the parent, byte for byte.' };
    }
    const because = `Every tensor was made again from the parent; that shows ${shows}, and not ${relation}.`;
    return { ...base, finding: 'unexplained', because };
  }
  if (shows !== null) {
    return { ...base, finding: 'unexplained', because: 'Too little of the weights tells one model from another.' };
  }
  if (!KEEPING.includes(relation) || explained.length > 0) {
    const because = `${explained.length} of ${child.length} tensors come from the parent by a conversion known here.`;
    return { ...base, finding: 'unexplained', because };
  }
  return { ...base, ...(await contradict(child, parent, relation)) };
}

/** Of the same name first; renaming is no conversion of the values. */
async function explainFrom(child: StoredTensor, parents: readonly StoredTensor[]): Promise<Explained | undefined> {
  const sameName = parents.filter(({ name }) => name === child.name);
  const others = parents.filter(({ name }) => name !== child.name);
  for (const parent of [...sameName, ...others]) {
    const found = await explainTensor(child, parent);
    if (found !== undefined) return found;
  }
  return undefined;
}

function conversionOf({ from, to, turned, pruned }: Explained): string {
  const steps = [
    ...(pruned > 0 ? ['pruned'] : []),
    ...(from === to ? [] : [`${from} to ${to}`]),
    ...(turned ? ['axes turned'] : []),
  ];
  return steps.length === 0 ? 'the same' : steps.join(', ');
}

function relationOf(explained: readonly Explained[]): Relation {
  if (explained.some(({ pruned }) => pruned > 0)) return 'pruned-from';
  return explained.some(({ from, to }) => isBlock(to) && from !== to) ? 'quantized-from' : 'converted-from';
}

/** To store numbers in fewer bits is called both a conversion and a quantization. */
function fits(explained: readonly Explained[], relation: Relation): boolean {
  if (relationOf(explained) === relation) return true;
  const isNarrower = ({ from, to, pruned }: Explained): boolean =>
    pruned === 0 &&
    isFloat(to) &&
    isFloat(from) &&
    (from === 'F64' || (from === 'F32' && to !== 'F64' && to !== 'F32'));
  return relation === 'quantized-from' && relationOf(explained) === 'converted-from' && explained.some(isNarrower);
}

/** Fewer elements are correlated by chance too easily. */
const MIN_ELEMENTS = 4096;
/** So many standard deviations of the correlation between unrelated tensors: one in 10^9 */
const DEVIATIONS = 6;
/** How many tensors are correlated, the largest first, each with as many of the parent's */
const CORRELATED = 16;

type Contradiction = Pick<ConversionCheck, 'because' | 'correlation' | 'finding'>;

async function contradict(
  child: readonly StoredTensor[],
  parent: readonly StoredTensor[],
  relation: Relation,
): Promise<Contradiction> {
  const [own, theirs] = [elementsOf(child), elementsOf(parent)];
  if (own > 2 * theirs || theirs > 2 * own) {
    const because = `A model of ${theirs} parameters does not become one of ${own} when it is ${RULE[relation]}.`;
    return { finding: 'contradicted', because, correlation: null };
  }
  const largest = [...child].sort((a, b) => sizeOf(b) - sizeOf(a)).slice(0, CORRELATED);
  let [most, elements, clear] = [0, 0, true];
  for (const tensor of largest.filter((each) => sizeOf(each) >= MIN_ELEMENTS && isHeld(each))) {
    const found = await largestCorrelation(tensor, parent);
    if (found === undefined) continue;
    elements += sizeOf(tensor);
    most = Math.max(most, found);
    if (found * Math.sqrt(sizeOf(tensor)) > DEVIATIONS) clear = false;
  }
  const correlation = elements === 0 ? null : { largest: most, elements };
  if (clear && elements * 2 > own) {
    const because = `No tensor comes from the parent, and their values are uncorrelated: it was not ${RULE[relation]}.`;
    return { finding: 'contradicted', because, correlation };
  }
  return {
    finding: 'unexplained',
    because: 'No tensor comes from the parent by a conversion known here.',
    correlation,
  };
}

const RULE: Readonly<Partial<Record<Relation, string>>> = {
  'converted-from': 'converted',
  'quantized-from': 'quantized',
  'pruned-from': 'pruned',
};

/** Of the tensor with each of the parent's that has its shape, in every layout; undefined where none has. */
async function largestCorrelation(child: StoredTensor, parents: readonly StoredTensor[]): Promise<number | undefined> {
  const values = await valuesOf(child);
  let most: number | undefined;
  const alike = parents.filter((each) => isHeld(each) && layoutsFrom(each.shape, child.shape).length > 0);
  // What is not compared may be the one.
  if (alike.length > MAX_ALIKE) return undefined;
  for (const parent of alike) {
    const theirs = await valuesOf(parent);
    for (const layout of layoutsFrom(parent.shape, child.shape)) {
      const found = Math.abs(correlationOf(values, layout === null ? theirs : turn(theirs, parent.shape, layout)));
      // What is constant, or not a number, is correlated with nothing: nothing follows.
      if (Number.isNaN(found)) return undefined;
      most = Math.max(most ?? 0, found);
    }
  }
  return most;
}

const MAX_ALIKE = 256;

/** Pearson's; NaN where one of them is constant */
export function correlationOf(a: Float64Array, b: Float64Array): number {
  const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [product, squareA, squareB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB];
    product += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return product / Math.sqrt(squareA * squareB);
}

const sizeOf = ({ shape }: StoredTensor): number => elementCount(shape)!;
const elementsOf = (tensors: readonly StoredTensor[]): number => tensors.reduce((sum, each) => sum + sizeOf(each), 0);
