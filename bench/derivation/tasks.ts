/** Other data that a derived model may be trained on: MNIST, changed. */
import type { ImageDataset, ImageSet } from '../../src/training/idx.ts';
import type { Data } from './training.ts';

export type Task = keyof typeof TASKS;

export const TASKS = {
  mnist: (set: ImageSet) => set,
  'inverted labels': (set: ImageSet) => ({ ...set, labels: set.labels.map((label) => 9 - label) }),
  'inverted images': (set: ImageSet) => ({ ...set, pixels: set.pixels.map((pixel) => 255 - pixel) }),
  'shifted images': (set: ImageSet) => shifted(set, 4, -3),
} as const;

export const dataOf = (dataset: ImageDataset, task: Task): Data => ({
  train: TASKS[task](dataset.train),
  test: TASKS[task](dataset.test),
  classes: dataset.classes,
});

/** Down and to the right, black where nothing was. */
function shifted(set: ImageSet, down: number, right: number): ImageSet {
  const { height, width } = set;
  const pixels = new Uint8Array(set.pixels.length);
  for (let image = 0; image < set.count; image++) {
    for (let y = Math.max(0, down); y < Math.min(height, height + down); y++) {
      for (let x = Math.max(0, right); x < Math.min(width, width + right); x++) {
        const from = (image * height + y - down) * width + x - right;
        pixels[(image * height + y) * width + x] = set.pixels[from]!;
      }
    }
  }
  return { ...set, pixels };
}
