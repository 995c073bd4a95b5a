/** `mlp`: the pixels through dense layers. With one hidden layer of 128 units it is the reference recipe's network. */
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { crossEntropyGradient, denseBackward, denseForward, denseParameters } from './dense.ts';
import type { PictureShape, Recipe } from './recipe.ts';

export function mlp(hidden: readonly number[], { height, width, classes }: PictureShape): Recipe {
  return {
    parameters: denseParameters([height * width, ...hidden, classes]),
    forward: (tf, weights, images) => tf.transpose(denseForward(tf, weights, images).at(-1) as Tensor2D),
    step: (tf, weights, { images, targets, masks }, scale) => {
      const activations = denseForward(tf, weights, images, masks);
      const logits = tf.transpose(activations.at(-1) as Tensor2D);
      const delta = crossEntropyGradient(tf, logits, targets, scale);
      const { gradients } = denseBackward(tf, weights, activations, delta, { masks, inputGradient: false });
      return { logits, gradients };
    },
  };
}
