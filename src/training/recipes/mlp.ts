/** `mlp`: the pixels through dense layers. With one hidden layer of 128 units it is the reference recipe's network. */
import { crossEntropyGradient, denseBackward, denseForward, denseParameters } from './dense.ts';
import type { PictureShape, Recipe } from './recipe.ts';

export function mlp(hidden: readonly number[], { height, width, classes }: PictureShape): Recipe {
  return {
    parameters: denseParameters([height * width, ...hidden, classes]),
    forward: (tf, weights, images) => denseForward(tf, weights, images).at(-1) as ReturnType<Recipe['forward']>,
    step: (tf, weights, { images, targets, masks }, scale) => {
      const activations = denseForward(tf, weights, images, masks);
      const logits = activations.at(-1) as ReturnType<Recipe['forward']>;
      const delta = crossEntropyGradient(tf, logits, targets, scale);
      const options = { inputGradient: false, ...(masks === undefined ? {} : { masks }) };
      return { logits, gradients: denseBackward(tf, weights, activations, delta, options).gradients };
    },
  };
}
