/**
 * Tells the sides of grants what is about to end, and what has ended because something above it did: every minute, one
 * statement of the registry for each notice. Replicas may do it at once; the second is refused, since it was told.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import { WARNING_DAYS } from '../core/registry/grant-notice.ts';
import type { GrantNotice } from '../core/registry/grant-notice.ts';
import { grantNotice } from '../core/registry/index.ts';
import { Ledger } from '../ledger/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import type { DueNotice } from './grant.store.ts';
import { dueWarnings, endedWithParent } from './grant.store.ts';

const INTERVAL_MS = 60_000;
const DAY_MS = 86_400_000;
const AT_A_TIME = 100;

@Injectable()
export class GrantNotices implements OnApplicationBootstrap, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(
    private readonly ledger: Ledger,
    @Inject(LOG) private readonly log: Log,
    private readonly database: DataSource,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.#try(), INTERVAL_MS);
    this.#timer.unref();
  }

  /** Before the ledger stops writing. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Gives every notice that is due; callers of one moment share one round. */
  give(): Promise<void> {
    this.#running ??= this.#give().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #give(): Promise<void> {
    for (;;) {
      const due = await this.#due(new Date());
      const outcomes = await Promise.allSettled(due.map((notice) => this.#record(notice)));
      const failed = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
      // One that cannot be recorded does not keep the others from it.
      if (due.length >= AT_A_TIME && failed.length < due.length) continue;
      if (failed.length === 0) return;
      throw new AggregateError(failed, `${failed.length} of ${due.length} notices could not be recorded`);
    }
  }

  async #due(now: Date): Promise<DueNotice[]> {
    const { manager } = this.database;
    const at = now.toISOString();
    const warnings = Object.entries(WARNING_DAYS).map(([notice, days]) => ({
      notice: notice as GrantNotice,
      until: new Date(now.getTime() + days * DAY_MS).toISOString(),
    }));
    return [
      ...(await dueWarnings(manager, { at, warnings, limit: AT_A_TIME })),
      ...(await endedWithParent(manager, at, AT_A_TIME)),
    ];
  }

  async #record(body: DueNotice): Promise<void> {
    try {
      await this.ledger.attest(grantNotice, { maker: this.ledger.registryParty, body });
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'state_conflict') return;
      throw error;
    }
  }

  async #try(): Promise<void> {
    try {
      await this.give();
    } catch (error) {
      this.log.error({ err: error }, 'notices about grants could not be put on record; tried again in a minute');
    }
  }
}
