/**
 * A training as it goes, for those who watch it: server-sent events (WHATWG HTML, 9.2). However many watch, one query
 * every 300 ms reads all that is watched, and none when nobody does. An event's id is the number of epochs told so far,
 * so a client that comes back with `Last-Event-ID` gets the epochs it missed, then what holds now.
 */
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../platform/logging/index.ts';

const POLL_MS = 300;
/** Proxies cut a connection that is silent for long. */
const HEARTBEAT_MS = 10_000;
/** Asked of the client between a lost connection and the next try. */
const RETRY_MS = 1000;

/** What is watched: epochs behind it, where it is in the next one, and the rest of what holds. */
interface Watched {
  id: string;
  epochs: readonly object[];
  progress: object | null;
}

interface Source<View> {
  find(ids: readonly string[]): Promise<View[]>;
  isOver(view: View): boolean;
  /** What the event `state` tells */
  standing(view: View): object;
}

export abstract class ProgressEvents<View extends Watched> implements OnModuleDestroy {
  readonly #closing = new AbortController();
  #wanted = new Set<string>();
  #poll: Promise<Map<string, View> | undefined> | undefined;

  constructor(
    private readonly log: Log,
    private readonly source: Source<View>,
  ) {}

  /** Answers with the stream, from where the client's header `Last-Event-ID` says that it left off. */
  async answer(first: View, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const gone = new AbortController();
    request.raw.once('close', () => gone.abort());
    reply.raw.once('close', () => gone.abort());
    const lastEventId = String(request.headers['last-event-id'] ?? '');
    const told = /^\d{1,9}$/.test(lastEventId) ? Number(lastEventId) : 0;
    await reply
      .header('content-type', 'text/event-stream; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no')
      .send(Readable.from(this.#stream(first, told, gone.signal)));
  }

  onModuleDestroy(): void {
    this.#closing.abort();
  }

  /**
   * The text of the stream, which ends with the final state, when the server stops, or when `gone` aborts.
   * @param epochsTold as many epochs the client has been told before
   */
  async *#stream(first: View, epochsTold: number, gone: AbortSignal): AsyncGenerator<string, void, undefined> {
    const signal = AbortSignal.any([gone, this.#closing.signal]);
    const aborted = new Promise<'aborted'>((resolve) => {
      if (signal.aborted) resolve('aborted');
      signal.addEventListener('abort', () => resolve('aborted'), { once: true });
    });
    const told = new Told(Math.min(epochsTold, first.epochs.length));
    yield `retry: ${RETRY_MS}\n\n`;
    let spokenAt = Date.now();
    for (let view = first; ;) {
      for (const event of told.news(view, this.source.standing(view))) {
        yield event;
        spokenAt = Date.now();
      }
      if (this.source.isOver(view)) return;
      const polled = await Promise.race([this.#next(view.id), aborted]);
      if (polled === 'aborted') return;
      view = polled?.get(view.id) ?? view;
      if (Date.now() - spokenAt >= HEARTBEAT_MS) {
        yield ': heartbeat\n\n';
        spokenAt = Date.now();
      }
    }
  }

  /** What the next poll finds of all that is watched; undefined when the database does not answer. */
  #next(id: string): Promise<Map<string, View> | undefined> {
    this.#wanted.add(id);
    this.#poll ??= this.#pollOnce();
    return this.#poll;
  }

  async #pollOnce(): Promise<Map<string, View> | undefined> {
    await sleep(POLL_MS);
    const ids = [...this.#wanted];
    this.#wanted = new Set();
    // Whoever asks from here on has missed this poll.
    this.#poll = undefined;
    if (this.#closing.signal.aborted) return undefined;
    try {
      return new Map((await this.source.find(ids)).map((view) => [view.id, view]));
    } catch (error) {
      this.log.warn({ err: error }, 'What is watched cannot be read; the next try follows.');
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

  *news(view: Watched, standing: object): Generator<string> {
    for (const epoch of view.epochs.slice(this.#epochs)) {
      this.#epochs++;
      yield this.#event('epoch', epoch);
    }
    const progress = JSON.stringify(view.progress);
    if (view.progress !== null && progress !== this.#progress) yield this.#event('progress', view.progress);
    this.#progress = progress;
    const now = JSON.stringify(standing);
    if (now !== this.#state) yield this.#event('state', standing);
    this.#state = now;
  }

  #event(name: 'epoch' | 'progress' | 'state', data: object): string {
    return `id: ${this.#epochs}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  }
}
