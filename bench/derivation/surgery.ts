/**
 * What a thief can do to weights without training: pure functions of a stack, every draw from a given stream. Units are
 * the dense units and the filters of all layers but the last; what lies between two layers (ReLU, average pooling) lets
 * positive factors through.
 */
import type { Layer, Stack } from '../../src/core/fingerprint/stack.ts';
import { permutation } from '../../src/core/random.ts';
import type { RandomStream } from '../../src/core/random.ts';
import { columnsOf, rowsOf } from './network.ts';

export type Surgery = (stack: Stack, random: RandomStream) => Stack;

/** A unit of the new layer: which old one it is, by what its weights and what it gives on are multiplied. */
interface Unit {
  of: number;
  times: number;
  given: number;
}

export const permute: Surgery = (stack, random) =>
  eachHiddenLayer(stack, (layer) =>
    Array.from(permutation(rowsOf(layer), random), (of) => ({ of, times: 1, given: 1 })),
  );

/** Each unit by a factor between 1/10 and 10, its logarithm being uniform; what it gives on by the inverse. */
export const rescale: Surgery = (stack, random) =>
  eachHiddenLayer(stack, (layer) =>
    Array.from({ length: rowsOf(layer) }, (_, of) => {
      const times = 10 ** (2 * random.uniform() - 1);
      return { of, times, given: 1 / times };
    }),
  );

/** Whole layers, by a million and by a millionth in turns: nothing of it shows in what the network computes. */
export const rescaleLayers: Surgery = (stack) => {
  let layers = 0;
  return eachHiddenLayer(stack, (layer) => {
    const times = layers++ % 2 === 0 ? 1e6 : 1e-6;
    return Array.from({ length: rowsOf(layer) }, (_, of) => ({ of, times, given: 1 / times }));
  });
};

export const permuteAndRescale: Surgery = (stack, random) => rescale(permute(stack, random), random);

/** Units of every hidden layer, drawn at random, are taken out. */
export const dropUnits =
  (share: number): Surgery =>
  (stack, random) =>
    eachHiddenLayer(stack, (layer) => {
      const kept = permutation(rowsOf(layer), random).slice(Math.round(share * rowsOf(layer)));
      return Array.from(kept.sort(), (of) => ({ of, times: 1, given: 1 }));
    });

/** The units of every hidden layer whose weights, in and out, have the smallest product of norms are taken out. */
export const dropWeakest =
  (share: number): Surgery =>
  (stack) =>
    eachHiddenLayer(stack, (layer, next) => {
      const block = columnsOf(next) / rowsOf(layer);
      const strength = (unit: number) => norm(rowOf(layer, unit)) * norm(outOf(next, unit, block));
      const order = Array.from({ length: rowsOf(layer) }, (_, i) => i).sort((a, b) => strength(b) - strength(a));
      const kept = order.slice(0, order.length - Math.round(share * order.length)).sort((a, b) => a - b);
      return kept.map((of) => ({ of, times: 1, given: 1 }));
    });

/** Units of every hidden layer are cut into two, each scaled by a factor of its own; together they give what one gave. */
export const splitUnits =
  (share: number): Surgery =>
  (stack, random) =>
    eachHiddenLayer(stack, (layer) => {
      const order = permutation(rowsOf(layer), random);
      const cut = order.slice(0, Math.round(share * order.length));
      const halves = Array.from(cut).flatMap((of) => {
        const part = 0.3 + 0.4 * random.uniform();
        return [part, 1 - part].map((given) => {
          const times = 0.5 + random.uniform();
          return { of, times, given: given / times };
        });
      });
      return [...halves, ...Array.from(order.slice(cut.length), (of) => ({ of, times: 1, given: 1 }))];
    });

/** New units in every hidden layer: random weights as strong as a mean unit's, giving on a quarter of what one does. */
export const addUnits =
  (share: number): Surgery =>
  (stack, random) => {
    const layers = [...stack.layers];
    for (let i = 0; i < layers.length - 1; i++) {
      const layer = layers[i]!;
      const next = layers[i + 1]!;
      const rows = rowsOf(layer);
      const added = Math.round(share * rows);
      const fresh = gaussians(added * columnsOf(layer), deviation(layer.kernel), random);
      const bias = gaussians(added, deviation(layer.bias!), random);
      layers[i] = withRows(layer, rows + added, joined(layer.kernel, fresh), joined(layer.bias!, bias));
      const block = columnsOf(next) / rows;
      const kernel = new Float32Array(rowsOf(next) * (rows + added) * block);
      for (let row = 0; row < rowsOf(next); row++) {
        const at = row * (rows + added) * block;
        kernel.set(rowOf(next, row), at);
        kernel.set(gaussians(added * block, deviation(next.kernel) / 4, random), at + rows * block);
      }
      layers[i + 1] = withColumns(next, kernel);
    }
    return { layers };
  };

