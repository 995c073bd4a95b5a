/**
 * Counts uses against quotas without asking before each: calls are leased in blocks from the registry, spent here, and
 * reported in batches. What is used is written down first, so that each call is reported once, whatever is killed when.
 */
import { randomUUID } from 'node:crypto';
import { RegistryError } from '../core/errors.ts';
import { newId } from '../platform/crypto.ts';
import type { OpenBlock, Report, Use } from './journal.ts';
import { Journal } from './journal.ts';

const TIMEOUT_MS = 10_000;
/** Groups of uses in one report, at most. */
const MAX_USES = 1000;

export interface MeterOptions {
  readonly registry: string;
  /** With the scope `usage:write` */
  readonly apiKey: string;
  /** A file of this process alone */
  readonly journal: string;
  /** Calls leased at a time; what a gate that vanished had leased stays used */
  readonly blockCalls: number;
  readonly reportSeconds: number;
  /** Told when a report could not be sent; it is sent again with the next */
  readonly onError: (error: unknown) => void;
}

/** The grant is not in force, not there, or not for the token that was shown. */
const REFUSED: ReadonlySet<number> = new Set([404, 409]);

/** What the registry says of a token or quota when calls are leased, and the gate has not seen yet. */
const TOLD = ['quota_exceeded', 'token_revoked', 'token_suspended', 'token_expired'] as const;
const isTold = (code: string): code is (typeof TOLD)[number] => (TOLD as readonly string[]).includes(code);

interface Problem {
  code: string;
  detail: string;
}

export class Meter {
  readonly #journal: Journal;
  readonly #leasing = new Map<string, Promise<OpenBlock>>();
  /** The block that each grant's calls are spent from */
  readonly #current = new Map<string, OpenBlock>();
  readonly #inFlight = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #reporting: Promise<void> | undefined;
  #closed = false;

  constructor(private readonly options: MeterOptions) {
    this.#journal = new Journal(options.journal);
    this.#timer = setInterval(() => void this.report().catch(options.onError), options.reportSeconds * 1000);
    this.#timer.unref();
  }

  /**
   * Counts one call.
   * @param shown the token that is used, by which the registry lets the gate lease
   * @throws RegistryError `quota_exceeded`; `unreachable` where no leased call is left and no other can be leased
   */
  async count(grant: string, use: Use, shown: string): Promise<void> {
    for (;;) {
      const block = this.#open(grant) ?? (await this.#lease(grant, shown));
      if (this.#closed) throw new RegistryError('shutting_down', 'This service is shutting down.');
      if (block.left === 0) continue;
      this.#journal.used(block.id, use);
      return;
    }
  }

  /** Reports what was used and not reported yet; callers of one moment share one round. @throws RegistryError `unreachable` */
  report(): Promise<void> {
    this.#reporting ??= this.#report().finally(() => (this.#reporting = undefined));
    return this.#reporting;
  }

  /** Reports everything and gives back what was leased and not used. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closed = true;
    try {
      // One that runs already may have passed by what was used last.
      await this.#reporting?.catch(this.options.onError);
      await this.report();
      for (const block of [...this.#journal.blocks.values()]) await this.#settle(block);
    } finally {
      this.#journal.close();
    }
  }

  #open(grant: string): OpenBlock | undefined {
    const current = this.#current.get(grant);
    if (current !== undefined && current.left > 0) return current;
    const next = [...this.#journal.blocks.values()].find((block) => block.grant === grant && block.left > 0);
    if (next === undefined) this.#current.delete(grant);
    else this.#current.set(grant, next);
    return next;
  }

  #lease(grant: string, shown: string): Promise<OpenBlock> {
    let leasing = this.#leasing.get(grant);
    if (leasing === undefined) {
      leasing = this.#leased(grant, shown).finally(() => this.#leasing.delete(grant));
      this.#leasing.set(grant, leasing);
    }
    return leasing;
  }

  async #leased(grant: string, shown: string): Promise<OpenBlock> {
    const id = newId('usageblock');
    this.#inFlight.add(id);
    try {
      this.#journal.leasing(id, grant);
      const { calls } = await this.#post<{ calls: number }>(`/v1/grants/${grant}/usage-blocks`, {
        ...{ id, calls: this.options.blockCalls, token: shown },
      });
      this.#journal.leased(id, grant, calls);
    } finally {
      this.#inFlight.delete(id);
    }
    return this.#journal.blocks.get(id)!;
  }

  async #report(): Promise<void> {
    for (const [id, grant] of this.#journal.asked) if (!this.#inFlight.has(id)) await this.#giveUp(id, grant);
    for (const block of [...this.#journal.blocks.values()]) {
      if (block.pending !== undefined) await this.#send(block.grant, block.pending);
      while (block.unreported.size > 0) {
        const report = reportOf(block);
        this.#journal.reporting(report);
        await this.#send(block.grant, report);
      }
      if (block.left === 0) await this.#settle(block);
    }
  }

  async #send(grant: string, report: Report): Promise<void> {
    await this.#post(`/v1/grants/${grant}/usage`, report);
    this.#journal.reported(report.id);
  }

  /** A block that was asked for by a process that was killed before it had the answer. */
  async #giveUp(id: string, grant: string): Promise<void> {
    try {
      await this.#post(`/v1/grants/${grant}/usage-blocks/${id}/settle`, {});
    } catch (error) {
      // The registry never heard of it.
      if (!(error instanceof RegistryError && error.code === 'use_not_licensed')) throw error;
    }
    this.#journal.settled(id);
  }

  async #settle({ id, grant }: OpenBlock): Promise<void> {
    await this.#post(`/v1/grants/${grant}/usage-blocks/${id}/settle`, {});
    this.#journal.settled(id);
  }

  async #post<T>(path: string, body: object): Promise<T> {
    const { registry, apiKey } = this.options;
    let response: Response;
    let text: string;
    try {
      response = await fetch(registry + path, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${apiKey}`,
          'content-type': 'application/json',
          'x-request-id': randomUUID(),
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (cause) {
      throw new RegistryError('unreachable', `The registry ${registry} cannot be reached.`, { cause });
    }
    if (response.ok) return JSON.parse(text) as T;
    const problem = problemOf(text);
    if (problem !== undefined && isTold(problem.code)) throw new RegistryError(problem.code, problem.detail);
    if (problem !== undefined && REFUSED.has(response.status)) {
      throw new RegistryError('use_not_licensed', problem.detail, { field: 'grant' });
    }
    throw new RegistryError('unreachable', `The registry refused to count: ${problem?.detail ?? response.status}`);
  }
}

function reportOf({ id, unreported, since }: OpenBlock): Report {
  const uses = [...unreported].slice(0, MAX_USES).map(([key, calls]) => {
    const [token, action] = JSON.parse(key) as [string, string];
    return { token, action, calls };
  });
  return { id: newId('usagereport'), block: id, uses, from: since, to: new Date().toISOString() };
}

function problemOf(text: string): Problem | undefined {
  try {
    return JSON.parse(text) as Problem;
  } catch {
    return undefined;
  }
}
