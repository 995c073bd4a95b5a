/** Trains with Muniment's own trainer from given weights on, so that the draws of the weights and of the batches are apart. */
import { weightDigestOf } from '../../src/core/weights/digest.ts';
import type { Tensor } from '../../src/core/weights/safetensors.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import type { LoadedBackend } from '../../src/training/backends/backend.ts';
import type { Hyperparameters } from '../../src/training/hyperparameters.ts';
import type { ImageDataset, ImageSet } from '../../src/training/idx.ts';
import { createOptimizer } from '../../src/training/optimizers.ts';
import { randomStream } from '../../src/training/random.ts';
import { createRecipe, initialValues } from '../../src/training/recipes/index.ts';
import { train } from '../../src/training/trainer.ts';

export interface Trained {
  tensors: Tensor[];
  weightDigest: string;
  /** On the test images, after the last epoch. */
  testAccuracy: number;
  seconds: number;
}

export type Data = Pick<ImageDataset, 'train' | 'test' | 'classes'>;

/**
 * @param start weights to go on from, the optimizer's state being zero
 * @throws RegistryError when the training diverges
 */
export async function trainFrom(
  backend: LoadedBackend,
  dataset: Data,
  hyperparameters: Hyperparameters,
  start: readonly Tensor[],
  recipe = createRecipe(hyperparameters, { ...dataset.train, classes: dataset.classes }),
): Promise<Trained> {
  const optimizerTensors = createOptimizer(hyperparameters).slots.flatMap((slot) =>
    start.map(({ name, shape, data }) => ({
      name: `${name}/${slot}`,
      dtype: 'F32' as const,
      shape,
      data: new Uint8Array(data.length),
    })),
  );
  const resumeFrom = { epoch: 0, tensors: start, optimizerTensors };
  const { tensors, epochs } = await train({ hyperparameters, dataset, backend, recipe, resumeFrom });
  return {
    tensors,
    weightDigest: weightDigestOf(sha256, tensors).weightDigest,
    testAccuracy: epochs.at(-1)!.testAccuracy,
    seconds: epochs.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

/** The first weights of a run with this seed, as the trainer draws them. */
export function initialTensors(hyperparameters: Hyperparameters, seed: number, { train, classes }: Data): Tensor[] {
  return createRecipe(hyperparameters, { ...train, classes }).parameters.map((spec) => ({
    name: spec.name,
    dtype: 'F32' as const,
    shape: spec.shape,
    data: new Uint8Array(initialValues(spec, randomStream(seed, `init/${spec.name}`)).buffer),
  }));
}

export function imagesOf(set: ImageSet, [from, to]: readonly [number, number]): ImageSet {
  const size = set.height * set.width;
  return {
    ...set,
    count: to - from,
    pixels: set.pixels.subarray(from * size, to * size),
    labels: set.labels.subarray(from, to),
  };
}
