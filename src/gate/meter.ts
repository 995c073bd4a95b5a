/**
 * Counts uses against quotas without asking before each: calls are leased in blocks from the registry, spent here, and
 * reported in batches. What is used is written down first, so that each call is reported once, whatever is killed when.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { fromUtf8 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import { atMost } from '../platform/answer.ts';
import { newId } from '../platform/crypto.ts';
import type { OpenBlock, Report, Use } from './journal.ts';
import { Journal } from './journal.ts';

const TIMEOUT_MS = 10_000;
/** Groups of uses in one report, at most. */
const MAX_USES = 1000;
/** Bytes of an answer of the registry. */
const MAX_ANSWER = 65_536;

export interface MeterOptions {
  readonly registry: string;
  /** With the scope `usage:write` */
  readonly apiKey: string;
  /** A file of this process alone */
  readonly journal: string;
  /** Calls leased at a time; what a gate that vanished had leased stays used */
  readonly blockCalls: number;
  readonly reportSeconds: number;
  /** After so long without a call what is leased for a grant is given back */
  readonly idleSeconds: number;
  /** Told when a report could not be sent; it is sent again with the next */
  readonly onError: (error: unknown) => void;
}

/** The grant is not in force, not there, or not for the token that was shown; the block is settled, or lost. */
const REFUSED: ReadonlySet<number> = new Set([404, 409]);
/** It may go through later: everything of the server's, and what it says of load. */
const isPassing = (status: number): boolean => status >= 500 || status === 408 || status === 429;

/** What the registry says of a token or quota when calls are leased, and the gate has not seen yet. */
const TOLD = ['quota_exceeded', 'token_revoked', 'token_suspended', 'token_expired'] as const;
const isTold = (code: string): code is (typeof TOLD)[number] => (TOLD as readonly string[]).includes(code);

/** How long a grant of which nothing is left is not asked for again. */
const EXHAUSTED_MS = 1000;

const leaseSchema = z.object({ calls: z.int().positive() });
const problemSchema = z.object({ code: z.string(), detail: z.string() });
type Problem = z.infer<typeof problemSchema>;

