/**
 * The threads that read, judge and compare pages. Each works on one page at a time and asks back when a judgement needs
 * rows of earlier pages.
 */
import { Worker } from 'node:worker_threads';
import type { RowKey } from '../../core/registry/row-keys.ts';
import type { Bucket, BucketTask } from './map-part.ts';
import type { Looked, LookUp, UnexpectedRow } from './page-fold.ts';
import type { PageTask, PageWorker, ReadPage, WorkerSetup } from './page-worker.ts';
import type { SharedBytes } from './tuple-buffer.ts';

export type Order =
  | { readonly call: 'read'; readonly task: PageTask }
  | { readonly call: 'fold' }
  | { readonly call: 'compare'; readonly rows: SharedBytes }
  | { readonly call: 'finish' }
  | { readonly call: 'map'; readonly task: BucketTask }
  | { readonly looked: Looked };

export type Answer = { readonly done: unknown } | { readonly failed: unknown } | { readonly lookUp: readonly RowKey[] };

/** A page makes much that lives as long as the page: the nursery must hold it, or all of it is copied twice. */
const NURSERY_MIB = 32;

export function startThreads(count: number, setup: WorkerSetup): PageWorker[] {
  return Array.from({ length: count }, () => new ThreadWorker(setup));
}

class ThreadWorker implements PageWorker {
  readonly #worker: Worker;
  #lookUp: LookUp | undefined;
  #settle: { resolve: (value: unknown) => void; reject: (error: unknown) => void } | undefined;
  #broken: Error | undefined;

  constructor(setup: WorkerSetup) {
    // The extension is what this very file has: the built program runs built files.
    this.#worker = new Worker(new URL('./page-thread.js', import.meta.url), {
      workerData: setup,
      resourceLimits: { maxYoungGenerationSizeMb: NURSERY_MIB },
    });
    this.#worker.on('message', (answer: Answer) => this.#hear(answer));
    this.#worker.on('error', (error) => this.#break(error));
    this.#worker.on('exit', () => this.#break(new Error('A thread of the verifier ended before its work was done.')));
  }

  read(task: PageTask): Promise<ReadPage> {
    return this.#call({ call: 'read', task }) as Promise<ReadPage>;
  }

  async fold(lookUp: LookUp): Promise<void> {
    this.#lookUp = lookUp;
    await this.#call({ call: 'fold' });
  }

  compare(rows: SharedBytes): Promise<readonly UnexpectedRow[]> {
    return this.#call({ call: 'compare', rows }) as Promise<readonly UnexpectedRow[]>;
  }

  finish(): ReturnType<PageWorker['finish']> {
    return this.#call({ call: 'finish' }) as ReturnType<PageWorker['finish']>;
  }

  map(task: BucketTask): Promise<Bucket> {
    return this.#call({ call: 'map', task }) as Promise<Bucket>;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #call(order: Order): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#broken !== undefined) return reject(this.#broken);
      this.#settle = { resolve, reject };
      this.#worker.postMessage(order);
    });
  }

  #hear(answer: Answer): void {
    if ('done' in answer) this.#settle?.resolve(answer.done);
    else if ('failed' in answer) this.#settle?.reject(answer.failed);
    else {
      this.#lookUp!(answer.lookUp).then(
        (looked) => this.#worker.postMessage({ looked } satisfies Order),
        (error: unknown) => this.#settle?.reject(error),
      );
    }
  }

  #break(error: Error): void {
    this.#broken ??= error;
    this.#settle?.reject(error);
  }
}
