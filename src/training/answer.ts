/**
 * What a model answers to pictures: a model of one of the architectures here, told by its tensors' names and shapes. It is
 * run on `wasm`; probabilities are rounded, so that machines whose last bits differ answer the same.
 */
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { Answers } from '../core/behaviour/answers.ts';
import { largest } from '../core/behaviour/answers.ts';
import type { Pictures } from '../core/behaviour/challenges.ts';
import { RegistryError } from '../core/errors.ts';
import type { Tensor } from '../core/weights/safetensors.ts';
import type { LoadedBackend } from './backends/backend.ts';
import type { Hyperparameters } from './hyperparameters.ts';
import { hyperparametersSchema } from './hyperparameters.ts';
import { createRecipe } from './recipes/index.ts';
import { loadTensors } from './tensors.ts';

export type ToldAnswers = Answers & { probabilities: readonly (readonly number[])[] };

const BATCH = 500;
const PROBABILITY_DIGITS = 6;

/** @throws RegistryError `unsupported_container` for tensors of no architecture here, or of one for other pictures */
export function answerWith(
  { tf }: Pick<LoadedBackend, 'tf'>,
  tensors: readonly Tensor[],
  pictures: Pictures,
): ToldAnswers {
  const { hyperparameters, classes } = architectureOf(tensors);
  const { height, width, count } = pictures;
  const recipe = createRecipe(hyperparameters, { height, width, classes });
  const weights = loadWeights(() => loadTensors(tf, recipe.parameters, tensors, 'weights'));
  try {
    const probabilities: number[][] = [];
    for (let from = 0; from < count; from += BATCH) {
      const logits = tf.tidy(() => recipe.forward(tf, weights, columnsOf(tf, pictures, from)).dataSync<'float32'>());
      for (let at = 0; at < logits.length; at += classes)
        probabilities.push(softmax(logits.subarray(at, at + classes)));
    }
    return { classes, labels: probabilities.map(largest), probabilities };
  } finally {
    tf.dispose(weights);
  }
}

function architectureOf(tensors: readonly Tensor[]): { hyperparameters: Hyperparameters; classes: number } {
  const units = new Map(
    tensors.flatMap(({ name, shape }): [number, number][] => {
      const layer = /^dense(\d)\/bias$/.exec(name)?.[1];
      return layer === undefined ? [] : [[Number(layer), shape[0] ?? 0]];
    }),
  );
  const widths = Array.from(units, (_, i) => units.get(i + 1) ?? 0);
  const classes = widths.pop();
  const arch = tensors.some(({ name }) => name === 'conv1/kernel') ? 'cnn' : 'mlp';
  const read = hyperparametersSchema.safeParse({ arch, hidden: widths });
  if (read.success && classes !== undefined && classes >= 2) return { hyperparameters: read.data, classes };
  throw unknown();
}

function loadWeights<T>(load: () => T): T {
  try {
    return load();
  } catch (cause) {
    throw cause instanceof RegistryError ? unknown(cause) : cause;
  }
}

const unknown = (cause?: unknown): RegistryError =>
  new RegistryError('unsupported_container', 'The weights are of no architecture that is run here on these pictures.', {
    field: 'weights',
    fix: 'Let the model answer the pictures of "muniment behaviour challenges" where it runs, and give its answers as a file.',
    cause,
  });

/** [height·width, batch], 0 … 1: as in training, a column for each picture. */
function columnsOf(tf: LoadedBackend['tf'], { pixels, height, width, count }: Pictures, from: number): Tensor2D {
  const size = height * width;
  const columns = Math.min(BATCH, count - from);
  const values = new Float32Array(size * columns);
  for (let column = 0; column < columns; column++) {
    for (let i = 0; i < size; i++) values[i * columns + column] = pixels[(from + column) * size + i]! / 255;
  }
  return tf.tensor2d(values, [size, columns]);
}

function softmax(logits: Float32Array): number[] {
  const most = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => Number((power / sum).toFixed(PROBABILITY_DIGITS)));
}
