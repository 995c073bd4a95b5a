/**
 * Background jobs on pg-boss: sent in the caller's transaction, taken by workers on any machine, run by one at a time.
 *
 * pg-boss notices a dead worker only when the job's time is over, which for a training is hours. So whoever runs a job
 * also holds a PostgreSQL advisory lock on its id, on a connection of its own: the lock ends with the process, and the
 * next worker that finds an active job without a lock puts it back. A worker whose connection breaks has lost its lock
 * and is told to stop through its `AbortSignal`.
 */
import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import PgBoss from 'pg-boss';
import { RegistryError } from '../../core/errors.ts';
import type { Database } from '../database/index.ts';
import type { Log } from '../logging/index.ts';
import { JOBS_SCHEMA } from './queues.ts';
import type { QueueName } from './queues.ts';
import { Worker } from './worker.ts';
import type { JobHandler } from './worker.ts';

export type JobState = 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed';

/** The part of TypeORM's `EntityManager` that sending needs. */
export interface Transaction {
  query(sql: string, values?: unknown[]): Promise<unknown>;
}

export interface SendOptions {
  /** The job exists when and only when this transaction commits. */
  transaction?: Transaction;
  /** The job's id, when the caller needs it before it is sent. */
  id?: string;
  priority?: number;
  /** How often it is tried again, and after what pause, which doubles each time; the queue's own where it is left out. */
  retry?: { limit: number; delaySeconds: number };
}

@Injectable()
export class Jobs implements OnApplicationShutdown {
  readonly #boss: PgBoss;
  readonly #workers: Worker[] = [];
  #started: Promise<unknown> | undefined;

  constructor(
    private readonly database: Database,
    private readonly log: Log,
  ) {
    this.#boss = new PgBoss({
      connectionString: database.appUrl.reveal(),
      schema: JOBS_SCHEMA,
      migrate: false,
      schedule: false,
      max: 3,
    });
    this.#boss.on('error', (err) => log.error({ err }, 'The job queue reports an error.'));
  }

  /** @returns the job's id */
  async send(queue: QueueName, data: object, { transaction, id, priority, retry }: SendOptions = {}): Promise<string> {
    await this.start();
    const sent = await this.#boss.send(queue, data, {
      ...(id === undefined ? {} : { id }),
      ...(priority === undefined ? {} : { priority }),
      ...(retry === undefined ? {} : { retryLimit: retry.limit, retryDelay: retry.delaySeconds, retryBackoff: true }),
      ...(transaction === undefined ? {} : { db: throughTransaction(transaction) }),
    });
    if (sent === null) throw new RegistryError('already_exists', `There is a job ${id} already.`);
    return sent;
  }

  /** Cancels a job that waits or runs; its handler's signal aborts within a second or two. */
  async cancel(queue: QueueName, id: string): Promise<void> {
    await this.start();
    await this.#boss.cancel(queue, id);
  }

  async state(queue: QueueName, id: string): Promise<JobState | undefined> {
    await this.start();
    return (await this.#boss.getJobById(queue, id))?.state;
  }

  /** Takes jobs of a queue, one after the other, until `stop`. */
  async work<T extends object>(queue: QueueName, handler: JobHandler<T>): Promise<Worker> {
    await this.start();
    const worker = new Worker(this.#boss, () => this.lockConnection(), queue, handler as JobHandler<object>, this.log);
    this.#workers.push(worker);
    return worker;
  }

  /** Aborts running handlers, puts their jobs back and closes the connections. */
  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    if (!this.#started) return;
    await this.#started;
    await this.#boss.stop({ graceful: false, close: true, wait: true });
    this.#started = undefined;
  }

  onApplicationShutdown(): Promise<void> {
    return this.stop();
  }

  private start(): Promise<unknown> {
    this.#started ??= this.#boss.start().catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
  }

  private async lockConnection(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.database.appUrl.reveal(),
      application_name: 'muniment job lock',
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
    });
    await client.connect();
    return client;
  }
}

function throughTransaction(transaction: Transaction): PgBoss.Db {
  return {
    executeSql: async (text: string, values: unknown[]) => ({
      rows: (await transaction.query(text, values)) as unknown[],
    }),
  };
}