export class Meter {
  readonly #journal: Promise<Journal>;
  readonly #leasing = new Map<string, Promise<OpenBlock>>();
  /** The block that each grant's calls are spent from, and when they last were */
  readonly #current = new Map<string, { block: OpenBlock; at: number }>();
  /** Grants of which nothing was left, the one found first in front */
  readonly #exhausted = new Map<string, { at: number; error: unknown }>();
  readonly #inFlight = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #reporting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(private readonly options: MeterOptions) {
    this.#journal = this.#opened();
    this.#journal.catch(options.onError);
    this.#timer = setInterval(() => void this.report().catch(options.onError), options.reportSeconds * 1000);
    this.#timer.unref();
  }

  /**
   * Counts one call.
   * @param shown the token that is used, by which the registry lets the gate lease
   * @throws RegistryError `quota_exceeded`; `unreachable` where no leased call is left and no other can be leased;
   *   `configuration_invalid`, `malformed_json`, `storage_full` where nothing can be written down
   */
  async count(grant: string, use: Use, shown: string): Promise<void> {
    const journal = await this.#journal;
    for (;;) {
      if (this.#closing !== undefined) throw new RegistryError('shutting_down', 'This service is shutting down.');
      const block = this.#leasedOf(grant) ?? (await this.#lease(journal, grant, shown));
      if (block.left === 0 || this.#closing !== undefined) continue;
      journal.used(block.id, use);
      this.#current.set(grant, { block, at: performance.now() });
      return;
    }
  }

  /**
   * Reports what was used and not reported yet, and gives back what was leased and is not used; callers of one moment
   * share one round.
   * @throws RegistryError `unreachable`; the first of the blocks that were refused, after all others were reported
   */
  report(): Promise<void> {
    this.#reporting ??= this.#round((block, idle) => block.left === 0 || idle).finally(
      () => (this.#reporting = undefined),
    );
    return this.#reporting;
  }

  /** Reports everything and gives back what was leased and not used. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #opened(): Promise<Journal> {
    const journal = await Journal.open(this.options.journal);
    const at = performance.now();
    for (const block of journal.blocks.values()) if (block.left > 0) this.#current.set(block.grant, { block, at });
    return journal;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    const journal = await this.#journal;
    try {
      // What is being leased is given back too, and a round that runs already may have passed by what was used last.
      await Promise.allSettled(this.#leasing.values());
      await this.#reporting?.catch(this.options.onError);
      await this.#round(() => true);
    } finally {
      await journal.close();
    }
  }

  #leasedOf(grant: string): OpenBlock | undefined {
    const current = this.#current.get(grant);
    if (current !== undefined && current.block.left > 0) return current.block;
    this.#current.delete(grant);
    return undefined;
  }

  #lease(journal: Journal, grant: string, shown: string): Promise<OpenBlock> {
    this.#refuseExhausted(grant);
    let leasing = this.#leasing.get(grant);
    if (leasing === undefined) {
      leasing = this.#leased(journal, grant, shown).finally(() => this.#leasing.delete(grant));
      this.#leasing.set(grant, leasing);
    }
    return leasing;
  }

  async #leased(journal: Journal, grant: string, shown: string): Promise<OpenBlock> {
    const id = newId('usageblock');
    this.#inFlight.add(id);
    try {
      journal.leasing(id, grant);
      const { calls } = leaseSchema.parse(
        await this.#post(`/v1/grants/${grant}/usage-blocks`, { id, calls: this.options.blockCalls, token: shown }),
      );
      journal.leased(id, grant, calls);
    } catch (error) {
      if (isFinal(error)) journal.settled(id);
      if (error instanceof RegistryError && error.code === 'quota_exceeded') {
        this.#exhausted.set(grant, { at: performance.now(), error });
      }
      throw error;
    } finally {
      this.#inFlight.delete(id);
    }
    const block = journal.blocks.get(id)!;
    this.#current.set(grant, { block, at: performance.now() });
    return block;
  }

  /** Whoever asks on and on beyond its quota must not make the gate ask the registry on and on. */
  #refuseExhausted(grant: string): void {
    const before = performance.now() - EXHAUSTED_MS;
    for (const [each, { at }] of this.#exhausted) {
      if (at > before) break;
      this.#exhausted.delete(each);
    }
    const found = this.#exhausted.get(grant);
    if (found !== undefined) throw found.error;
  }

  /** One block that is refused keeps no other from being reported; a registry that cannot be reached ends the round. */
  async #round(isOver: (block: OpenBlock, idle: boolean) => boolean): Promise<void> {
    const journal = await this.#journal;
    const refused: unknown[] = [];
    const each = async (of: Promise<void>): Promise<void> => {
      try {
        await of;
      } catch (error) {
        if (!isFinal(error)) throw error;
        refused.push(error);
      }
    };
    for (const [id, grant] of journal.asked) if (!this.#inFlight.has(id)) await each(this.#giveUp(journal, id, grant));
    for (const block of [...journal.blocks.values()]) await each(this.#reportOf(journal, block, isOver));
    if (refused.length > 0) throw refused[0];
  }

  async #reportOf(
    journal: Journal,
    block: OpenBlock,
    isOver: (block: OpenBlock, idle: boolean) => boolean,
  ): Promise<void> {
    const { id, grant } = block;
    try {
      if (block.pending !== undefined) await this.#send(journal, grant, block.pending);
      while (block.unreported.size > 0) {
        const report = reportOf(block);
        journal.reporting(report);
        await this.#send(journal, grant, report);
      }
      if (!isOver(block, this.#isIdle(block))) return;
      if (block.left > 0) {
        // Without a network, what was leased beforehand is all that there is.
        await this.#reach();
        // It was used again meanwhile.
        if (block.unreported.size > 0) return;
      }
      journal.settling(id);
      await this.#post(`/v1/grants/${grant}/usage-blocks/${id}/settle`, {});
      journal.settled(id);
      if (this.#current.get(grant)?.block === block) this.#current.delete(grant);
    } catch (error) {
      // Nothing more is spent of a block that the registry does not take uses of.
      if (isFinal(error) && block.left > 0) journal.settling(id);
      throw error;
    }
  }

  /** Leased calls that nobody uses here may be wanted by another gate. */
  #isIdle(block: OpenBlock): boolean {
    const current = this.#current.get(block.grant);
    if (current?.block !== block) return false;
    return performance.now() - current.at >= this.options.idleSeconds * 1000;
  }

  async #send(journal: Journal, grant: string, report: Report): Promise<void> {
    await this.#post(`/v1/grants/${grant}/usage`, report);
    journal.reported(report);
  }

  /** A block that was asked for by a process that was killed before it had the answer. */
  async #giveUp(journal: Journal, id: string, grant: string): Promise<void> {
    try {
      await this.#post(`/v1/grants/${grant}/usage-blocks/${id}/settle`, {});
    } catch (error) {
      // The registry never heard of it.
      if (!(error instanceof RegistryError && error.code === 'use_not_licensed')) throw error;
    }
    journal.settled(id);
  }

  async #reach(): Promise<void> {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      await fetch(this.options.registry, { method: 'HEAD', redirect: 'manual', signal });
    } catch (cause) {
      throw this.#unreachable(cause);
    }
  }

  async #post(path: string, body: object): Promise<unknown> {
    const { registry, apiKey } = this.options;
    let response: Response;
    let answer: unknown;
    try {
      response = await fetch(registry + path, {
        method: 'POST',
        redirect: 'error',
        headers: {
          authorization: `Bearer ${apiKey}`,
          'content-type': 'application/json',
          'x-request-id': randomUUID(),
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = fromUtf8(await atMost(response, MAX_ANSWER));
      // Whatever stands between may answer an error in its own way.
      answer = response.ok ? JSON.parse(text) : problemOf(text);
    } catch (cause) {
      throw this.#unreachable(cause);
    }
    if (response.ok) return answer;
    const { code = '', detail = `it answered ${response.status}` } = answer as Partial<Problem>;
    if (isTold(code)) throw new RegistryError(code, detail);
    if (REFUSED.has(response.status)) throw new RegistryError('use_not_licensed', detail, { field: 'grant' });
    throw new RegistryError(
      isPassing(response.status) ? 'unreachable' : 'configuration_invalid',
      `The registry refused to count: ${detail}`,
      { field: 'usage' },
    );
  }

  #unreachable(cause: unknown): RegistryError {
    return new RegistryError('unreachable', `The registry ${this.options.registry} cannot be reached.`, { cause });
  }
}

function reportOf({ id, unreported, since }: OpenBlock): Report {
  const uses = [...unreported].slice(0, MAX_USES).map(([key, calls]) => {
    const [token, action] = JSON.parse(key) as [string, string];
    return { token, action, calls };
  });
  // The clock may have been moved back since the last report.
  const now = new Date().toISOString();
  return { id: newId('usagereport'), block: id, uses, from: since, to: now < since ? since : now };
}

/** Whether the registry has decided: the same request again gets the same answer. */
const isFinal = (error: unknown): boolean => error instanceof RegistryError && error.code !== 'unreachable';

function problemOf(text: string): Partial<Problem> {
  try {
    return problemSchema.parse(JSON.parse(text));
  } catch {
    return {};
  }
}
