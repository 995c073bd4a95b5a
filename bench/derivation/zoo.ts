/** The zoo, trained or found on disk, with Muniment's own trainer on `wasm` and MNIST. */
import { join } from 'node:path';
import type { Tensor } from '../../src/core/weights/safetensors.ts';
import type { LoadedBackend } from '../../src/training/backends/backend.ts';
import type { ImageDataset } from '../../src/training/idx.ts';
import { keep } from './kept.ts';
import { planZoo } from './plan.ts';
import type { Member } from './plan.ts';
import { imagesOf, initialTensors, trainFrom } from './training.ts';

export interface ZooModel extends Member {
  tensors: Tensor[];
  weightDigest: string;
  testAccuracy: number;
}

export async function growZoo(
  folder: string,
  series: number,
  backend: LoadedBackend,
  dataset: ImageDataset,
): Promise<ZooModel[]> {
  const plan = planZoo(series);
  const zoo: ZooModel[] = [];
  for (const member of plan) {
    const { initSeed, images, hyperparameters, name } = member;
    const { facts, tensors, made } = await keep(join(folder, name), member, async () => {
      const data = { ...dataset, train: imagesOf(dataset.train, images) };
      const start = initialTensors(hyperparameters, initSeed, data);
      const { tensors, ...facts } = await trainFrom(backend, data, hyperparameters, start);
      return { tensors, facts: { ...facts, environment: backend.info } };
    });
    zoo.push({ ...member, tensors, weightDigest: facts.weightDigest, testAccuracy: facts.testAccuracy });
    if (made) {
      const { testAccuracy, seconds } = facts;
      console.log(
        `  ${zoo.length}/${plan.length} ${name}: ${testAccuracy} of the test images, ${seconds.toFixed(1)} s`,
      );
    }
  }
  return zoo;
}
