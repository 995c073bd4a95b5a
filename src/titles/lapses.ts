/** Puts on record that an offer has lapsed, for those whose time is over. */
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { instrumentAct } from '../core/registry/index.ts';
import { Ledger, Sweep } from '../ledger/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import { overdueInstruments } from './title.store.ts';

@Injectable()
export class Lapses implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #sweep: Sweep<string>;

  constructor(ledger: Ledger, @Inject(LOG) log: Log, database: DataSource) {
    const due = {
      name: 'lapses',
      find: (most: number) => overdueInstruments(database.manager, most),
      record: (instrument: string) => {
        const body = { instrument, act: 'lapse' as const, reason: null };
        return ledger.attest(instrumentAct, { maker: ledger.registryParty, body });
      },
    };
    this.#sweep = new Sweep(due, log);
  }

  onApplicationBootstrap(): void {
    this.#sweep.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.#sweep.stop();
  }

  /** Records every lapse that is due. */
  record(): Promise<void> {
    return this.#sweep.run();
  }
}
