/** A stack as a network that the trainer can run and train on: its forward pass measures what a derived network still knows. */
import { tensorsOfRun } from '../../src/core/fingerprint/run-stack.ts';
import type { Layer, Stack } from '../../src/core/fingerprint/stack.ts';
import type { LoadedBackend } from '../../src/training/backends/backend.ts';
import { BatchFeed } from '../../src/training/batches.ts';
import { evaluate } from '../../src/training/evaluation.ts';
import { parseHyperparameters } from '../../src/training/hyperparameters.ts';
import type { ImageSet } from '../../src/training/idx.ts';
import { cnn } from '../../src/training/recipes/cnn.ts';
import { mlp } from '../../src/training/recipes/mlp.ts';
import type { PictureShape, Recipe } from '../../src/training/recipes/index.ts';
import { loadTensors } from '../../src/training/tensors.ts';

/** The recipe that trains and runs a stack, whatever its numbers of units. */
export function recipeOf({ layers }: Stack, picture: PictureShape): Recipe {
  const hidden = layers.slice(0, -1);
  const units = hidden.filter(({ kind }) => kind === 'dense').map(rowsOf);
  const [first, second] = hidden.filter(({ kind }) => kind === 'conv2d').map(rowsOf);
  return first === undefined ? mlp(units, picture) : cnn(units, picture, [first, second!]);
}

/** Share of a set's images that the network tells right. */
export async function accuracyOf(
  backend: LoadedBackend,
  stack: Stack,
  set: ImageSet,
  classes: number,
): Promise<number> {
  const { tf } = backend;
  const recipe = recipeOf(stack, { ...set, classes });
  const weights = loadTensors(tf, recipe.parameters, tensorsOfRun(stack), 'stack');
  const feed = new BatchFeed(tf, classes, parseHyperparameters({}));
  try {
    const score = await evaluate(tf, feed, classes, set, undefined, (images) => recipe.forward(tf, weights, images));
    return score.accuracy;
  } finally {
    tf.dispose(weights);
  }
}

export const rowsOf = (layer: Layer): number => (layer.kind === 'dense' ? layer.units : layer.filters);
export const columnsOf = (layer: Layer): number => layer.kernel.length / rowsOf(layer);
