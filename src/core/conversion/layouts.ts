/** How the axes of a tensor may stand in another framework's file: as they are, or turned round. */

/** Of each axis of the result the axis that it was; null for all as they are. */
export type Layout = readonly number[] | null;

/**
 * Matrices turn over between PyTorch (`[out, in]`) and TensorFlow (`[in, out]`), convolutions between `[O, I, H, W]` and
 * `[H, W, I, O]`. Axes of one element come and go.
 */
export function layoutsFrom(parent: readonly number[], child: readonly number[]): Layout[] {
  const layouts: Layout[] = [];
  if (same(wide(parent), wide(child))) layouts.push(null);
  for (const axes of TURNS[parent.length] ?? []) {
    const turned = axes.map((axis) => parent[axis]!);
    if (same(turned, child) && wide(parent).length > 1) layouts.push(axes);
  }
  return layouts;
}

const TURNS: Readonly<Record<number, readonly (readonly number[])[]>> = {
  2: [[1, 0]],
  3: [[2, 1, 0]],
  4: [
    [2, 3, 1, 0],
    [3, 2, 0, 1],
  ],
};

/** Row-major values of a tensor of this shape with its axes in another order */
export function turn(values: Float64Array, shape: readonly number[], axes: readonly number[]): Float64Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const steps = axes.map((axis) => strides[axis]!);
  const sizes = axes.map((axis) => shape[axis]!);
  const turned = new Float64Array(values.length);
  const last = sizes.length - 1;
  const at = sizes.map(() => 0);
  let from = 0;
  for (let to = 0; to < turned.length;) {
    for (let i = 0, source = from; i < sizes[last]!; i++, source += steps[last]!) turned[to++] = values[source]!;
    for (let axis = last - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++at[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      at[axis] = 0;
    }
  }
  return turned;
}

const wide = (shape: readonly number[]): number[] => shape.filter((size) => size !== 1);
const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);
