/** How a run tells where it stands, and what it used. */
import type { LoadedBackend } from './backends/backend.ts';
import type { Score } from './evaluation.ts';

export interface Progress {
  epoch: number;
  epochs: number;
  batch: number;
  batches: number;
  /** Mean over the training batches of this epoch so far, each taken before its update. */
  loss: number;
  accuracy: number;
  /** Training only: evaluation and checkpoints are not counted. */
  imagesPerSecond: number;
  /** For the images that are still to be trained on. */
  etaSeconds: number;
}

export interface ComputeUsed {
  wallSeconds: number;
  /** Processor time of this process, all its threads. */
  coreSeconds: number;
  /** Time for which the run held a graphics device; absent when it computed on the processor. */
  deviceSeconds?: number;
}

/** Starts counting; the answer's call stops. */
export function measureCompute({ info }: LoadedBackend): () => ComputeUsed {
  const began = process.hrtime.bigint();
  const cpuBefore = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(cpuBefore);
    const wallSeconds = Number(process.hrtime.bigint() - began) / 1e9;
    const onDevice = info.backend === 'cuda' || info.backend === 'webgpu';
    return { wallSeconds, coreSeconds: (user + system) / 1e6, ...(onDevice ? { deviceSeconds: wallSeconds } : {}) };
  };
}

/** Speed and remaining time of a run, by the caller's clock; says when progress is due. */
export class ProgressMeter {
  readonly #clock: () => number;
  readonly #everyMs: number;
  #toldAt = -Infinity;
  #startedAt = 0;
  #milliseconds = 0;
  #images = 0;

  constructor(clock: () => number, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** Training goes on, after a pause for evaluation and checkpoint. */
  start(): void {
    this.#startedAt = this.#clock();
  }

  count(images: number): void {
    const now = this.#clock();
    this.#milliseconds += now - this.#startedAt;
    this.#startedAt = now;
    this.#images += images;
  }

  isDue(): boolean {
    const due = this.#startedAt - this.#toldAt >= this.#everyMs;
    if (due) this.#toldAt = this.#startedAt;
    return due;
  }

  get imagesPerSecond(): number {
    return this.#images / Math.max(1e-3, this.#milliseconds / 1000);
  }

  progress(at: Pick<Progress, 'epoch' | 'epochs' | 'batch' | 'batches'>, score: Score, imagesLeft: number): Progress {
    const { imagesPerSecond } = this;
    return { ...at, ...score, imagesPerSecond, etaSeconds: imagesLeft / imagesPerSecond };
  }
}
