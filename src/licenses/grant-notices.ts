/** Tells the sides of grants, on record, what is about to end, and what has ended because something above it did. */
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { GrantNotice } from '../core/registry/grant-notice.ts';
import { WARNING_DAYS } from '../core/registry/grant-notice.ts';
import { grantNotice } from '../core/registry/index.ts';
import { Ledger, Sweep } from '../ledger/index.ts';
import type { EntityManager } from '../platform/database/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import type { DueNotice } from './grant.store.ts';
import { dueWarnings, endedWithParent } from './grant.store.ts';

const DAY_MS = 86_400_000;

@Injectable()
export class GrantNotices implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #sweep: Sweep<DueNotice>;

  constructor(ledger: Ledger, @Inject(LOG) log: Log, database: DataSource) {
    const due = {
      name: 'notices about grants',
      find: (most: number) => dueNotices(database.manager, new Date(), most),
      record: (body: DueNotice) => ledger.attest(grantNotice, { maker: ledger.registryParty, body }),
    };
    this.#sweep = new Sweep(due, log);
  }

  onApplicationBootstrap(): void {
    this.#sweep.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.#sweep.stop();
  }

  /** Gives every notice that is due. */
  give(): Promise<void> {
    return this.#sweep.run();
  }
}

async function dueNotices(manager: EntityManager, now: Date, most: number): Promise<DueNotice[]> {
  const at = now.toISOString();
  const warnings = Object.entries(WARNING_DAYS).map(([notice, days]) => ({
    notice: notice as GrantNotice,
    until: new Date(now.getTime() + days * DAY_MS).toISOString(),
  }));
  return [
    ...(await dueWarnings(manager, { at, warnings, limit: most })),
    ...(await endedWithParent(manager, at, most)),
  ];
}