/** The smallest weights of every layer, biases apart, become zero. */
export const prune =
  (share: number): Surgery =>
  (stack) =>
    eachKernel(stack, (kernel) => {
      const sizes = kernel.map(Math.abs).sort();
      const least = sizes[Math.round(share * kernel.length)] ?? Infinity;
      return kernel.map((weight) => (Math.abs(weight) < least ? 0 : weight));
    });

/** Symmetric, a scale for each unit, as weight-only quantization does it; biases stay. */
export const quantize =
  (bits: number): Surgery =>
  (stack) =>
    eachKernel(stack, (kernel, layer) => {
      const columns = columnsOf(layer);
      const result = new Float32Array(kernel.length);
      for (let row = 0; row < rowsOf(layer); row++) {
        const weights = rowOf(layer, row);
        const step = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0) / (2 ** (bits - 1) - 1);
        if (step > 0)
          result.set(
            weights.map((weight) => Math.round(weight / step) * step),
            row * columns,
          );
      }
      return result;
    });

/** Gaussian noise on every weight, its deviation a share of the layer's own. */
export const addNoise =
  (share: number): Surgery =>
  (stack, random) =>
    eachKernel(stack, (kernel) => {
      const noise = gaussians(kernel.length, share * deviation(kernel), random);
      return kernel.map((weight, i) => weight + noise[i]!);
    });

/** A weighted mean with another stack of the same shape, weight by weight. */
export const averageWith =
  (other: Stack, share: number): Surgery =>
  (stack) => ({
    layers: stack.layers.map((layer, i) => {
      const { kernel, bias } = other.layers[i]!;
      const mean = (own: Float32Array, strange: Float32Array) =>
        own.map((w, j) => share * w + (1 - share) * strange[j]!);
      return { ...layer, kernel: mean(layer.kernel, kernel), bias: mean(layer.bias!, bias!) };
    }),
  });

/** Dense layers but the last are brought to a share of their rank. */
export const lowRank =
  (share: number): Surgery =>
  (stack, random) => ({
    layers: stack.layers.map((layer, i) =>
      layer.kind === 'dense' && i < stack.layers.length - 1
        ? { ...layer, kernel: cutRank(layer, Math.ceil(share * layer.units), random) }
        : layer,
    ),
  });

/** A dense layer that passes on what it gets, but for a little noise, behind a hidden layer drawn at random. */
export const insertIdentity: Surgery = (stack, random) => {
  const first = Math.max(
    1,
    stack.layers.findIndex(({ kind }) => kind === 'dense'),
  );
  return inserted(stack, first + random.below(stack.layers.length - first), random);
};

/** The same in front of the first layer; a pixel is never negative, so ReLU does it no harm. */
export const insertInFront: Surgery = (stack, random) => inserted(stack, 0, random);

/** The last two layers multiplied into one, as if there were no ReLU between them. */
export const mergeLast: Surgery = ({ layers }) => {
  const [below, above] = layers.slice(-2) as [Layer, Layer];
  const [rows, inner, columns] = [rowsOf(above), rowsOf(below), columnsOf(below)];
  const kernel = new Float32Array(rows * columns);
  const bias = Float32Array.from(above.bias!);
  for (let row = 0; row < rows; row++) {
    const target = kernel.subarray(row * columns, (row + 1) * columns);
    for (let unit = 0; unit < inner; unit++) {
      const factor = above.kernel[row * inner + unit]!;
      rowOf(below, unit).forEach((weight, i) => (target[i]! += factor * weight));
      bias[row]! += factor * below.bias![unit]!;
    }
  }
  const merged: Layer = { kind: 'dense', name: below.name, units: rows, inputs: columns, kernel, bias };
  return { layers: [...layers.slice(0, -2), merged] };
};

/** To the weights of every output the same is added, ten times as strong as they are: what softmax gives stays as it is. */
export const shiftOutputs: Surgery = ({ layers }, random) => {
  const last = layers.at(-1)!;
  const shift = gaussians(columnsOf(last), 10 * deviation(last.kernel), random);
  const kernel = last.kernel.map((weight, i) => weight + shift[i % shift.length]!);
  return { layers: [...layers.slice(0, -1), { ...last, kernel }] };
};

/** A fresh last layer, drawn as the trainer draws one (Glorot, uniform). */
export const replaceLast: Surgery = ({ layers }, random) => {
  const last = layers.at(-1)!;
  const limit = Math.sqrt(6 / (columnsOf(last) + rowsOf(last)));
  const kernel = last.kernel.map(() => (2 * random.uniform() - 1) * limit);
  return { layers: [...layers.slice(0, -1), { ...last, kernel, bias: last.bias!.map(() => 0) }] };
};

function eachHiddenLayer(stack: Stack, choose: (layer: Layer, next: Layer) => Unit[]): Stack {
  const layers = [...stack.layers];
  for (let i = 0; i < layers.length - 1; i++) {
    const layer = layers[i]!;
    const next = layers[i + 1]!;
    const units = choose(layer, next);
    const columns = columnsOf(layer);
    const kernel = new Float32Array(units.length * columns);
    units.forEach(({ of, times }, to) =>
      kernel.set(
        rowOf(layer, of).map((weight) => weight * times),
        to * columns,
      ),
    );
    const bias = Float32Array.from(units, ({ of, times }) => layer.bias![of]! * times);
    layers[i] = withRows(layer, units.length, kernel, bias);
    layers[i + 1] = withColumns(next, chosenColumns(next, rowsOf(layer), units));
  }
  return { layers };
}

