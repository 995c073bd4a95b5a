import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { stackOfRun, tensorsOfRun } from '../../../../src/core/fingerprint/run-stack.ts';
import { columnsOf, recipeOf, rowsOf } from '../../../../bench/derivation/network.ts';
import * as surgery from '../../../../bench/derivation/surgery.ts';
import type { Layer, Stack } from '../../../../src/core/fingerprint/stack.ts';
import { chooseBackend } from '../../../../src/training/backends/index.ts';
import type { ChosenBackend } from '../../../../src/training/backends/index.ts';
import { randomStream } from '../../../../src/training/random.ts';
import { cnn } from '../../../../src/training/recipes/cnn.ts';
import { initialValues } from '../../../../src/training/recipes/index.ts';
import { mlp } from '../../../../src/training/recipes/mlp.ts';
import { loadTensors } from '../../../../src/training/tensors.ts';

const PICTURE = { height: 14, width: 16, classes: 4 };
const IMAGES = 5;
const random = () => randomStream(7, 'surgery');

let backend: ChosenBackend;
beforeAll(async () => {
  backend = await chooseBackend('wasm', { threads: 1 });
});
afterAll(() => backend.dispose());

/** With biases that are not zero, so that they are seen to go where their units go. */
function networkOf(recipe: ReturnType<typeof mlp>): Stack {
  const stream = randomStream(3, 'network');
  const values = recipe.parameters.map((spec) =>
    spec.fanIn > 0
      ? initialValues(spec, stream)
      : Float32Array.from({ length: spec.shape[0]! }, () => stream.uniform()),
  );
  return stackOfRun(
    recipe.parameters.map(({ name, shape }, i) => ({
      name,
      shape,
      dtype: 'F32' as const,
      data: new Uint8Array(values[i]!.buffer),
    })),
  );
}

const NETWORKS: Record<string, () => Stack> = {
  mlp: () => networkOf(mlp([12, 8], PICTURE)),
  cnn: () => networkOf(cnn([8], PICTURE, [4, 6])),
};

const pictures = (): Float32Array => {
  const stream = randomStream(5, 'pictures');
  return Float32Array.from({ length: PICTURE.height * PICTURE.width * IMAGES }, () => stream.uniform());
};

/** What the trainer's forward pass gives. */
function answers(stack: Stack): number[] {
  const { tf } = backend;
  return tf.tidy(() => {
    const recipe = recipeOf(stack, PICTURE);
    const weights = loadTensors(tf, recipe.parameters, tensorsOfRun(stack), 'stack');
    const images: Tensor2D = tf.tensor2d(pictures(), [PICTURE.height * PICTURE.width, IMAGES]);
    return [...recipe.forward(tf, weights, images).dataSync()];
  });
}

/** The same by the definition of a stack: planes `[channel][row][column]`, flattened as they lie. */
function answersByDefinition({ layers }: Stack): number[] {
  const values = pictures();
  return Array.from({ length: IMAGES }, (_, image) => {
    let signal = Array.from({ length: PICTURE.height * PICTURE.width }, (__, i) => values[i * IMAGES + image]!);
    let [height, width] = [PICTURE.height, PICTURE.width];
    layers.forEach((layer, index) => {
      if (layer.kind === 'conv2d') {
        const border = index === 0 ? 2 : 0;
        [signal, height, width] = convolved(layer, signal, height, width, border);
        [signal, height, width] = pooled(signal, height, width);
        return;
      }
      signal = Array.from({ length: layer.units }, (__, unit) => {
        const row = layer.kernel.subarray(unit * layer.inputs, (unit + 1) * layer.inputs);
        return row.reduce((sum, weight, i) => sum + weight * signal[i]!, layer.bias![unit]!);
      });
      if (index < layers.length - 1) signal = signal.map((value) => Math.max(0, value));
    });
    return signal;
  }).flat();
}

function convolved(
  layer: Extract<Layer, { kind: 'conv2d' }>,
  signal: number[],
  height: number,
  width: number,
  border: number,
): [number[], number, number] {
  const [high, wide] = [height + 2 * border - layer.height + 1, width + 2 * border - layer.width + 1];
  const at = (channel: number, y: number, x: number) =>
    y < 0 || x < 0 || y >= height || x >= width ? 0 : signal[(channel * height + y) * width + x]!;
  const result: number[] = [];
  for (let filter = 0; filter < layer.filters; filter++) {
    for (let y = 0; y < high; y++) {
      for (let x = 0; x < wide; x++) {
        let sum = layer.bias![filter]!;
        for (let i = 0; i < layer.channels * layer.height * layer.width; i++) {
          const [channel, dy, dx] = [
            Math.floor(i / (layer.height * layer.width)),
            Math.floor(i / layer.width) % layer.height,
            i % layer.width,
          ];
          sum += layer.kernel[filter * columnsOf(layer) + i]! * at(channel, y + dy - border, x + dx - border);
        }
        result.push(Math.max(0, sum));
      }
    }
  }
  return [result, high, wide];
}

function pooled(signal: number[], height: number, width: number): [number[], number, number] {
  const [high, wide] = [Math.floor(height / 2), Math.floor(width / 2)];
  const result: number[] = [];
  for (let channel = 0; channel < signal.length / (height * width); channel++) {
    for (let y = 0; y < high; y++) {
      for (let x = 0; x < wide; x++) {
        const from = (channel * height + 2 * y) * width + 2 * x;
        const four = [0, 1, width, width + 1].map((offset) => signal[from + offset]!);
        result.push(four.reduce((sum, value) => sum + value, 0) / 4);
      }
    }
  }
  return [result, high, wide];
}

