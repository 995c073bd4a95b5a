/**
 * Following a training through server-sent events, with a bar at a terminal and one line an epoch elsewhere. A stream
 * that breaks is taken up again where it broke. Ctrl-C asks whether to end the training or only to look away.
 */
import { RegistryError } from '../core/errors.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import type { Bar } from './progress.ts';
import { progressBar } from './progress.ts';
import { count, percent } from './table.ts';
import type { RunEpoch, RunProgress, RunView } from './views.ts';

const FINAL = ['trained', 'registered', 'failed', 'cancelled'];
const FORMAT =
  'Training {bar} epoch {epoch}  batch {batch}  loss {loss}  {accuracy} right  {speed} images/s  {left} left';
const RETRY_MS = 1000;
const MAX_TRIES = 30;

/** @returns the run in its final state @throws RegistryError `cancelled` when the watcher looks away */
export async function followRun(context: Context, run: RunView): Promise<RunView> {
  const { client } = await context.session();
  const stop = new AbortController();
  let interrupted = false;
  const release = context.io.onInterrupt(() => {
    interrupted = true;
    stop.abort();
  });
  const watcher = new Watcher(context, run);
  try {
    for (let tries = 0; ;) {
      const before = watcher.seen;
      await readEvents(client, run.id, watcher, stop.signal).catch((error: unknown) => {
        if (!(error instanceof RegistryError && error.code === 'unreachable') || tries >= MAX_TRIES) throw error;
      });
      if (interrupted) break;
      // The stream's end is a hint; the run itself says whether it is over.
      const now = await client.get<RunView>(`/v1/runs/${run.id}`).catch((error: unknown) => {
        if (!(error instanceof RegistryError && error.code === 'unreachable') || tries >= MAX_TRIES) throw error;
        return undefined;
      });
      if (now !== undefined && FINAL.includes(now.state)) {
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
  return lookAway(context, client, run.id);
}

async function readEvents(client: Client, id: string, watcher: Watcher, signal: AbortSignal): Promise<void> {
  const { EventSourceParserStream } = await import('eventsource-parser/stream');
  const body = await client.stream(`/v1/runs/${id}/events`, signal, 'text/event-stream');
  const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  try {
    for await (const { event, data } of events) await watcher.tell(event, data);
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError('unreachable', 'The connection to the registry broke.', { cause });
  }
}

class Watcher {
  /** Events so far. */
  seen = 0;
  #bar: Promise<Bar> | undefined;
  #opened: Bar | undefined;
  #total = 0;
  #epochs = 0;

  constructor(
    private readonly context: Context,
    private readonly run: RunView,
  ) {}

  async tell(event: string | undefined, data: string): Promise<void> {
    this.seen++;
    if (event === 'progress') await this.#progress(JSON.parse(data) as RunProgress);
    if (event === 'epoch') this.#epoch(JSON.parse(data) as RunEpoch);
  }

  /** A training that ended well has a full bar. */
  finish({ state }: RunView): void {
    if (state === 'trained' || state === 'registered') this.#opened?.update(this.#total);
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
    this.#bar ??= progressBar(this.context.io, FORMAT, this.#total, told);
    this.#opened = await this.#bar;
    this.#opened.update((epoch - 1) * batches + batch, told);
  }

  /** Without a terminal, one line an epoch; each epoch once, also after the stream was taken up again. */
  #epoch({ epoch, loss, testAccuracy, seconds }: RunEpoch): void {
    if (epoch <= this.#epochs) return;
    this.#epochs = epoch;
    if (this.context.io.watched) return;
    const of = (this.run.hyperparameters as { epochs?: number }).epochs;
    this.context.note(
      `epoch ${epoch}${of === undefined ? '' : `/${of}`}: loss ${loss.toFixed(4)}, ${percent(testAccuracy)} of the test images right, ${seconds.toFixed(1)} s`,
    );
  }
}

async function lookAway(context: Context, client: Client, id: string): Promise<never> {
  const answer = await context.io.ask?.('\nEnd the training (c), or let it go on without you (any other key)? ');
  if (answer?.toLowerCase() === 'c') {
    await client.post(`/v1/runs/${id}/cancel`, {});
    throw new RegistryError('cancelled', `The training ${id} was cancelled.`);
  }
  throw new RegistryError('cancelled', `The training ${id} goes on.`, {
    fix: `Follow it with "muniment train watch ${id}".`,
  });
}
