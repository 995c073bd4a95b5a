/**
 * What time alone makes due, put on record by the registry: once a minute, each thing that is due, by a statement of its
 * own. Replicas may do it at once; the second is refused, since it is not due any more. One that cannot be recorded does
 * not keep the others from it.
 */
import { RegistryError } from '../core/errors.ts';
import type { Log } from '../platform/logging/index.ts';

const INTERVAL_MS = 60_000;
const AT_A_TIME = 100;

export interface Due<Thing> {
  /** In the plural, for messages */
  readonly name: string;
  find(most: number): Promise<readonly Thing[]>;
  /** @throws RegistryError `state_conflict` where it is not due any more */
  record(thing: Thing): Promise<unknown>;
}

export class Sweep<Thing> {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(
    private readonly due: Due<Thing>,
    private readonly log: Log,
  ) {}

  start(): void {
    this.#timer = setInterval(() => void this.#try(), INTERVAL_MS);
    this.#timer.unref();
  }

  /** Before the ledger stops writing. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Records everything that is due; callers of one moment share one round. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #run(): Promise<void> {
    for (;;) {
      const due = await this.due.find(AT_A_TIME);
      const outcomes = await Promise.allSettled(due.map((thing) => this.#record(thing)));
      const failed = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
      if (due.length >= AT_A_TIME && failed.length < due.length) continue;
      if (failed.length === 0) return;
      throw new AggregateError(failed, `${failed.length} of ${due.length} ${this.due.name} could not be recorded`);
    }
  }

  async #record(thing: Thing): Promise<void> {
    try {
      await this.due.record(thing);
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'state_conflict') return;
      throw error;
    }
  }

  async #try(): Promise<void> {
    try {
      await this.run();
    } catch (error) {
      this.log.error({ err: error }, `${this.due.name} could not be put on record; tried again in a minute`);
    }
  }
}
