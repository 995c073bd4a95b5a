/** Which pictures train and which are held out, and how a batch of them becomes tensors. */
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { permutation } from '../core/random.ts';
import type { RandomStream } from '../core/random.ts';
import type { TensorFlow } from './backends/backend.ts';
import type { Hyperparameters } from './hyperparameters.ts';
import type { ImageSet } from './idx.ts';
import { randomStream } from './random.ts';
import type { Batch } from './recipes/index.ts';

/** What is done to a pixel before training, in the words that go on record. */
export const PREPROCESSING = 'pixel / 255';

/** The value of each possible pixel, as the nearest 32-bit float. */
const SCALED = Float32Array.from({ length: 256 }, (_, pixel) => pixel / 255);

/** Indexes into the training set: those that train, and those that are held out for validation (drawn from the seed). */
export function splitImages(
  count: number,
  { validationSplit, seed }: Hyperparameters,
): { training: Uint32Array; validation: Uint32Array } {
  const held = Math.min(count - 1, Math.floor(count * validationSplit));
  if (held === 0) return { training: Uint32Array.from({ length: count }, (_, i) => i), validation: new Uint32Array(0) };
  const order = permutation(count, randomStream(seed, 'validation'));
  return { training: order.subarray(held).sort(), validation: order.subarray(0, held).sort() };
}

/** Fills one pair of buffers again and again: allocating 200 kB a step costs more than filling it. */
export class BatchFeed {
  readonly #tf: TensorFlow;
  readonly #classes: number;
  readonly #hidden: readonly number[];
  readonly #dropout: number;
  #images = new Float32Array(0);

  constructor(tf: TensorFlow, classes: number, { hidden, dropout }: Hyperparameters) {
    this.#tf = tf;
    this.#classes = classes;
    this.#hidden = hidden;
    this.#dropout = dropout;
  }

  /** Pictures in columns, targets one-hot, and dropout masks where dropout is asked for. */
  batch(set: ImageSet, members: Uint32Array, random: RandomStream): Batch {
    const targets = new Float32Array(members.length * this.#classes);
    members.forEach((member, row) => {
      targets[row * this.#classes + (set.labels[member] as number)] = 1;
    });
    return {
      images: this.images(set, members),
      targets: this.#tf.tensor2d(targets, [members.length, this.#classes]),
      ...(this.#dropout === 0 ? {} : { masks: this.#hidden.map((units) => this.#mask(units, members.length, random)) }),
    };
  }

  /** [height·width, members]: a column for each picture. */
  images(set: ImageSet, members: Uint32Array): Tensor2D {
    const size = set.height * set.width;
    const { pixels } = set;
    if (this.#images.length < members.length * size) this.#images = new Float32Array(members.length * size);
    const values = this.#images;
    const count = members.length;
    for (let column = 0; column < count; column++) {
      const from = (members[column] as number) * size;
      for (let i = 0, to = column; i < size; i++, to += count) {
        values[to] = SCALED[pixels[from + i] as number] as number;
      }
    }
    return this.#tf.tensor2d(values.subarray(0, size * count), [size, count]);
  }

  #mask(units: number, count: number, random: RandomStream): Tensor2D {
    const kept = Math.fround(1 / (1 - this.#dropout));
    const values = new Float32Array(units * count);
    for (let i = 0; i < values.length; i++) values[i] = random.uniform() < this.#dropout ? 0 : kept;
    return this.#tf.tensor2d(values, [units, count]);
  }
}

export function labelsOf(set: ImageSet, members: Uint32Array): Uint8Array {
  return Uint8Array.from(members, (member) => set.labels[member] as number);
}
