/**
 * Writes down where a run stands while it trains, and learns from the same write whether the run is still this worker's:
 * a cancellation, or a worker that took over, is noticed within half a second.
 */
import { RegistryError } from '../../core/errors.ts';
import type { Log } from '../../platform/logging/index.ts';

const BEAT_MS = 500;

export const lostRun = (): RegistryError =>
  new RegistryError('cancelled', 'The run was cancelled, or another worker has taken it over.');

export class Heartbeat<T> {
  readonly #lost = new AbortController();
  readonly #stop = new AbortController();
  readonly #beating: Promise<void>;
  #latest: T | null = null;

  /** @param save tells where the run stands, null when nothing is new; false means that the run is lost */
  constructor(
    private readonly save: (latest: T | null) => Promise<boolean>,
    private readonly log: Log,
  ) {
    this.#beating = this.#beat();
  }

  /** Aborts when the run is no longer this worker's. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  tell(latest: T): void {
    this.#latest = latest;
  }

  /** Returns when nothing more will be written. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#beating;
  }

  async #beat(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted && !this.#lost.signal.aborted) {
      const latest = this.#latest;
      this.#latest = null;
      try {
        if (!(await this.save(latest))) this.#lost.abort(lostRun());
      } catch (error) {
        // Whether the worker may go on is for the job's lock to say; a line of progress that is missed is no harm.
        this.log.warn({ err: error }, 'The progress of a run cannot be written.');
      }
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, BEAT_MS);
        signal.addEventListener('abort', done, { once: true });
        if (signal.aborted) done();
      });
    }
  }
}
