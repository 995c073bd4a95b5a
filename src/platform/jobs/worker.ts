/** One taker of jobs: fetches, holds the job's lock, runs the handler, reports. jobs.ts says why the lock. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type PgBoss from 'pg-boss';
import { RegistryError } from '../../core/errors.ts';
import type { Log } from '../logging/index.ts';
import { JOBS_SCHEMA } from './queues.ts';
import type { QueueName } from './queues.ts';

export interface Job<T extends object> {
  id: string;
  data: T;
  /** 0 the first time, then how often it was put back. */
  retries: number;
}

/**
 * Runs one job. It must stop soon after `signal` aborts; `signal.reason` is a RegistryError `cancelled` when the job was
 * cancelled, and anything else when another worker shall go on.
 */
export type JobHandler<T extends object> = (job: Job<T>, signal: AbortSignal) => Promise<object | void>;

const POLL_MS = 500;
/** A job may be active for this long before its worker has got the lock. */
const LOCK_GRACE = '5 seconds';

export class Worker {
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  #locks: pg.Client | undefined;
  #running: AbortController | undefined;

  constructor(
    private readonly boss: PgBoss,
    private readonly connect: () => Promise<pg.Client>,
    private readonly queue: QueueName,
    private readonly handler: JobHandler<object>,
    private readonly log: Log,
  ) {
    this.#done = this.run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new RegistryError('shutting_down', 'The worker is stopping.'));
    this.#running?.abort(this.#stopping.signal.reason);
    await this.#done;
  }

  private async run(): Promise<void> {
    const { signal } = this.#stopping;
    let pause = POLL_MS;
    while (!signal.aborted) {
      try {
        const locks = (this.#locks ??= await this.openLocks());
        await this.putBackAbandoned(locks);
        if (!(await this.takeOne(locks))) await idle(POLL_MS, signal);
        pause = POLL_MS;
      } catch (error) {
        this.log.error({ err: error }, 'The worker cannot reach the job queue; it tries again.');
        await idle((pause = Math.min(10_000, pause * 2)), signal);
      }
    }
    await this.#locks?.end();
  }

  private async openLocks(): Promise<pg.Client> {
    const client = await this.connect();
    client.on('error', (err) => {
      this.log.error({ err }, 'The connection that holds the job lock broke.');
      this.#locks = undefined;
      this.#running?.abort(new RegistryError('database_unavailable', 'The job lock is lost.'));
    });
    return client;
  }

  /** Jobs that are marked active and whose worker is gone. */
  private async putBackAbandoned(locks: pg.Client): Promise<void> {
    const { rows } = await locks.query<{ id: string }>(
      `SELECT id FROM ${JOBS_SCHEMA}.job
        WHERE name = $1 AND state = 'active' AND started_on < now() - interval '${LOCK_GRACE}'`,
      [this.queue],
    );
    for (const { id } of rows) {
      if (!(await this.lock(locks, id))) continue;
      // Between the look and the lock its worker may have finished it.
      const { rowCount } = await locks.query(
        `SELECT FROM ${JOBS_SCHEMA}.job WHERE name = $1 AND id = $2 AND state = 'active'
            AND started_on < now() - interval '${LOCK_GRACE}'`,
        [this.queue, id],
      );
      if (rowCount) {
        this.log.warn({ job: id }, 'The worker of a job is gone: putting the job back.');
        await this.boss.fail(this.queue, id, { message: 'the worker that ran it is gone' });
      }
      await this.unlock(locks, id);
    }
  }

  /** @returns whether there was a job */
  private async takeOne(locks: pg.Client): Promise<boolean> {
    const [fetched] = await this.boss.fetch<object>(this.queue, { includeMetadata: true });
    if (!fetched) return false;
    if (!(await this.lock(locks, fetched.id))) return true;
    try {
      // If this process froze before it had the lock, another may have taken the job over.
      const { rowCount } = await locks.query(
        `SELECT FROM ${JOBS_SCHEMA}.job
          WHERE name = $1 AND id = $2 AND state = 'active' AND retry_count = $3`,
        [this.queue, fetched.id, fetched.retryCount],
      );
      // A lock that was lost just now is nobody's: the job is put back like one whose worker is gone.
      if (rowCount && this.#locks === locks)
        await this.handle({ id: fetched.id, data: fetched.data, retries: fetched.retryCount });
    } finally {
      await this.unlock(locks, fetched.id);
    }
    return true;
  }

  private async handle(job: Job<object>): Promise<void> {
    const running = (this.#running = new AbortController());
    if (this.#stopping.signal.aborted) running.abort(this.#stopping.signal.reason);
    const watch = this.watchForCancel(job.id, running);
    try {
      running.signal.throwIfAborted();
      const output = await this.handler(job, running.signal);
      await this.boss.complete(this.queue, job.id, output ?? {});
    } catch (error) {
      if (isCancelled(running.signal)) return;
      // Handed back by a stop: that is no failure worth a stack.
      if (!this.#stopping.signal.aborted) this.tellFailure(job.id, error);
      await this.boss.fail(this.queue, job.id, {
        message: error instanceof RegistryError ? error.message : 'internal',
      });
    } finally {
      running.abort(new RegistryError('shutting_down', 'The job is over.'));
      this.#running = undefined;
      await watch;
    }
  }

  /** What failed on purpose is told by its sentence; a bug with all that is known of it. */
  private tellFailure(job: string, error: unknown): void {
    if (error instanceof RegistryError && error.code === 'unreachable') this.log.warn({ job }, error.message);
    else this.log.error({ err: error, job }, 'A job failed.');
  }

  private async watchForCancel(id: string, running: AbortController): Promise<void> {
    while (!running.signal.aborted) {
      await idle(1000, running.signal);
      if (running.signal.aborted) return;
      try {
        const job = await this.boss.getJobById(this.queue, id);
        if (job?.state !== 'active') running.abort(new RegistryError('cancelled', 'The job was cancelled.'));
      } catch (error) {
        // The lock connection decides whether the job may go on; a missed look at the state does not.
        this.log.warn({ err: error }, 'The state of a running job cannot be read.');
      }
    }
  }

  private async lock(locks: pg.Client, id: string): Promise<boolean> {
    const { rows } = await locks.query<{ got: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS got',
      [`muniment job ${id}`],
    );
    return rows[0]?.got === true;
  }

  private async unlock(locks: pg.Client, id: string): Promise<void> {
    // A broken connection has given its locks up already.
    if (this.#locks === locks)
      await locks.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [`muniment job ${id}`]);
  }
}

const isCancelled = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && reason instanceof RegistryError && reason.code === 'cancelled';

/** A pause that an abort ends early. */
function idle(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
