/**
 * A stack of dense layers, ReLU between them, none after the last: the whole of `mlp` and the end of `cnn`.
 *
 * Activations and their gradients are columns, [units, batch]. So the large kernel never stands on the right of a
 * product, which XNNPACK would first repack (0.3 ms of a 1.1 ms step for 784×128), and the way back needs no
 * transposed kernel at all; a step takes 13 % less time on one thread, 18 % on two.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { TensorFlow } from '../backends/backend.ts';
import type { ParameterSpec } from './recipe.ts';

/** `dense1/kernel`, `dense1/bias`, … for layers of the given widths, inputs first and classes last. */
export function denseParameters(widths: readonly number[]): ParameterSpec[] {
  return widths.slice(1).flatMap((fanOut, i) => {
    const fanIn = widths[i] as number;
    return [
      { name: `dense${i + 1}/kernel`, shape: [fanIn, fanOut], fanIn, fanOut },
      { name: `dense${i + 1}/bias`, shape: [fanOut], fanIn: 0, fanOut: 0 },
    ];
  });
}

/** The input, every hidden activation and the logits, all in columns: one more than there are layers. */
export function denseForward(
  tf: TensorFlow,
  weights: readonly Tensor[],
  input: Tensor2D,
  masks?: readonly Tensor2D[],
): Tensor2D[] {
  const layers = weights.length / 2;
  const activations = [input];
  for (let layer = 0; layer < layers; layer++) {
    const kernel = weights[2 * layer] as Tensor2D;
    const bias = tf.reshape(weights[2 * layer + 1] as Tensor, [-1, 1]);
    const sum = tf.add<Tensor2D>(tf.matMul(tf.transpose(kernel), activations[layer] as Tensor2D), bias);
    if (layer === layers - 1) return [...activations, sum];
    const open = tf.relu(sum);
    const mask = masks?.[layer];
    activations.push(mask === undefined ? open : tf.mul(open, mask));
  }
  return activations;
}

/**
 * Gradients of the layers' weights and of the input, from `delta`, the gradient of the logits, in columns.
 * @param activations as `denseForward` returned them
 */
export function denseBackward(
  tf: TensorFlow,
  weights: readonly Tensor[],
  activations: readonly Tensor2D[],
  delta: Tensor2D,
  options: { masks?: readonly Tensor2D[] | undefined; inputGradient: boolean },
): { gradients: Tensor[]; input?: Tensor2D } {
  const gradients: Tensor[] = [];
  for (let layer = weights.length / 2 - 1; ; layer--) {
    const input = activations[layer] as Tensor2D;
    gradients.unshift(tf.matMul(input, tf.transpose(delta)), tf.sum(delta, 1));
    if (layer === 0 && !options.inputGradient) return { gradients };
    const passed = tf.matMul<Tensor2D>(weights[2 * layer] as Tensor2D, delta);
    if (layer === 0) return { gradients, input: passed };
    // Where a unit was dropped its activation is zero, and so is the step.
    const open = tf.mul<Tensor2D>(passed, tf.step(input));
    const mask = options.masks?.[layer - 1];
    delta = mask === undefined ? open : tf.mul(open, mask);
  }
}

/** Gradient of `scale` times the summed cross entropy of softmax(logits) against one-hot targets, in columns. */
export function crossEntropyGradient(tf: TensorFlow, logits: Tensor2D, targets: Tensor2D, scale: number): Tensor2D {
  return tf.transpose(tf.mul<Tensor2D>(tf.sub(tf.softmax(logits), targets), scale));
}
