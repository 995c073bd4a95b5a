/**
 * The one way into the log. Writes gather in a queue while the batch before them commits; each batch is one database
 * transaction that locks the head, judges every write in order, and moves head, statements, rows and tiles together.
 * What a crash would mean stands at each step.
 *
 * Replicas follow one another on the head's row lock, so the order of the log is the order of the commits and two
 * transfers of one thing can never both win. A checkpoint leaves the process only after the anchor holds it.
 */
import type { DataSource, EntityManager } from 'typeorm';
import { equalBytes } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import type { Commit } from '../platform/database/index.ts';
import { together, transaction } from '../platform/database/index.ts';
import type { Anchor, Head } from './anchor.ts';
import { refuseRollback } from './anchor.ts';
import type { Outcome, Submission, Waiting } from './batch.ts';
import { judgeBatch, load, writesMore } from './batch.ts';
import type { CheckpointSigner } from './checkpoint-signer.ts';
import { eraseValues } from './erasure.store.ts';
import type { Edge } from './growth.ts';
import { grow, readEdge } from './growth.ts';
import { lockHead } from './log.store.ts';

export type { Outcome, Submission } from './batch.ts';

/** Both bound the time that other replicas wait for the head, and the second what one statement of SQL carries. */
const MAX_BATCH = 512;
const MAX_BATCH_BYTES = 16 * 1024 * 1024;
const MAX_QUEUE = 20_000;

export class LogWriter {
  #queue: Waiting[] = [];
  #running: Promise<void> | undefined;
  #stopped = false;
  readonly #releasing = new Set<Promise<void>>();
  /** The right edge of the log whose head this process wrote last; good only while the head in the database is that one. */
  #edge: (Edge & { head: Head }) | undefined;

  constructor(
    private readonly database: DataSource,
    private readonly signer: CheckpointSigner,
    private readonly anchor: Anchor,
  ) {}

  /** @throws RegistryError as judged, or `database_unavailable`, `ledger_refuses_to_sign` */
  submit(submission: Submission): Promise<Outcome> {
    if (this.#stopped)
      throw new RegistryError('shutting_down', 'The registry is shutting down.', { fix: 'Try again.' });
    if (this.#queue.length >= MAX_QUEUE) {
      throw new RegistryError('rate_limited', 'Too many writes are waiting.', { fix: 'Try again in a moment.' });
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ submission, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await Promise.all(this.#releasing);
  }

  async #drain(): Promise<void> {
    try {
      // One turn of the event loop lets the requests that arrived together travel together.
      await new Promise((resolve) => setImmediate(resolve));
      while (this.#queue.length > 0) await this.#commit(this.#nextBatch());
    } finally {
      this.#running = undefined;
    }
  }

  #nextBatch(): Waiting[] {
    let bytes = 0;
    const full = this.#queue.findIndex(
      ({ submission }, i) => i === MAX_BATCH || (bytes += submission.signed.payload.length) > MAX_BATCH_BYTES,
    );
    return this.#queue.splice(0, full < 0 ? this.#queue.length : full);
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    let settled: readonly (() => void)[] = [];
    try {
      // A crash before the commit leaves nothing; one after it leaves the whole batch, answered by nobody: a repeated
      // request finds its record by idempotency key or by the statement's digest.
      const head = await transaction(this.database, async (manager, commit) => {
        const outcome = await this.#append(manager, commit, batch);
        settled = outcome.settled;
        return outcome.head;
      });
      this.#release(head, settled, batch);
    } catch (error) {
      // Nobody knows whether the commit arrived, so what was remembered of the tree is not believed any more.
      this.#edge = undefined;
      if (batch.length > 1 && isRefusal(error)) {
        for (const waiting of batch) await this.#commit([waiting]);
      } else {
        for (const waiting of batch) waiting.reject(error);
      }
    }
  }

  /**
   * Answers once the anchor holds the head; the next batch need not wait for that. A crash before it leaves the anchor
   * behind the database, which the next start accepts and mends.
   */
  #release(head: Head | undefined, settled: readonly (() => void)[], batch: readonly Waiting[]): void {
    const released = (head ? this.anchor.put(head) : Promise.resolve()).then(
      () => {
        for (const settle of settled) settle();
      },
      (error: unknown) => {
        for (const waiting of batch) waiting.reject(error);
      },
    );
    this.#releasing.add(released);
    void released.then(() => this.#releasing.delete(released));
  }

  async #append(
    manager: EntityManager,
    commit: Commit,
    batch: readonly Waiting[],
  ): Promise<{ head?: Head; settled: readonly (() => void)[] }> {
    // Sent together, answered in order: the rows are read under the lock that the first query takes.
    const [head, known] = await Promise.all([lockHead(manager), load(manager, batch)]);
    if (head === undefined) throw new RegistryError('ledger_inconsistent', 'The log has no head.');
    if (this.anchor.newest) refuseRollback(head, this.anchor.newest);
    const judged = await judgeBatch(manager, head, batch, known);
    const { accepted, settled, erased } = judged;
    if (accepted.length === 0) return { settled };

    for (const { waiting, index } of accepted) await waiting.submission.alongside?.(manager, index);
    const grown = grow(judged, await this.#edgeOf(manager, head), this.signer);
    const writing = together(manager, grown.first, grown.others);
    const [receipts] = await Promise.all([
      meanwhile(() => grown.receipts()),
      // One must not stand without the other, whatever becomes of a query on its way.
      writesMore(judged) ? writing : commit(writing),
    ]);
    if (erased.length > 0) await eraseValues(manager, erased);
    this.#edge = { head: grown.head, ...grown.edge };
    const answers = accepted.map(
      ({ waiting }, i) =>
        () =>
          waiting.resolve({ receipt: receipts[i]! }),
    );
    return { head: grown.head, settled: [...settled, ...answers] };
  }

  async #edgeOf(manager: EntityManager, { size, root }: Head): Promise<Edge> {
    const known = this.#edge;
    if (known && known.head.size === size && equalBytes(known.head.root, root)) return known;
    return readEdge(manager, size);
  }
}

/** Once what was sent to the database is on its way. */
const meanwhile = async <T>(work: () => T): Promise<T> => {
  await new Promise((resolve) => setImmediate(resolve));
  return work();
};

/**
 * For certain nothing was committed, since PostgreSQL refused a value (SQLSTATE classes 22 and 23), or what was to be
 * written alongside was refused. Which write it lies in is found by writing them one at a time; the others must not fail
 * with it.
 */
function isRefusal(error: unknown): boolean {
  if (error instanceof RegistryError) return error.status < 500;
  const { code } = ((error as { driverError?: object }).driverError ?? error) as { code?: unknown };
  return typeof code === 'string' && /^2[23][0-9A-Z]{3}$/.test(code);
}
