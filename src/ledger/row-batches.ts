/**
 * Commits the log to rows of which each is too little for an entry of its own: at the set interval, when enough have
 * gathered, and at the end of the process, one statement over those that no batch holds yet. The statement and the places
 * of the rows in it are one transaction, so a crash leaves either both or rows that the next batch takes.
 *
 * One process at a time makes a batch, by an advisory lock; should the lock be lost, the count of placed rows tells, and
 * the batch is not recorded.
 */
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { fromUtf8, toBase64 } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { batchRoot, MAX_BATCH_SIZE } from '../core/licensing/row-batch.ts';
import { appendLeaves } from '../core/merkle/append.ts';
import { proveInclusionFrom } from '../core/merkle/proof.ts';
import type { TileMap } from '../core/merkle/subtree.ts';
import { tileKey } from '../core/merkle/tile.ts';
import { leafHash } from '../core/merkle/tree.ts';
import type { tokenBatch } from '../core/registry/index.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import { digest } from '../core/statement/statement.ts';
import { newId, sha256 } from '../platform/crypto.ts';
import type { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { holding } from './ledger-core.ts';
import type { Ledger } from './ledger.service.ts';

/** A full batch is 320 KB of hashes. */
const MAX_KEPT_TREES = 16;

/** What anybody needs to hold one row against the log. */
export const rowProofSchema = z.strictObject({
  record: z.string().describe('The bytes behind the leaf, canonical JSON'),
  batch: z
    .strictObject({
      id: z.string(),
      position: z.int(),
      size: z.int(),
      root: digest,
      inclusionProof: z.array(z.string()).describe('Hashes, leaf sibling first, base64'),
      receipt: receiptSchema.describe('Of the statement that holds the root'),
    })
    .nullable()
    .describe('Null until the log has committed to it'),
});
export type RowProof = z.infer<typeof rowProofSchema>;

export interface BatchRow {
  id: string;
  size: number;
  root: Digest;
  statement: Digest;
}

/** The rows, and what becomes of them. */
export interface BatchedTable<Row> {
  /** Of the statements that hold the roots; all kinds of batch have one form. */
  readonly kind: typeof tokenBatch;
  readonly lock: number;
  /** The bytes behind a row's leaf. */
  readonly format: (row: Row) => Uint8Array;
  /** An instant */
  readonly timeOf: (row: Row) => string;
  /** The oldest rows that no batch holds yet, in order of their times. */
  readonly readOpen: (manager: EntityManager, limit: number) => Promise<Row[]>;
  /** Gives rows their places. @returns how many had none before */
  readonly place: (manager: EntityManager, batchId: string, rows: readonly Row[]) => Promise<number>;
  readonly findBatch: (manager: EntityManager, id: string) => Promise<BatchRow | undefined>;
  /** The rows of a batch by position. */
  readonly readBatch: (manager: EntityManager, id: string) => Promise<Row[]>;
}

export abstract class RowBatches<Row> implements OnApplicationBootstrap, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  /** Rows of this process since its last flush. */
  #gathered = 0;
  readonly #trees = new Map<string, TileMap>();

  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
    private readonly log: Log,
    private readonly seconds: number,
    private readonly table: BatchedTable<Row>,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.#tryFlush(), this.seconds * 1000);
    this.#timer.unref();
  }

  /** Before the ledger stops writing. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#tryFlush();
  }

  /** Says that rows were written; enough of them do not wait for the interval. */
  noteWritten(count: number): void {
    this.#gathered += count;
    if (this.#gathered >= MAX_BATCH_SIZE) void this.#tryFlush();
  }

  /** Batches every row that was written before the call; callers of one moment share one flush. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => (this.#flushing = undefined));
    return this.#flushing;
  }

  async prove(row: Row & { batchId: string | null; position: number | null }): Promise<RowProof> {
    const { batchId, position } = row;
    const record = fromUtf8(this.table.format(row));
    const batch = batchId === null ? undefined : await this.table.findBatch(this.database.manager, batchId);
    if (batch === undefined || position === null) return { record, batch: null };
    const { id, size, root, statement } = batch;
    const proof = proveInclusionFrom(sha256, position, size, await this.#tree(id));
    return {
      record,
      batch: {
        id,
        position,
        size,
        root,
        inclusionProof: proof.map(toBase64),
        receipt: await this.ledger.receipt(statement, undefined),
      },
    };
  }

  async #tryFlush(): Promise<void> {
    try {
      await this.flush();
    } catch (err) {
      this.log.error({ err, kind: this.table.kind.kind }, 'The rows could not be batched; the next try follows.');
    }
  }

  async #flush(): Promise<void> {
    this.#gathered = 0;
    const { manager } = this.database;
    if ((await this.table.readOpen(manager, 1)).length === 0) return;
    await holding(this.database, this.table.lock, async () => {
      for (;;) {
        const rows = await this.table.readOpen(manager, MAX_BATCH_SIZE);
        if (rows.length > 0) await this.#record(rows);
        if (rows.length < MAX_BATCH_SIZE) return;
      }
    });
  }

  async #record(rows: readonly Row[]): Promise<void> {
    const { kind, place, timeOf } = this.table;
    const id = newId(kind.kind.replaceAll('-', ''));
    await this.ledger.attest(
      kind,
      {
        maker: this.ledger.registryParty,
        id,
        body: {
          size: rows.length,
          root: batchRoot(sha256, this.#leaves(rows)),
          from: timeOf(rows[0]!),
          to: timeOf(rows.at(-1)!),
        },
      },
      {
        alongside: async (manager) => {
          if ((await place(manager, id, rows)) === rows.length) return;
          throw new RegistryError('state_conflict', 'Another process has batched these rows.');
        },
      },
    );
  }

  async #tree(id: string): Promise<TileMap> {
    const known = this.#trees.get(id);
    if (known !== undefined) return known;
    const leaves = this.#leaves(await this.table.readBatch(this.database.manager, id));
    const { tiles } = appendLeaves(sha256, 0, new Map(), leaves);
    const tree: TileMap = new Map(tiles.map((tile) => [tileKey(tile), tile.bytes]));
    if (this.#trees.size >= MAX_KEPT_TREES) this.#trees.delete(this.#trees.keys().next().value!);
    this.#trees.set(id, tree);
    return tree;
  }

  #leaves(rows: readonly Row[]): Uint8Array[] {
    return rows.map((row) => leafHash(sha256, this.table.format(row)));
  }
}
