import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stackOfRun, tensorsOfRun } from '../../../../src/core/fingerprint/run-stack.ts';
import { recipeOf, rowsOf } from '../../../../bench/derivation/network.ts';
import { dropUnits } from '../../../../bench/derivation/surgery.ts';
import { dataOf } from '../../../../bench/derivation/tasks.ts';
import { initialTensors, trainFrom } from '../../../../bench/derivation/training.ts';
import { chooseBackend } from '../../../../src/training/backends/index.ts';
import type { ChosenBackend } from '../../../../src/training/backends/index.ts';
import { parseHyperparameters } from '../../../../src/training/hyperparameters.ts';
import { readIdxFolder } from '../../../../src/training/idx.ts';
import type { ImageDataset } from '../../../../src/training/idx.ts';
import { randomStream } from '../../../../src/training/random.ts';
import { train } from '../../../../src/training/trainer.ts';
import { removeFolders, smallMnist, hashTensors } from '../../training/fixture.ts';

let dataset: ImageDataset;
let backend: ChosenBackend;
beforeAll(async () => {
  dataset = await readIdxFolder(await smallMnist(640, 200));
  backend = await chooseBackend('wasm', { threads: 1 });
});
afterAll(async () => {
  backend.dispose();
  await removeFolders();
});

describe.each(['sgd', 'momentum', 'adam'] as const)('%s', (optimizer) => {
  const hyperparameters = parseHyperparameters({ hidden: [16], epochs: 1, optimizer, seed: 5 });

  it('with one seed for both draws, trains what a run of that seed trains', async () => {
    const run = await train({ hyperparameters, dataset, backend });
    const start = initialTensors(hyperparameters, 5, dataset);
    const { tensors } = await trainFrom(backend, dataset, hyperparameters, start);
    expect(hashTensors(tensors)).toBe(hashTensors(run.tensors));
  });
});

it('the seed of the weights and the seed of the order both change what is trained', async () => {
  const trained = async (init: number, order: number) => {
    const hyperparameters = parseHyperparameters({ hidden: [16], epochs: 1, seed: order });
    const start = initialTensors(hyperparameters, init, dataset);
    return (await trainFrom(backend, dataset, hyperparameters, start)).weightDigest;
  };
  expect(new Set([await trained(1, 1), await trained(1, 2), await trained(2, 1)]).size).toBe(3);
});

it('trains a network on whose widths are not the recipe’s', async () => {
  const hyperparameters = parseHyperparameters({ arch: 'cnn', hidden: [16], epochs: 1, optimizer: 'momentum' });
  const whole = stackOfRun(initialTensors(hyperparameters, 5, dataset));
  const cut = dropUnits(0.25)(whole, randomStream(1, 'cut'));
  const recipe = recipeOf(cut, { ...dataset.train, classes: dataset.classes });
  const { tensors } = await trainFrom(backend, dataset, hyperparameters, tensorsOfRun(cut), recipe);
  const trained = stackOfRun(tensors);
  expect(trained.layers.map(rowsOf)).toEqual([6, 12, 12, 10]);
  trained.layers.forEach(({ kernel }, i) => expect(kernel).not.toEqual(cut.layers[i]!.kernel));
});

it('other data is the same pictures, changed as it says', () => {
  const { train: before } = dataset;
  const { height, width } = before;
  expect(dataOf(dataset, 'inverted labels').train.labels[3]).toBe(9 - before.labels[3]!);
  expect(dataOf(dataset, 'inverted images').test.pixels[100]).toBe(255 - dataset.test.pixels[100]!);
  const shifted = dataOf(dataset, 'shifted images').train.pixels;
  const at = (pixels: Uint8Array, y: number, x: number) => pixels[(height + y) * width + x];
  for (let y = 4; y < height; y++) {
    for (let x = 0; x < width - 3; x++) expect(at(shifted, y, x)).toBe(at(before.pixels, y - 4, x + 3));
  }
  expect(at(shifted, 3, 10)).toBe(0);
});