function expectClose(actual: number[], expected: number[], error = 1e-4): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(error));
}

describe.each(Object.keys(NETWORKS))('%s', (name) => {
  const stack = NETWORKS[name]!;

  it('as a stack means what the trainer computes', () => {
    expectClose(answersByDefinition(stack()), answers(stack()));
  });

  it('comes back from a stack as the tensors it was read from', () => {
    const tensors = tensorsOfRun(stack());
    expect(tensorsOfRun(stackOfRun(tensors))).toEqual(tensors);
  });

  it.each(['permute', 'rescale', 'rescaleLayers', 'permuteAndRescale'] as const)(
    '%s: other weights, the same answers',
    (what) => {
      const changed = surgery[what](stack(), random());
      changed.layers.forEach((layer, i) => expect(layer.kernel).not.toEqual(stack().layers[i]!.kernel));
      expectClose(answers(changed), answers(stack()));
    },
  );

  it('splitting gives more units and the same answers', () => {
    const changed = surgery.splitUnits(0.5)(stack(), random());
    expect(changed.layers.map(rowsOf)).toEqual(
      stack().layers.map((layer, i, { length }) => (i === length - 1 ? 1 : 1.5) * rowsOf(layer)),
    );
    expectClose(answers(changed), answers(stack()));
  });

  it('an inserted identity layer changes the answers by its noise alone', () => {
    const changed = surgery.insertIdentity(stack(), random());
    expect(changed.layers).toHaveLength(stack().layers.length + 1);
    expect(new Set(changed.layers.map((layer) => layer.name)).size).toBe(changed.layers.length);
    expectClose(answers(changed), answers(stack()), 0.1);
  });

  it('dropping, adding and replacing leave a network that runs', () => {
    const units = stack().layers.map(rowsOf);
    for (const [share, change] of [
      [0.5, surgery.dropUnits(0.5)],
      [0.5, surgery.dropWeakest(0.5)],
      [1.5, surgery.addUnits(0.5)],
      [1, surgery.replaceLast],
    ] as const) {
      const changed = change(stack(), random());
      expect(changed.layers.map(rowsOf)).toEqual(units.map((of, i) => (i === units.length - 1 ? of : share * of)));
      expect(answers(changed).every(Number.isFinite)).toBe(true);
      expect(answers(changed)).not.toEqual(answers(stack()));
    }
  });

  it('prunes the smallest weights and no others', () => {
    const [before, after] = [stack(), surgery.prune(0.75)(stack(), random())];
    after.layers.forEach(({ kernel }, i) => {
      const old = before.layers[i]!.kernel;
      const gone = old.filter((_, j) => kernel[j] === 0).map(Math.abs);
      const left = kernel.filter((weight) => weight !== 0);
      expect(gone).toHaveLength(Math.round(0.75 * old.length));
      expect(Math.max(...gone)).toBeLessThanOrEqual(Math.min(...left.map(Math.abs)));
    });
  });

  it('quantizes each unit to the levels that the bits allow', () => {
    const { layers } = surgery.quantize(3)(stack(), random());
    for (const layer of layers) {
      for (let unit = 0; unit < rowsOf(layer); unit++) {
        const row = layer.kernel.subarray(unit * columnsOf(layer), (unit + 1) * columnsOf(layer));
        expect(new Set(row.map(Math.abs)).size).toBeLessThanOrEqual(4);
      }
    }
  });

  it('merging the last layers multiplies them', () => {
    const { layers } = stack();
    const merged = surgery.mergeLast(stack(), random());
    expect(merged.layers).toHaveLength(layers.length - 1);
    // Without what ReLU cuts off, two layers are the merged one.
    const [below, above] = layers.slice(-2) as [Layer, Layer];
    const input = Array.from({ length: columnsOf(below) }, (_, i) => Math.sin(i));
    expectClose(linear(merged.layers.at(-1)!, input), linear(above, linear(below, input)));
  });

  it('shifting all outputs alike changes how far apart no two of them are', () => {
    const changed = surgery.shiftOutputs(stack(), random());
    const apart = (all: number[]) => all.map((value, i) => value - all[i - (i % PICTURE.classes)]!);
    expect(answers(changed)).not.toEqual(answers(stack()));
    expectClose(apart(answers(changed)), apart(answers(stack())), 1e-3);
  });

  it('an average of a network with itself is that network', () => {
    const mean = surgery.averageWith(stack(), 0.75)(stack(), random());
    mean.layers.forEach((layer, i) => expectClose([...layer.kernel], [...stack().layers[i]!.kernel], 1e-6));
  });
});

it('an identity layer in front of the first one leaves the answers', () => {
  const stack = NETWORKS['mlp']!();
  expectClose(answers(surgery.insertInFront(stack, random())), answers(stack), 0.1);
});

it('cutting the rank loses nothing of a kernel of that rank, and leaves no more than it', () => {
  const stack = NETWORKS['mlp']!();
  const cut = surgery.lowRank(0.25)(stack, random());
  const again = surgery.lowRank(0.25)(cut, randomStream(8, 'another'));
  expect(cut.layers[0]!.kernel).not.toEqual(stack.layers[0]!.kernel);
  cut.layers.forEach((layer, i) => expectClose([...again.layers[i]!.kernel], [...layer.kernel]));
});

function linear(layer: Layer, input: number[]): number[] {
  return Array.from({ length: rowsOf(layer) }, (_, unit) =>
    input.reduce((sum, value, i) => sum + value * layer.kernel[unit * columnsOf(layer) + i]!, layer.bias![unit]!),
  );
}
