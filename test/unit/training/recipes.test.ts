/** The hand-written gradients against numerical differentiation, on tfjs's plain CPU backend. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { parseHyperparameters } from '../../../src/training/hyperparameters.ts';
import { createOptimizer } from '../../../src/training/optimizers.ts';
import { randomStream } from '../../../src/training/random.ts';
import type { RandomStream } from '../../../src/core/random.ts';
import { createRecipe, initialValues } from '../../../src/training/recipes/index.ts';
import type { Batch, PictureShape, Recipe } from '../../../src/training/recipes/index.ts';

beforeAll(async () => {
  // Keeps the backend from advertising another one on the console.
  tf.env().set('PROD', true);
  expect(await tf.setBackend('cpu')).toBe(true);
});
afterAll(() => tf.disposeVariables());

const uniform = (shape: number[], random: RandomStream, low = 0, high = 1) =>
  tf.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => low + (high - low) * random.uniform()),
    shape,
  );

interface Case {
  recipe: Recipe;
  weights: Tensor[];
  batch: Batch;
}

function makeCase(hyperparameters: object, shape: PictureShape, rows: number, masked: boolean): Case {
  const parsed = parseHyperparameters(hyperparameters);
  const recipe = createRecipe(parsed, shape);
  const random = randomStream(7, 'test');
  const weights = recipe.parameters.map((spec) =>
    spec.fanIn === 0 ? uniform(spec.shape, random, -0.3, 0.3) : tf.tensor(initialValues(spec, random), spec.shape),
  );
  const labels = Array.from({ length: rows }, (_, i) => (3 * i) % shape.classes);
  const targets = tf.tensor2d(
    labels.map((label) => Array.from({ length: shape.classes }, (_, i) => Number(i === label))),
  );
  const masks = parsed.hidden.map((units) =>
    tf.mul<Tensor2D>(tf.cast(tf.greater(uniform([units, rows], random), 0.4), 'float32'), 1 / 0.6),
  );
  const images = uniform([shape.height * shape.width, rows], random) as Tensor2D;
  return { recipe, weights, batch: { images, targets, ...(masked ? { masks } : {}) } };
}

/** Summed cross entropy; in double precision from the logits on, so that small differences survive. */
function lossOf({ recipe, batch }: Case, weights: readonly Tensor[]): number {
  return tf.tidy(() => {
    const logits = recipe.step(tf, weights, batch, 1).logits.arraySync();
    const targets = batch.targets.arraySync();
    return logits.reduce((sum, row, i) => {
      const largest = Math.max(...row);
      const total = Math.log(row.reduce((s, z) => s + Math.exp(z - largest), 0)) + largest;
      return sum + total - row.reduce((s, z, k) => s + z * (targets[i]?.[k] as number), 0);
    }, 0);
  });
}

const CASES: [string, () => Case][] = [
  ['mlp', () => makeCase({ hidden: [6] }, { height: 3, width: 4, classes: 3 }, 5, false)],
  ['mlp with two hidden layers', () => makeCase({ hidden: [7, 5] }, { height: 3, width: 4, classes: 4 }, 6, false)],
  ['mlp with dropout', () => makeCase({ hidden: [9, 8], dropout: 0.4 }, { height: 3, width: 4, classes: 4 }, 6, true)],
  ['cnn', () => makeCase({ arch: 'cnn', hidden: [10] }, { height: 12, width: 14, classes: 3 }, 2, false)],
  ['cnn on odd sizes', () => makeCase({ arch: 'cnn', hidden: [10] }, { height: 15, width: 17, classes: 3 }, 2, false)],
];

