/**
 * Follows the published log and makes the deliveries: in log order, and none twice. Cursor, deliveries and their jobs
 * move in one transaction, so a process that is killed leaves either all of a stretch or nothing of it, and the next one
 * goes on. One process at a time does it, by a lock on the cursor.
 */
import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import type { EntityManager } from 'typeorm';
import { Ledger, LogReader } from '../ledger/index.ts';
import { Config } from '../platform/config/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import { Deliverer } from './deliverer.ts';
import { EventTypes } from './event-types.ts';
import { checkpointEvent, StatementEvents } from './events.ts';
import type { Event } from './events.ts';
import * as store from './webhook.store.ts';

/** Statements of one transaction. */
const STRETCH = 256;
const SWEEP_MS = 60_000;

@Injectable()
export class Dispatcher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopping = false;
  #swept = 0;

  constructor(
    private readonly database: DataSource,
    private readonly ledger: Ledger,
    private readonly reader: LogReader,
    private readonly types: EventTypes,
    private readonly deliverer: Deliverer,
    private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.#turn().finally(() => (this.#running = undefined));
    }, this.config.checkpointIntervalMs);
    this.#timer.unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  async #turn(): Promise<void> {
    try {
      while (!this.#stopping && (await this.#dispatch()));
      if (!this.#stopping && Date.now() - this.#swept > SWEEP_MS) await this.#sweep();
    } catch (err) {
      this.log.error({ err }, 'The events for webhooks could not be made; the next try follows.');
    }
  }

  /** @returns whether there is more */
  async #dispatch(): Promise<boolean> {
    const { size: published } = await this.reader.checkpoint();
    return this.database.transaction(async (manager) => {
      const from = await store.lockCursor(manager, published);
      if (from === undefined) return false;
      const webhooks = await store.readWebhooks(manager);
      if (webhooks.length > 0) await this.deliverer.start();
      if (from >= published) return false;
      const to = webhooks.length === 0 ? published : Math.min(from + STRETCH, published);
      if (webhooks.length > 0) await this.#enqueue(manager, await this.#events(manager, webhooks, from, to));
      await store.moveCursor(manager, to);
      return to < published;
    });
  }

  async #events(
    manager: EntityManager,
    webhooks: readonly store.WebhookRow[],
    from: number,
    to: number,
  ): Promise<Event[]> {
    const { origin } = this.ledger;
    const overseers = await store.readOverseers(
      manager,
      webhooks.map(({ partyId }) => partyId),
    );
    const statements = await store.readRecorded(manager, from, to);
    const checkpoints = await store.readCheckpoints(manager, from, to);
    return [
      ...statements.flatMap((row) => {
        const statement = new StatementEvents(origin, row);
        return webhooks.flatMap((each) => statement.for(each, this.types, overseers.has(each.partyId)));
      }),
      ...checkpoints.flatMap((row) => webhooks.flatMap((each) => checkpointEvent(origin, each, row))),
    ];
  }

  async #enqueue(manager: EntityManager, events: readonly Event[]): Promise<void> {
    if (events.length === 0) return;
    const deliveries = events.map((event) => ({ ...event, jobId: randomUUID() }));
    const made = await store.insertDeliveries(manager, deliveries);
    for (const { id, jobId } of deliveries) {
      if (made.has(id)) await this.deliverer.enqueue(manager, id, jobId);
    }
  }

  async #sweep(): Promise<void> {
    this.#swept = Date.now();
    const { manager } = this.database;
    const failed = await store.failOrphans(manager);
    const pruned = await store.prune(manager, this.config.webhookRetentionDays);
    if (failed + pruned > 0) this.log.info({ failed, pruned }, 'The deliveries to webhooks were swept.');
  }
}
