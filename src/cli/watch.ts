/**
 * `muniment log watch`: a monitor. It looks at the log again and again, holds each new checkpoint against the last one
 * kept, follows the entries in between and reports those that speak of what it was told to look for. A registry that is
 * away is waited for; one that contradicts what it signed ends the watch, with both signatures kept.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RegistryError } from '../core/errors.ts';
import type { Digest } from '../core/digest.ts';
import type { Wanted } from '../core/registry/mentions.ts';
import { PROVED } from '../core/trust/index.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { exitCodeOf, isUnreachable } from './exit-code.ts';
import { findParty } from './find.ts';
import type { FoundEntry } from './follow-log.ts';
import { followLog } from './follow-log.ts';
import { readLog } from './read-log.ts';
import { Contradiction } from './contradiction.ts';
import { placeOf } from './watch-state.ts';
import { noteVerdict } from './witnessed.ts';

export interface WatchOptions {
  digest?: Digest[];
  party?: string[];
  since?: number;
  once?: boolean;
  /** Seconds between two looks */
  every: number;
}

/** One line each with `--json`. */
export type WatchEvent =
  | { event: 'checkpoint'; origin: string; treeSize: number; since: number | null; verdict: string }
  | ({ event: 'entry'; origin: string } & FoundEntry)
  | { event: 'followed'; origin: string; from: number; to: number; hidden: number }
  | { event: 'unreachable'; detail: string; retryInSeconds: number }
  | End<'fork'>
  | End<'refused'>
  | End<'rollback'>
  | { event: 'stopped' };

/** `evidence`: the file that holds both signed notes */
interface End<Event> {
  event: Event;
  code: string;
  detail: string;
  evidence: string | null;
}

const LONGEST_PAUSE_SECONDS = 300;

export async function watchLog(context: Context, options: WatchOptions): Promise<void> {
  const stopping = new AbortController();
  const release = context.io.onInterrupt(() => stopping.abort());
  try {
    const client = await context.client(stopping.signal);
    const watch = new Watch(context, client, await wantedOf(client, options), options);
    await watch.run(stopping.signal);
  } catch (error) {
    if (stopping.signal.aborted) tell(context, { event: 'stopped' }, 'Stopped; the next watch goes on from here.');
    else refuse(context, error);
  } finally {
    release();
  }
}

async function wantedOf(client: Client, { digest = [], party = [] }: WatchOptions): Promise<Wanted> {
  return { digests: digest, parties: await Promise.all(party.map(async (text) => idOf(client, text))) };
}

/** An id needs no look-up, and none needs an API key. */
const idOf = async (client: Client, text: string): Promise<string> =>
  /^party_[0-9a-z]{26}$/.test(text) ? text : (await findParty(client, text)).id;

class Watch {
  #since: number | undefined;
  #size = -1;
  #warned = false;

  constructor(
    private readonly context: Context,
    private readonly client: Client,
    private readonly wanted: Wanted,
    private readonly options: WatchOptions,
  ) {
    this.#since = options.since;
  }

  /** Ends when `signal` aborts, by throwing; or after one look. */
  async run(signal: AbortSignal): Promise<void> {
    const { every, once } = this.options;
    let failures = 0;
    for (;;) {
      try {
        await this.#look();
        failures = 0;
      } catch (error) {
        if (once === true || !(error instanceof RegistryError && isUnreachable(error.code))) throw error;
        failures++;
        const retryInSeconds = Math.min(LONGEST_PAUSE_SECONDS, every * 2 ** Math.min(failures - 1, 20));
        const detail = error.message;
        tell(
          this.context,
          { event: 'unreachable', detail, retryInSeconds },
          `${detail} Next try in ${retryInSeconds} s.`,
        );
        await sleep(retryInSeconds * 1000, undefined, { signal });
        continue;
      }
      if (once === true) return;
      await sleep(every * 1000, undefined, { signal });
    }
  }

  async #look(): Promise<void> {
    const { context, client, wanted } = this;
    const { judged, since } = await readLog(context, client);
    const { origin, size, verdict } = judged;
    if (verdict !== PROVED && !this.#warned) {
      this.#warned = true;
      noteVerdict(context, verdict);
    }
    if (size !== this.#size) {
      tell(context, { event: 'checkpoint', origin, treeSize: size, since, verdict }, `${origin} has ${size} entries.`);
      this.#size = size;
    }
    const { home } = await context.settings();
    const place = await placeOf(home, origin, wanted);
    const from = this.#since ?? place.next ?? 0;
    for await (const { from: first, to, found, hidden } of followLog(client, judged, from, wanted)) {
      for (const entry of found) context.io.out(line(context, { event: 'entry', origin, ...entry }, describe(entry)));
      // After the entries were told: a watch that is killed here tells them again, and leaves none out.
      await place.move(to);
      this.#since = undefined;
      const text = `Followed entries ${first} to ${to - 1}${hidden === 0 ? '' : `, ${hidden} of them not public`}.`;
      tell(context, { event: 'followed', origin, from: first, to, hidden }, text);
    }
  }
}

const describe = ({ index, kind, id, maker, statement, matched }: FoundEntry): string =>
  `${[`entry ${index}`, kind, id ?? '-', `by ${maker ?? '-'}`, statement, ...matched.digests, ...matched.parties].join('  ')}\n`;

const line = (context: Context, event: WatchEvent, text: string): string =>
  context.json ? `${JSON.stringify(event)}\n` : text;

/** What is no result: for a person beside it, for a program in line with it. */
function tell(context: Context, event: WatchEvent, text: string): void {
  if (context.json) context.io.out(line(context, event, text));
  else context.note(text);
}

/** The end that nobody asked for: with `--json` one more line, so that a reader of lines can read them all. */
function refuse(context: Context, error: unknown): void {
  if (!(context.json && error instanceof RegistryError)) throw error;
  const contradicts = error instanceof Contradiction;
  const kind = !contradicts ? 'refused' : error.code === 'checkpoint_rolled_back' ? 'rollback' : 'fork';
  const { code, message: detail } = error;
  const event = { event: kind, code, detail, evidence: contradicts ? error.evidence : null } as WatchEvent;
  context.io.out(line(context, event, ''));
  context.exitCode = exitCodeOf(code);
}
