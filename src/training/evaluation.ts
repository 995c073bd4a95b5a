/**
 * Loss and accuracy from logits. Computed in double precision from what was read back, outside the recipe: they are
 * reported, nothing is trained on them, and their last bits may differ where `Math.exp` does.
 */
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { TensorFlow } from './backends/backend.ts';
import { labelsOf } from './batches.ts';
import type { BatchFeed } from './batches.ts';
import type { ImageSet } from './idx.ts';

export interface Score {
  /** Mean cross entropy, in nats. */
  loss: number;
  /** Share of the pictures whose largest logit is their label's. */
  accuracy: number;
}

/** A graphics device is this many batches ahead before its logits are waited for. */
const PENDING = 8;
const EVALUATION_BATCH = 500;

/** Adds up loss and hits over many batches; takes the logits over and disposes of them. */
export class Tally {
  readonly #classes: number;
  readonly #pending: { logits: Tensor2D; values: Promise<Float32Array>; labels: Uint8Array }[] = [];
  #count = 0;
  #loss = 0;
  #hits = 0;

  constructor(classes: number) {
    this.#classes = classes;
  }

  async add(logits: Tensor2D, labels: Uint8Array): Promise<void> {
    const values = logits.data<'float32'>();
    this.#pending.push({ logits, values, labels });
    if (this.#pending.length >= PENDING) await this.#settle();
  }

  /** The score of everything added since the beginning. */
  async score(): Promise<Score> {
    await this.#settle();
    return { loss: this.#loss / this.#count, accuracy: this.#hits / this.#count };
  }

  /** Releases what was added and not yet read. */
  dispose(): void {
    for (const { logits } of this.#pending.splice(0)) logits.dispose();
  }

  async #settle(): Promise<void> {
    for (let next = this.#pending[0]; next !== undefined; next = this.#pending[0]) {
      this.#count += next.labels.length;
      this.#judge(await next.values, next.labels);
      next.logits.dispose();
      this.#pending.shift();
    }
  }

  #judge(values: Float32Array, labels: Uint8Array): void {
    const classes = this.#classes;
    for (let row = 0; row < labels.length; row++) {
      const from = row * classes;
      let best = 0;
      for (let i = 1; i < classes; i++) {
        if ((values[from + i] as number) > (values[from + best] as number)) best = i;
      }
      const largest = values[from + best] as number;
      let sum = 0;
      for (let i = 0; i < classes; i++) sum += Math.exp((values[from + i] as number) - largest);
      const label = labels[row] as number;
      this.#loss += Math.log(sum) - ((values[from + label] as number) - largest);
      if (best === label) this.#hits++;
    }
  }
}

/** Loss and accuracy over the `members` of a set, or over all of it. */
export async function evaluate(
  tf: TensorFlow,
  feed: BatchFeed,
  classes: number,
  set: ImageSet,
  members: Uint32Array | undefined,
  predict: (images: Tensor2D) => Tensor2D,
): Promise<Score> {
  const all = members ?? Uint32Array.from({ length: set.count }, (_, i) => i);
  const tally = new Tally(classes);
  try {
    for (let from = 0; from < all.length; from += EVALUATION_BATCH) {
      const batch = all.subarray(from, from + EVALUATION_BATCH);
      await tally.add(
        tf.tidy(() => predict(feed.images(set, batch))),
        labelsOf(set, batch),
      );
      await new Promise((resolve) => setImmediate(resolve));
    }
    return await tally.score();
  } finally {
    tally.dispose();
  }
}
