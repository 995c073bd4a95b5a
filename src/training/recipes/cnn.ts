/**
 * `cnn`, LeNet-like (LeCun et al. 1998): convolution 5×5 to 8 maps (padded to keep the size), ReLU, average pooling 2×2,
 * convolution 5×5 to 16 maps (unpadded), ReLU, average pooling 2×2, then the dense layers.
 *
 * `wasm` has no kernel for a convolution's gradient, so both are written as convolutions, which XNNPACK does fast:
 * the filter's gradient convolves the input with the output's gradient, batch and channels having changed places; the
 * input's gradient convolves the padded output gradient with the filter turned by 180°. Average pooling, unlike maximum
 * pooling, has no ties whose gradient each backend would hand to another pixel.
 */
import type { Rank, Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import { RegistryError } from '../../core/errors.ts';
import type { TensorFlow } from '../backends/backend.ts';
import { crossEntropyGradient, denseBackward, denseForward, denseParameters } from './dense.ts';
import type { PictureShape, Recipe } from './recipe.ts';

const KERNEL = 5;
/** Padding of one dimension, before and after. */
const NONE: [number, number] = [0, 0];
const BORDER: [number, number] = [(KERNEL - 1) / 2, (KERNEL - 1) / 2];
const MAPS = [8, 16] as const;
/** Kernel and bias of two convolutions stand before the dense layers' weights. */
const CONVOLUTION_WEIGHTS = 4;

/** @param maps of the first and the second convolution; another number than LeNet's is for networks that were cut or grown */
export function cnn(
  hidden: readonly number[],
  { height, width, classes }: PictureShape,
  maps: readonly [number, number] = MAPS,
): Recipe {
  const first = { height: Math.floor(height / 2), width: Math.floor(width / 2) };
  const second = { height: first.height - KERNEL + 1, width: first.width - KERNEL + 1 };
  const pooled = { height: Math.floor(second.height / 2), width: Math.floor(second.width / 2) };
  if (pooled.height < 1 || pooled.width < 1) {
    throw new RegistryError('invalid_input', `Pictures of ${height}×${width} are too small for the architecture cnn.`, {
      field: 'hyperparameters.arch',
      fix: 'Use mlp, or pictures of at least 12×12.',
    });
  }
  const features = pooled.height * pooled.width * maps[1];

  const forward = (tf: TensorFlow, weights: readonly Tensor[], images: Tensor2D) => {
    const [kernel1, bias1, kernel2, bias2] = weights as [Tensor4D, Tensor, Tensor4D, Tensor];
    const input = tf.pad4d(tf.reshape(tf.transpose(images), [-1, height, width, 1]), [NONE, BORDER, BORDER, NONE]);
    const convolved1 = convolve(tf, input, kernel1, bias1);
    const pooled1 = tf.avgPool(convolved1, 2, 2, 'valid');
    const convolved2 = convolve(tf, pooled1, kernel2, bias2);
    const pooled2 = tf.avgPool(convolved2, 2, 2, 'valid');
    const columns = tf.transpose(tf.reshape<Rank.R2>(pooled2, [-1, features]));
    return { input, convolved1, pooled1, convolved2, columns };
  };

  return {
    parameters: [
      { name: 'conv1/kernel', shape: [KERNEL, KERNEL, 1, maps[0]], ...fans(1, maps[0]) },
      { name: 'conv1/bias', shape: [maps[0]], fanIn: 0, fanOut: 0 },
      { name: 'conv2/kernel', shape: [KERNEL, KERNEL, ...maps], ...fans(...maps) },
      { name: 'conv2/bias', shape: [maps[1]], fanIn: 0, fanOut: 0 },
      ...denseParameters([features, ...hidden, classes]),
    ],
    forward: (tf, weights, images) =>
      tf.transpose(
        denseForward(tf, weights.slice(CONVOLUTION_WEIGHTS), forward(tf, weights, images).columns).at(-1) as Tensor2D,
      ),
    step: (tf, weights, { images, targets, masks }, scale) => {
      const kernel2 = weights[2] as Tensor4D;
      const dense = weights.slice(CONVOLUTION_WEIGHTS);
      const layer = forward(tf, weights, images);
      const activations = denseForward(tf, dense, layer.columns, masks);
      const logits = tf.transpose(activations.at(-1) as Tensor2D);

      const delta = crossEntropyGradient(tf, logits, targets, scale);
      const { gradients, input } = denseBackward(tf, dense, activations, delta, { masks, inputGradient: true });
      const rows = tf.transpose(input as Tensor2D);
      const delta4 = tf.reshape<Rank.R4>(rows, [-1, pooled.height, pooled.width, maps[1]]);
      const delta3 = tf.mul<Tensor4D>(unpool(tf, delta4, layer.convolved2), tf.step(layer.convolved2));
      const delta2 = inputGradient(tf, delta3, kernel2);
      const delta1 = tf.mul<Tensor4D>(unpool(tf, delta2, layer.convolved1), tf.step(layer.convolved1));
      return {
        logits,
        gradients: [
          filterGradient(tf, layer.input, delta1),
          tf.sum(delta1, [0, 1, 2]),
          filterGradient(tf, layer.pooled1, delta3),
          tf.sum(delta3, [0, 1, 2]),
          ...gradients,
        ],
      };
    },
  };
}

function fans(channels: number, maps: number): { fanIn: number; fanOut: number } {
  return { fanIn: KERNEL * KERNEL * channels, fanOut: KERNEL * KERNEL * maps };
}

function convolve(tf: TensorFlow, x: Tensor4D, filter: Tensor4D, bias: Tensor): Tensor4D {
  return tf.fused.conv2d({ x, filter, strides: 1, pad: 'valid', bias, activation: 'relu' });
}

/** Each gradient in quarters on the four pixels it was the mean of; pixels beyond the last whole square get none. */
function unpool(tf: TensorFlow, delta: Tensor4D, like: Tensor4D): Tensor4D {
  const [, height, width] = delta.shape;
  const [, fullHeight, fullWidth] = like.shape;
  const spread = tf.mul<Tensor4D>(tf.image.resizeNearestNeighbor(delta, [2 * height, 2 * width]), 0.25);
  if (fullHeight === 2 * height && fullWidth === 2 * width) return spread;
  return tf.pad4d(spread, [NONE, [0, fullHeight - 2 * height], [0, fullWidth - 2 * width], NONE]);
}

/** ∂/∂filter of an unpadded convolution: [kernel, kernel, channels, maps]. */
function filterGradient(tf: TensorFlow, input: Tensor4D, delta: Tensor4D): Tensor4D {
  const channelsFirst = tf.transpose(input, [3, 1, 2, 0]);
  const asFilter = tf.transpose(delta, [1, 2, 0, 3]);
  return tf.transpose(tf.conv2d(channelsFirst, asFilter, 1, 'valid'), [1, 2, 0, 3]);
}

/** ∂/∂input of an unpadded convolution. */
function inputGradient(tf: TensorFlow, delta: Tensor4D, filter: Tensor4D): Tensor4D {
  const margin: [number, number] = [KERNEL - 1, KERNEL - 1];
  const padded = tf.pad4d(delta, [[0, 0], margin, margin, [0, 0]]);
  const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]);
  return tf.conv2d(padded, turned, 1, 'valid');
}
