/**
 * The order of layers that are known by name. Those whose names differ in numbers alone (`features.0`, `features.3`; `fc1`,
 * `fc2`) stand in the order of the numbers; such runs (`features`, `classifier`) are put behind each other as dimensions
 * chain. It counts only where it is the one order that does, under the layout that the names tell, if they do.
 *
 * Names do not show what stands between layers. A number that is left out tells that something without weights does.
 */
import type { Sized, Step } from './assemble.ts';
import { misfitOf, outputsOf } from './assemble.ts';
import type { Convention, NamedLayer, NamedNorm } from './named-layers.ts';
import { namedParts, TELLING } from './named-layers.ts';
import type { Numbers } from './numbers.ts';
import { affineOf, countOf } from './numbers.ts';
import { stackUnknown } from './stack.ts';

/** What is added to a variance, unless the one who made the layer said otherwise, which names do not tell. */
const EPSILON: Record<Convention, number> = { pytorch: 1e-5, tensorflow: 1e-3 };
/** Of runs that are tried behind each other, so that many short ones do not take for ever */
const MAX_TRIED = 100_000;

/** @throws RegistryError `stack_unknown` */
export function stepsByName(tensors: readonly Numbers[]): Step[] {
  const { parts, convention } = namedParts(tensors);
  const layers = parts.filter((part) => part.kind === 'layer');
  if (layers.length === 0) throw stackUnknown('No tensor is the kernel of a layer.', 'layers');
  const { layout, order } = orderOf(layers, convention);
  const norms = parts.filter((part) => part.kind === 'norm');
  return stepsOf(order, normsAt(norms, order), layout);
}

interface Placed {
  layer: NamedLayer;
  sized: Sized & { name: string };
}

interface Order {
  layout: Convention;
  order: Placed[];
}

/**
 * The one order, under the layout of the names, else under the other one where biases tell it, too; without such names under
 * either.
 */
function orderOf(layers: readonly NamedLayer[], convention: Convention | undefined): Order {
  const layouts: Convention[] = convention === 'tensorflow' ? ['tensorflow', 'pytorch'] : ['pytorch', 'tensorflow'];
  const told = layers.every(({ bias }) => bias !== undefined);
  const possible = layouts
    .slice(0, convention === undefined || told ? 2 : 1)
    .map((layout) => ordersOf(layers, layout).map((order) => ({ layout, order })));
  const found = convention === undefined ? possible.flat() : (possible.find(({ length }) => length > 0) ?? []);
  const [only] = found;
  if (only === undefined) throw misfitIn(layers, layouts[0]!);
  if (found.length === 1) return only;
  throw stackUnknown(
    new Set(found.map(({ layout }) => layout)).size > 1
      ? 'Neither names nor dimensions tell whether the rows of kernels are outputs or inputs.'
      : 'Names and dimensions allow more than one order of the layers.',
    layers[0]!.kernel.name,
    TELLING,
  );
}

/** Up to two */
function ordersOf(layers: readonly NamedLayer[], layout: Convention): Placed[][] {
  const placed = layers.map((layer) => ({ layer, sized: sizedAs(layer, layout) }));
  const runs = runsOf(placed);
  if (!placed.every(biasFits) || !runs.every(chains)) return [];
  const found: Placed[][] = [];
  let tried = 0;
  const extend = (order: readonly Placed[], left: readonly Placed[][]): void => {
    if (left.length === 0) found.push([...order]);
    for (const run of left) {
      const [last, first] = [order.at(-1), run[0]!];
      if (found.length > 1) return;
      if (tried++ > MAX_TRIED) {
        throw stackUnknown('The layers could stand in too many orders.', first.sized.name, TELLING);
      }
      if (last !== undefined && !chains([last, first])) continue;
      extend(
        [...order, ...run],
        left.filter((other) => other !== run),
      );
    }
  };
  extend([], runs);
  return found;
}

function sizedAs({ kernel: { name, shape } }: NamedLayer, layout: Convention): Placed['sized'] {
  const [a = 0, b = 0, c = 0, d = 0] = shape;
  if (shape.length === 4) {
    const [filters, channels] = layout === 'pytorch' ? [a, b] : [d, c];
    return { kind: 'conv2d', name, filters, channels };
  }
  const [units, inputs] = layout === 'pytorch' ? [a, b] : [b, a];
  return { kind: 'dense', name, units, inputs };
}

const biasFits = ({ layer: { bias }, sized }: Placed): boolean =>
  bias === undefined || countOf(bias) === outputsOf(sized);

const chains = (run: readonly Placed[]): boolean =>
  run.every(({ sized }, i) => i === 0 || misfitOf(run[i - 1]!.sized, sized) === undefined);

