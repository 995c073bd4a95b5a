/**
 * How gradients change weights. An optimizer's state is a list of tensors beside the weights, part of a checkpoint.
 *
 *  - `sgd`       w ← w − η·g
 *  - `momentum`  v ← μ·v + η·g, w ← w − v (v holds the learning rate η already, so no extra product is needed)
 *  - `adam`      Kingma and Ba (2015), β₁ 0.9, β₂ 0.999, ε 10⁻⁷
 */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { TensorFlow } from './backends/backend.ts';
import type { Hyperparameters } from './hyperparameters.ts';

export interface Optimizer {
  /** Names of its state tensors, each kept once for every parameter: `dense1/kernel/velocity`. */
  readonly slots: readonly string[];
  /** What the gradients of the mean loss must be multiplied with before they are handed over. */
  readonly scale: number;
  /**
   * New weights and state; the old ones stay untouched.
   * @param state slot by slot, each in the order of the weights
   * @param step number of the step, from 1, over the whole run
   */
  apply(
    tf: TensorFlow,
    weights: readonly Tensor[],
    gradients: readonly Tensor[],
    state: readonly Tensor[],
    step: number,
  ): { weights: Tensor[]; state: Tensor[] };
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-7;

export function createOptimizer({ optimizer, learningRate, momentum }: Hyperparameters): Optimizer {
  switch (optimizer) {
    case 'sgd':
      return {
        slots: [],
        scale: learningRate,
        apply: (tf, weights, gradients) => ({
          weights: weights.map((weight, i) => tf.sub(weight, gradients[i] as Tensor)),
          state: [],
        }),
      };
    case 'momentum':
      return {
        slots: ['velocity'],
        scale: learningRate,
        apply: (tf, weights, gradients, velocities) => {
          const state = velocities.map((velocity, i) => tf.add(tf.mul(velocity, momentum), gradients[i] as Tensor));
          return { weights: weights.map((weight, i) => tf.sub(weight, state[i] as Tensor)), state };
        },
      };
    case 'adam':
      return {
        slots: ['first-moment', 'second-moment'],
        scale: 1,
        apply: (tf, weights, gradients, moments, step) => {
          const firsts = gradients.map((gradient, i) =>
            tf.add(tf.mul(moments[i] as Tensor, BETA1), tf.mul(gradient, 1 - BETA1)),
          );
          const seconds = gradients.map((gradient, i) =>
            tf.add(tf.mul(moments[weights.length + i] as Tensor, BETA2), tf.mul(tf.square(gradient), 1 - BETA2)),
          );
          const rate = learningRate / (1 - power(BETA1, step));
          const correction = 1 / (1 - power(BETA2, step));
          const changed = weights.map((weight, i) => {
            const spread = tf.add(tf.sqrt(tf.mul(seconds[i] as Tensor, correction)), EPSILON);
            return tf.sub(weight, tf.div(tf.mul(firsts[i] as Tensor, rate), spread));
          });
          return { weights: changed, state: [...firsts, ...seconds] };
        },
      };
  }
}

/** By repeated squaring: `Math.pow` may differ in the last bit from one machine to the next. */
function power(base: number, exponent: number): number {
  let result = 1;
  for (let rest = exponent, square = base; rest > 0; rest = Math.floor(rest / 2), square *= square) {
    if (rest % 2 === 1) result *= square;
  }
  return result;
}