/** A unit's block of columns: one behind dense layers, a filter's map behind convolutions. */
function chosenColumns(next: Layer, rowsBefore: number, units: readonly Unit[]): Float32Array {
  const block = columnsOf(next) / rowsBefore;
  const kernel = new Float32Array(rowsOf(next) * units.length * block);
  for (let row = 0; row < rowsOf(next); row++) {
    const weights = rowOf(next, row);
    units.forEach(({ of, given }, to) => {
      const from = weights.subarray(of * block, (of + 1) * block);
      kernel.set(
        from.map((weight) => weight * given),
        (row * units.length + to) * block,
      );
    });
  }
  return kernel;
}

function eachKernel({ layers }: Stack, change: (kernel: Float32Array, layer: Layer) => Float32Array): Stack {
  return { layers: layers.map((layer) => ({ ...layer, kernel: change(layer.kernel, layer) })) };
}

function inserted({ layers }: Stack, at: number, random: RandomStream): Stack {
  const units = columnsOf(layers[at]!);
  const kernel = gaussians(units * units, 0.01 / Math.sqrt(units), random);
  for (let i = 0; i < units; i++) kernel[i * units + i]! += 1;
  const identity: Layer = { kind: 'dense', name: '', units, inputs: units, kernel, bias: new Float32Array(units) };
  return { layers: renamed([...layers.slice(0, at), identity, ...layers.slice(at)]) };
}

function renamed(layers: readonly Layer[]): Layer[] {
  let dense = 0;
  return layers.map((layer) => (layer.kind === 'dense' ? { ...layer, name: `dense${++dense}` } : layer));
}

/** Subspace iteration (Halko, Martinsson and Tropp 2011): the kernel's rows projected on its strongest directions. */
function cutRank(layer: Layer, rank: number, random: RandomStream): Float32Array {
  const rows = rowsOf(layer);
  const columns = columnsOf(layer);
  const { kernel } = layer;
  const basis = Array.from({ length: rank }, () => gaussians(columns, 1, random));
  const coordinates = (direction: Float32Array) =>
    Array.from({ length: rows }, (_, row) => dot(rowOf(layer, row), direction));
  for (let round = 0; round < 12; round++) {
    for (const [i, direction] of basis.entries()) {
      const next = new Float32Array(columns);
      coordinates(direction).forEach((share, row) => rowOf(layer, row).forEach((w, j) => (next[j]! += share * w)));
      basis[i] = next;
    }
    orthonormalize(basis);
  }
  const result = new Float32Array(kernel.length);
  for (const direction of basis) {
    coordinates(direction).forEach((share, row) => {
      direction.forEach((value, j) => (result[row * columns + j]! += share * value));
    });
  }
  return result;
}

/** Gram–Schmidt, twice over, in place. */
function orthonormalize(basis: Float32Array[]): void {
  for (const [i, vector] of basis.entries()) {
    for (let pass = 0; pass < 2; pass++) {
      for (const earlier of basis.slice(0, i)) {
        const share = dot(vector, earlier);
        earlier.forEach((value, j) => (vector[j]! -= share * value));
      }
    }
    const length = norm(vector);
    vector.forEach((value, j) => (vector[j] = value / length));
  }
}

function withRows(layer: Layer, rows: number, kernel: Float32Array, bias: Float32Array): Layer {
  return layer.kind === 'dense' ? { ...layer, units: rows, kernel, bias } : { ...layer, filters: rows, kernel, bias };
}

function withColumns(layer: Layer, kernel: Float32Array): Layer {
  const columns = kernel.length / rowsOf(layer);
  return layer.kind === 'dense'
    ? { ...layer, inputs: columns, kernel }
    : { ...layer, channels: columns / (layer.height * layer.width), kernel };
}

const rowOf = (layer: Layer, row: number): Float32Array =>
  layer.kernel.subarray(row * columnsOf(layer), (row + 1) * columnsOf(layer));

function outOf(next: Layer, unit: number, block: number): Float32Array {
  return Float32Array.from({ length: rowsOf(next) * block }, (_, i) => {
    const row = Math.floor(i / block);
    return next.kernel[row * columnsOf(next) + unit * block + (i % block)]!;
  });
}

function joined(a: Float32Array, b: Float32Array): Float32Array {
  const both = new Float32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Box and Muller. */
function gaussians(count: number, sigma: number, random: RandomStream): Float32Array {
  return Float32Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
    return sigma * radius * Math.cos(2 * Math.PI * random.uniform());
  });
}

function deviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const norm = (values: Float32Array): number => Math.sqrt(dot(values, values));
