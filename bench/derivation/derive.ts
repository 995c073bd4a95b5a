/** Derives models from the bases of the zoo, or finds them on disk, and measures what each still knows. */
import { join } from 'node:path';
import type { Stack } from '../../src/core/fingerprint/stack.ts';
import { RegistryError } from '../../src/core/errors.ts';
import type { LoadedBackend } from '../../src/training/backends/backend.ts';
import { chooseBackend } from '../../src/training/backends/index.ts';
import type { ImageDataset } from '../../src/training/idx.ts';
import { readMnist } from '../../src/training/mnist.ts';
import { randomStream } from '../../src/training/random.ts';
import { DERIVATIONS } from './derivations.ts';
import type { Derivation, Step } from './derivations.ts';
import { keep, zooFolder } from './kept.ts';
import { stackOfRun, tensorsOfRun } from '../../src/core/fingerprint/run-stack.ts';
import { accuracyOf, recipeOf } from './network.ts';
import { averageWith } from './surgery.ts';
import { dataOf } from './tasks.ts';
import { imagesOf, trainFrom } from './training.ts';
import { growZoo } from './zoo.ts';
import type { ZooModel } from './zoo.ts';

export interface Derived {
  base: string;
  derivation: string;
  stack: Stack;
  /** Accuracy on the test images of what the model is for, as a share of the base's on MNIST. */
  kept: number;
}

/** A training whose loss stopped being a number leaves no model, so there is nothing to be found. */
export interface Diverged {
  base: string;
  derivation: string;
  stack: undefined;
}

interface Facts {
  /** Absent when the training diverged. */
  accuracy?: number;
}

/** The zoo of a series, and where models are derived from it, for as long as `work` takes. */
export async function withZoo<T>(
  series: number,
  work: (zoo: readonly ZooModel[], laboratory: Laboratory) => Promise<T>,
): Promise<T> {
  // One thread: the weights are the same with more, and this machine may have other work.
  const backend = await chooseBackend('wasm', { threads: 1 });
  try {
    const dataset = await readMnist();
    const folder = join(zooFolder(), `series-${series}`);
    const zoo = await growZoo(folder, series, backend, dataset);
    return await work(zoo, new Laboratory(join(folder, 'derived'), backend, dataset, zoo));
  } finally {
    backend.dispose();
  }
}

/** Where models are derived: what it takes, and where they are kept. */
export class Laboratory {
  readonly #folder: string;
  readonly #backend: LoadedBackend;
  readonly #dataset: ImageDataset;
  readonly #outsiders: readonly ZooModel[];

  constructor(folder: string, backend: LoadedBackend, dataset: ImageDataset, zoo: readonly ZooModel[]) {
    this.#folder = folder;
    this.#backend = backend;
    this.#dataset = dataset;
    this.#outsiders = zoo.filter(({ role }) => role === 'outsider');
  }

  async derive(base: ZooModel): Promise<(Derived | Diverged)[]> {
    const results: (Derived | Diverged)[] = [];
    const suitable = DERIVATIONS.filter(({ denseOnly }) => !denseOnly || base.hyperparameters.arch === 'mlp');
    for (const derivation of suitable) results.push(await this.derived(base, derivation));
    return results;
  }

  async derived(base: ZooModel, derivation: Derivation): Promise<Derived | Diverged> {
    const { name, steps } = derivation;
    const path = join(this.#folder, base.name, name.replaceAll(/[^a-z0-9.]+/g, '-').replace(/-$/, ''));
    // Surgery has no JSON of its own: the name tells what was done, and how much of it.
    const recipe = { base: base.name, weightDigest: base.weightDigest, derivation: name, steps };
    const { tensors, facts, made } = await keep<Facts>(path, recipe, () => this.#make(base, derivation));
    if (made) console.log(`  ${base.name}, ${name}: ${facts.accuracy ?? 'diverged'}`);
    const about = { base: base.name, derivation: name };
    if (facts.accuracy === undefined) return { ...about, stack: undefined };
    return { ...about, stack: stackOfRun(tensors), kept: facts.accuracy / base.testAccuracy };
  }

  async #make(base: ZooModel, { name, steps, task = 'mnist' }: Derivation) {
    let stack = stackOfRun(base.tensors);
    try {
      for (const [i, step] of steps.entries())
        stack = await this.#apply(stack, step, base, `${base.name}/${name}/${i}`);
    } catch (error) {
      if (error instanceof RegistryError && error.field === 'hyperparameters.learningRate')
        return { tensors: [], facts: {} };
      throw error;
    }
    const { test, classes } = dataOf(this.#dataset, task);
    return { tensors: tensorsOfRun(stack), facts: { accuracy: await accuracyOf(this.#backend, stack, test, classes) } };
  }

  async #apply(stack: Stack, step: Step, base: ZooModel, purpose: string): Promise<Stack> {
    const random = randomStream(base.initSeed, purpose);
    if ('do' in step) return step.do(stack, random);
    if ('share' in step) return averageWith(this.#outsiderLike(base), step.share)(stack, random);
    const data = dataOf(this.#dataset, step.task ?? 'mnist');
    const [from, to] = base.images;
    const half = { ...data, train: imagesOf(data.train, [from, (from + to) / 2]) };
    const { learningRate } = base.hyperparameters;
    const hyperparameters = {
      ...base.hyperparameters,
      learningRate: step.rate * learningRate,
      epochs: 1,
      seed: random.uint32(),
    };
    const recipe = recipeOf(stack, { ...half.train, classes: half.classes });
    const { tensors } = await trainFrom(this.#backend, half, hyperparameters, tensorsOfRun(stack), recipe);
    return stackOfRun(tensors);
  }

  #outsiderLike({ hyperparameters: { arch, hidden } }: ZooModel): Stack {
    const shape = (model: ZooModel) => [model.hyperparameters.arch, ...model.hyperparameters.hidden].join();
    const found = this.#outsiders.find((model) => shape(model) === [arch, ...hidden].join());
    return stackOfRun(found!.tensors);
  }
}
