/**
 * Puts on record that an offer has lapsed: once a minute, for those whose time is over. Replicas may do it at once; the
 * second is refused, since the offer is not open any more.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import { instrumentAct } from '../core/registry/index.ts';
import { Ledger } from '../ledger/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import { overdueInstruments } from './title.store.ts';

const INTERVAL_MS = 60_000;
const AT_A_TIME = 100;

@Injectable()
export class Lapses implements OnApplicationBootstrap, OnModuleDestroy {
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

  /** Records every lapse that is due; callers of one moment share one round. */
  record(): Promise<void> {
    this.#running ??= this.#record().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #record(): Promise<void> {
    for (;;) {
      const due = await overdueInstruments(this.database.manager, AT_A_TIME);
      const outcomes = await Promise.allSettled(due.map((id) => this.#lapse(id)));
      const failed = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
      // One that cannot be recorded does not keep the others from it.
      if (due.length === AT_A_TIME && failed.length < due.length) continue;
      if (failed.length === 0) return;
      throw new AggregateError(failed, `${failed.length} of ${due.length} lapses could not be recorded`);
    }
  }

  async #lapse(instrument: string): Promise<void> {
    const body = { instrument, act: 'lapse' as const, reason: null };
    try {
      await this.ledger.attest(instrumentAct, { maker: this.ledger.registryParty, body });
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'state_conflict') return;
      throw error;
    }
  }

  async #try(): Promise<void> {
    try {
      await this.record();
    } catch (error) {
      this.log.error({ err: error }, 'lapsed offers could not be put on record; tried again in a minute');
    }
  }
}