/** Those in natural order whose names differ in numbers alone, from where they differ first */
function runsOf(layers: readonly Placed[]): Placed[][] {
  const paths = layers.map(({ layer }) => layer.prefix.split(/[./]/));
  const [first = []] = paths;
  const common = first.findIndex((part, i) => paths.some((path) => path[i] !== part));
  const runs = new Map<string, Placed[]>();
  for (const [i, layer] of layers.entries()) {
    const stem = (paths[i]![Math.max(0, common)] ?? '').replace(/_?\d+$/, '');
    runs.set(stem, [...(runs.get(stem) ?? []), layer]);
  }
  return [...runs.values()];
}

function misfitIn(layers: readonly NamedLayer[], layout: Convention): Error {
  const placed = layers.map((layer) => ({ layer, sized: sizedAs(layer, layout) }));
  const wrong = placed.find((one) => !biasFits(one));
  if (wrong !== undefined) {
    const count = countOf(wrong.layer.bias!);
    return stackUnknown(`Its bias has ${count} numbers; it has ${outputsOf(wrong.sized)} outputs.`, wrong.sized.name);
  }
  const at = placed.findIndex((_, i) => i > 0 && !chains(placed.slice(i - 1, i + 1)));
  const sentence = misfitOf(placed[at - 1]!.sized, placed[at]!.sized);
  return stackUnknown(`No order of the layers chains. ${sentence}`, placed[at]!.sized.name, TELLING);
}

/** A normalization behind a layer, and whether something without weights stands between */
interface NormAt {
  norm: NamedNorm;
  /** −1 before the first */
  after: number;
  apart: boolean;
}

const normsAt = (norms: readonly NamedNorm[], order: readonly Placed[]): NormAt[] => {
  const free = new Set(order.keys());
  return norms.map((norm) => {
    const found = inSequence(norm, order) ?? byName(norm, order, free);
    free.delete(found.after);
    return { norm, ...found };
  });
};

/** Modules of a sequence are counted, those without weights too. */
function inSequence({ prefix }: NamedNorm, order: readonly Placed[]): Omit<NormAt, 'norm'> | undefined {
  const own = placeOf(prefix);
  if (own.stem !== '' || own.number === undefined) return undefined;
  const numbers = order.map(({ layer }) => {
    const { parent, stem, number } = placeOf(layer.prefix);
    return parent === own.parent && stem === '' ? number : undefined;
  });
  const before = numbers.findLastIndex((number) => number !== undefined && number < own.number!);
  if (before >= 0) return { after: before, apart: own.number - numbers[before]! > 1 };
  const behind = numbers.findIndex((number) => number !== undefined);
  return behind < 0 ? undefined : { after: behind - 1, apart: true };
}

/** `bn1` belongs to `conv1`, `block.bn` to `block.conv`, another to the one layer that has so many outputs. */
function byName(
  { prefix, mean }: NamedNorm,
  order: readonly Placed[],
  free: ReadonlySet<number>,
): Omit<NormAt, 'norm'> {
  const own = placeOf(prefix);
  const fits = [...free].filter((i) => outputsOf(order[i]!.sized) === countOf(mean));
  const near = fits.filter((i) => placeOf(order[i]!.layer.prefix).parent === own.parent);
  const numbered = near.filter((i) => placeOf(order[i]!.layer.prefix).number === own.number);
  const [after] = [numbered, near, fits].find(({ length }) => length === 1) ?? [];
  if (after !== undefined) return { after, apart: false };
  throw stackUnknown('It is not told to which layer this normalization belongs.', mean.name, TELLING);
}

function placeOf(prefix: string): { parent: string; stem: string; number: number | undefined } {
  const [, parent = '', stem = '', digits] = /^(.*[./])?(\D*?)_?(\d+)?$/.exec(prefix) ?? [];
  return { parent, stem, number: digits === undefined ? undefined : Number(digits) };
}

function stepsOf(order: readonly Placed[], norms: readonly NormAt[], layout: Convention): Step[] {
  const affine = ({ norm }: NormAt): Step => {
    return { kind: 'affine', name: norm.mean.name, ...affineOf({ ...norm, epsilon: EPSILON[layout] }) };
  };
  const isPytorch = layout === 'pytorch';
  const steps = norms.filter(({ after }) => after < 0).map(affine);
  for (const [i, { layer, sized }] of order.entries()) {
    const { kernel, bias } = layer;
    if (sized.kind === 'conv2d') steps.push({ kind: 'conv2d', kernel, bias, layout: isPytorch ? 'oihw' : 'hwio' });
    else {
      steps.push({ kind: 'flatten', order: isPytorch ? 'chw' : 'hwc' });
      steps.push({ kind: 'dense', kernel, bias, layout: isPytorch ? 'out-in' : 'in-out' });
    }
    const own = norms.filter(({ after }) => after === i);
    steps.push(...own.filter(({ apart }) => !apart).map(affine));
    steps.push({ kind: 'activation' });
    steps.push(...own.filter(({ apart }) => apart).map(affine));
  }
  return steps;
}
