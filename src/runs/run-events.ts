/**
 * A run as it goes, for those who watch it: server-sent events (WHATWG HTML, 9.2). However many watch, one query every
 * 300 ms reads all watched runs, and none when nobody does. An event's id is the number of epochs told so far, so a
 * client that comes back with `Last-Event-ID` gets the epochs it missed, then what holds now.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import type { RunView } from './run.schema.ts';
import { isFinal } from './run.schema.ts';
import { findRuns } from './run.store.ts';

const POLL_MS = 300;
/** Proxies cut a connection that is silent for long. */
const HEARTBEAT_MS = 10_000;
/** Asked of the client between a lost connection and the next try. */
const RETRY_MS = 1000;

@Injectable()
export class RunEvents implements OnModuleDestroy {
  readonly #closing = new AbortController();
  #wanted = new Set<string>();
  #poll: Promise<Map<string, RunView> | undefined> | undefined;

  constructor(
    @Inject(LOG) private readonly log: Log,
    private readonly database: DataSource,
  ) {}

  /**
   * The text of the stream, which ends with the run's final state, when the server stops, or when `gone` aborts.
   * @param epochsTold as many epochs the client has been told before
   */
  async *stream(first: RunView, epochsTold: number, gone: AbortSignal): AsyncGenerator<string, void, undefined> {
    const signal = AbortSignal.any([gone, this.#closing.signal]);
    const aborted = new Promise<'aborted'>((resolve) => {
      if (signal.aborted) resolve('aborted');
      signal.addEventListener('abort', () => resolve('aborted'), { once: true });
    });
    const told = new Told(Math.min(epochsTold, first.epochs.length));
    yield `retry: ${RETRY_MS}\n\n`;
    let spokenAt = Date.now();
    for (let run = first; ;) {
      for (const event of told.news(run)) {
        yield event;
        spokenAt = Date.now();
      }
      if (isFinal(run)) return;
      const polled = await Promise.race([this.#next(run.id), aborted]);
      if (polled === 'aborted') return;
      run = polled?.get(run.id) ?? run;
      if (Date.now() - spokenAt >= HEARTBEAT_MS) {
        yield ': heartbeat\n\n';
        spokenAt = Date.now();
      }
    }
  }

  onModuleDestroy(): void {
    this.#closing.abort();
  }

  /** What the next poll finds of all the runs that are watched; undefined when the database does not answer. */
  #next(id: string): Promise<Map<string, RunView> | undefined> {
    this.#wanted.add(id);
    this.#poll ??= this.#pollOnce();
    return this.#poll;
  }

  async #pollOnce(): Promise<Map<string, RunView> | undefined> {
    await sleep(POLL_MS);
    const ids = [...this.#wanted];
    this.#wanted = new Set();
    // Whoever asks from here on has missed this poll.
    this.#poll = undefined;
    if (this.#closing.signal.aborted) return undefined;
    try {
      return new Map((await findRuns(this.database.manager, ids)).map((run) => [run.id, run]));
    } catch (error) {
      this.log.warn({ err: error }, 'Watched runs cannot be read; the next try follows.');
      return undefined;
    }
  }
}

/** What one watcher has been told already. */
class Told {
  #state = '';
  #progress = '';
  #epochs: number;

  constructor(epochs: number) {
    this.#epochs = epochs;
  }

  *news(run: RunView): Generator<string> {
    for (const epoch of run.epochs.slice(this.#epochs)) {
      this.#epochs++;
      yield this.#event('epoch', epoch);
    }
    const progress = JSON.stringify(run.progress);
    if (run.progress !== null && progress !== this.#progress) yield this.#event('progress', run.progress);
    this.#progress = progress;
    const { state, attempts, result, environment, registrationId, statement, error } = run;
    const part = { state, attempts, result, environment, registrationId, statement, error };
    const now = JSON.stringify(part);
    if (now !== this.#state) yield this.#event('state', part);
    this.#state = now;
  }

  #event(name: 'epoch' | 'progress' | 'state', data: object): string {
    return `id: ${this.#epochs}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  }
}
