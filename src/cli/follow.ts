/**
 * Following what a worker does through server-sent events, with a bar at a terminal and one line an epoch elsewhere. A
 * stream that breaks is taken up again where it broke. Ctrl-C asks whether to end the work or only to look away.
 */
import { RegistryError } from '../core/errors.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import type { Bar } from './progress.ts';
import { progressBar } from './progress.ts';
import { count, percent } from './table.ts';
import type { RunProgress } from './views.ts';

const FORMAT = '{bar} epoch {epoch}  batch {batch}  loss {loss}  {accuracy} right  {speed} images/s  {left} left';
const RETRY_MS = 1000;
const MAX_TRIES = 30;

export interface Followed<View, Epoch> {
  /** Where it is read; its events are below that, and its end */
  path: string;
  doing: 'Replaying' | 'Training';
  isOver: (view: View) => boolean;
  endedWell: (view: View) => boolean;
  /** The line of an epoch */
  tell: (epoch: Epoch) => string;
  /** What Ctrl-C asks, and what follows from the answer */
  leave: { question: string; ended: () => RegistryError; left: () => RegistryError };
}

/** @returns the view in its final state @throws RegistryError `cancelled` when the watcher looks away */
export async function follow<View, Epoch extends { epoch: number }>(
  context: Context,
  followed: Followed<View, Epoch>,
): Promise<View> {
  const { client } = await context.session();
  const stop = new AbortController();
  let interrupted = false;
  const release = context.io.onInterrupt(() => {
    interrupted = true;
    stop.abort();
  });
  const watcher = new Watcher(context, followed);
  try {
    for (let tries = 0; ;) {
      const before = watcher.seen;
      await readEvents(client, followed.path, watcher, stop.signal).catch((error: unknown) => {
        if (!(error instanceof RegistryError && error.code === 'unreachable') || tries >= MAX_TRIES) throw error;
      });
      if (interrupted) break;
      // The stream's end is a hint; what is followed says itself whether it is over.
      const now = await client.get<View>(followed.path).catch((error: unknown) => {
        if (!(error instanceof RegistryError && error.code === 'unreachable') || tries >= MAX_TRIES) throw error;
        return undefined;
      });
      if (now !== undefined && followed.isOver(now)) {
        watcher.finish(now);
        return now;
      }
      tries = watcher.seen === before ? tries + 1 : 0;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  } catch (error) {
    if (!interrupted) throw error;
  } finally {
    watcher.stop();
    release();
  }
  return lookAway(context, client, followed);
}

async function readEvents(
  client: Client,
  path: string,
  watcher: { tell: (event: string | undefined, data: string) => Promise<void> },
  signal: AbortSignal,
): Promise<void> {
  const { EventSourceParserStream } = await import('eventsource-parser/stream');
  const body = await client.stream(`${path}/events`, signal, 'text/event-stream');
  const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  try {
    for await (const { event, data } of events) await watcher.tell(event, data);
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError('unreachable', 'The connection to the registry broke.', { cause });
  }
}

class Watcher<View, Epoch extends { epoch: number }> {
  /** Events so far. */
  seen = 0;
  #bar: Promise<Bar> | undefined;
  #opened: Bar | undefined;
  #total = 0;
  #epochs = 0;

  constructor(
    private readonly context: Context,
    private readonly followed: Followed<View, Epoch>,
  ) {}

  async tell(event: string | undefined, data: string): Promise<void> {
    this.seen++;
    if (event === 'progress') await this.#progress(JSON.parse(data) as RunProgress);
    if (event === 'epoch') this.#epoch(JSON.parse(data) as Epoch);
  }

  /** What ended well has a full bar. */
  finish(view: View): void {
    if (this.followed.endedWell(view)) this.#opened?.update(this.#total);
  }

  stop(): void {
    this.#opened?.stop();
  }

  async #progress(progress: RunProgress): Promise<void> {
    const { epoch, epochs, batch, batches, loss, accuracy, imagesPerSecond, etaSeconds } = progress;
    const told = {
      epoch: `${epoch}/${epochs}`,
      batch: `${batch}/${batches}`,
      loss: loss === null ? 'none' : loss.toFixed(4),
      accuracy: percent(accuracy),
      speed: count(Math.round(imagesPerSecond)),
      left: `${Math.ceil(etaSeconds)} s`,
    };
    this.#total = epochs * batches;
    this.#bar ??= progressBar(this.context.io, `${this.followed.doing} ${FORMAT}`, this.#total, told);
    this.#opened = await this.#bar;
    this.#opened.update((epoch - 1) * batches + batch, told);
  }

  /** Without a terminal, one line an epoch; each epoch once, also after the stream was taken up again. */
  #epoch(told: Epoch): void {
    if (told.epoch <= this.#epochs) return;
    this.#epochs = told.epoch;
    if (!this.context.io.watched) this.context.note(this.followed.tell(told));
  }
}

async function lookAway<View, Epoch>(
  context: Context,
  client: Client,
  { path, leave }: Followed<View, Epoch>,
): Promise<never> {
  const answer = await context.io.ask?.(leave.question);
  if (answer?.toLowerCase() !== 'c') throw leave.left();
  await client.post(`${path}/cancel`, {});
  throw leave.ended();
}