describe.each(CASES)('the gradients of %s', (_name, make) => {
  it('are those that numerical differentiation finds', () => {
    const kase = make();
    const { gradients } = kase.recipe.step(tf, kase.weights, kase.batch, 1);
    const random = randomStream(8, 'directions');
    kase.weights.forEach((weight, index) => {
      const gradient = gradients[index] as Tensor;
      // Along its own direction a gradient shows its length, along random ones a wrong value anywhere in it.
      const directions = [gradient, ...Array.from({ length: 3 }, () => uniform(weight.shape, random, -1, 1))];
      let squaredError = 0;
      let squaredSize = 0;
      for (const direction of directions.map((each) => tf.div(each, tf.norm(each)))) {
        const step = 2e-3;
        const lossAt = (side: number) =>
          lossOf(kase, kase.weights.with(index, tf.add(weight, tf.mul(direction, side * step))));
        const numerical = (lossAt(1) - lossAt(-1)) / (2 * step);
        const analytical = tf.sum(tf.mul(direction, gradient)).dataSync()[0] as number;
        squaredError += (analytical - numerical) ** 2;
        squaredSize += numerical ** 2;
      }
      // 32-bit floats, and ReLU's corners within a step, leave a few per mille.
      expect(Math.sqrt(squaredError / squaredSize)).toBeLessThan(0.01);
    });
  });

  it('carry the scale that was asked for, and the shape of their parameter', () => {
    const kase = make();
    const whole = kase.recipe.step(tf, kase.weights, kase.batch, 1).gradients;
    const { gradients } = kase.recipe.step(tf, kase.weights, kase.batch, 0.25);
    gradients.forEach((gradient, i) => {
      const difference = tf.max(tf.abs(tf.sub(tf.mul(whole[i] as Tensor, 0.25), gradient))).dataSync()[0];
      expect(difference).toBeLessThan(1e-6);
      expect(gradient.shape).toEqual(kase.recipe.parameters[i]?.shape);
    });
  });

  it('leave the forward pass without dropout equal to prediction', () => {
    const { recipe, weights, batch } = make();
    const { images, targets } = batch;
    const { logits } = recipe.step(tf, weights, { images, targets }, 1);
    expect(logits.arraySync()).toEqual(recipe.forward(tf, weights, images).arraySync());
  });
});

describe('a recipe', () => {
  it('names its tensors stably, inputs before outputs', () => {
    const shape = { height: 28, width: 28, classes: 10 };
    const names = (hyperparameters: object) =>
      createRecipe(parseHyperparameters(hyperparameters), shape).parameters.map(({ name, shape }) => [name, ...shape]);
    expect(names({})).toEqual([
      ['dense1/kernel', 784, 128],
      ['dense1/bias', 128],
      ['dense2/kernel', 128, 10],
      ['dense2/bias', 10],
    ]);
    expect(names({ arch: 'cnn' })).toEqual([
      ['conv1/kernel', 5, 5, 1, 8],
      ['conv1/bias', 8],
      ['conv2/kernel', 5, 5, 8, 16],
      ['conv2/bias', 16],
      ['dense1/kernel', 400, 128],
      ['dense1/bias', 128],
      ['dense2/kernel', 128, 10],
      ['dense2/bias', 10],
    ]);
  });

  it('refuses pictures that its convolutions would use up', () => {
    expect(() => createRecipe(parseHyperparameters({ arch: 'cnn' }), { height: 11, width: 28, classes: 2 })).toThrow(
      expect.objectContaining({ code: 'invalid_input', field: 'hyperparameters.arch' }),
    );
  });
});

describe('an optimizer', () => {
  const gradientsOf = [0.5, -0.25, 1];

  function run(hyperparameters: object): number {
    const optimizer = createOptimizer(parseHyperparameters(hyperparameters));
    let weights: Tensor[] = [tf.scalar(1)];
    let state: Tensor[] = optimizer.slots.map(() => tf.scalar(0));
    gradientsOf.forEach((gradient, i) => {
      ({ weights, state } = optimizer.apply(tf, weights, [tf.scalar(gradient * optimizer.scale)], state, i + 1));
    });
    return weights[0]?.dataSync()[0] as number;
  }

  // Expected values: the published formulas in double precision, in Python.
  it('does what plain gradient descent does', () => {
    expect(run({ optimizer: 'sgd', learningRate: 0.1 })).toBeCloseTo(0.875, 6);
  });

  it('does what momentum does', () => {
    expect(run({ optimizer: 'momentum', learningRate: 0.1, momentum: 0.9 })).toBeCloseTo(0.812, 6);
  });

  it('does what Adam does', () => {
    expect(run({ optimizer: 'adam', learningRate: 0.1 })).toBeCloseTo(0.8075551727, 6);
  });
});
