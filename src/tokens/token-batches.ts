/**
 * Commits the log to the tokens that were issued: at the set interval, when enough have gathered, and at the end of the
 * process, one `token-batch` statement over those that no batch holds yet. The statement and the places of the tokens in
 * it are one transaction, so a crash leaves either both or tokens that the next batch takes.
 *
 * One process at a time makes a batch, by an advisory lock; should the lock be lost, the count of placed tokens tells,
 * and the batch is not recorded.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { toBase64, fromUtf8 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import { batchRoot, formatIssuanceRecord, issuanceLeaves, MAX_BATCH_SIZE } from '../core/licensing/issuance-record.ts';
import { appendLeaves } from '../core/merkle/append.ts';
import { proveInclusionFrom } from '../core/merkle/proof.ts';
import type { TileMap } from '../core/merkle/subtree.ts';
import { tileKey } from '../core/merkle/tile.ts';
import { tokenBatch } from '../core/registry/index.ts';
import { holding, Ledger } from '../ledger/index.ts';
import { Config } from '../platform/config/index.ts';
import { newId, sha256 } from '../platform/crypto.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import type { TokenView } from './token.schema.ts';
import type { IssuanceRow, Standing } from './token.store.ts';
import { findBatch, placeInBatch, readBatch, readOpenIssuances } from './token.store.ts';

const BATCH_LOCK = 0x746b6261;
/** A full batch is 320 KB of hashes. */
const MAX_KEPT_TREES = 16;

@Injectable()
export class TokenBatches implements OnApplicationBootstrap, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  /** Tokens of this process since its last flush. */
  #gathered = 0;
  readonly #trees = new Map<string, TileMap>();

  constructor(
    private readonly ledger: Ledger,
    private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
    private readonly database: DataSource,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.#tryFlush(), this.config.tokenBatchSeconds * 1000);
    this.#timer.unref();
  }

  /** Before the ledger stops writing. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#tryFlush();
  }

  /** Says that tokens were issued; enough of them do not wait for the interval. */
  noteIssued(count: number): void {
    this.#gathered += count;
    if (this.#gathered >= MAX_BATCH_SIZE) void this.#tryFlush();
  }

  /** Batches every token that was issued before the call; callers of one moment share one flush. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => (this.#flushing = undefined));
    return this.#flushing;
  }

  /** What anybody needs to hold one token against the log. */
  async prove({ batchId, position, ...token }: Standing): Promise<TokenView['issuance']> {
    const record = fromUtf8(formatIssuanceRecord(recordOf(token)));
    const batch = batchId === null ? undefined : await findBatch(this.database.manager, batchId);
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
      this.log.error({ err }, 'The issued tokens could not be batched; the next try follows.');
    }
  }

  async #flush(): Promise<void> {
    this.#gathered = 0;
    const { manager } = this.database;
    if ((await readOpenIssuances(manager, 1)).length === 0) return;
    await holding(this.database, BATCH_LOCK, async () => {
      for (;;) {
        const rows = await readOpenIssuances(manager, MAX_BATCH_SIZE);
        if (rows.length > 0) await this.#record(rows);
        if (rows.length < MAX_BATCH_SIZE) return;
      }
    });
  }

  async #record(rows: readonly IssuanceRow[]): Promise<void> {
    const id = newId('tokenbatch');
    const times = rows.map(({ issuedAt }) => issuedAt);
    const instant = (seconds: number) => new Date(seconds * 1000).toISOString();
    await this.ledger.attest(
      tokenBatch,
      {
        maker: this.ledger.registryParty,
        id,
        body: {
          size: rows.length,
          root: batchRoot(sha256, issuanceLeaves(sha256, rows)),
          from: instant(times[0]!),
          to: instant(times.at(-1)!),
        },
      },
      {
        alongside: async (manager) => {
          const jtis = rows.map(({ jti }) => jti);
          if ((await placeInBatch(manager, id, jtis)) === rows.length) return;
          throw new RegistryError('state_conflict', 'Another process has batched these tokens.');
        },
      },
    );
  }

  async #tree(id: string): Promise<TileMap> {
    const known = this.#trees.get(id);
    if (known !== undefined) return known;
    const leaves = issuanceLeaves(sha256, await readBatch(this.database.manager, id));
    const { tiles } = appendLeaves(sha256, 0, new Map(), leaves);
    const tree: TileMap = new Map(tiles.map((tile) => [tileKey(tile), tile.bytes]));
    if (this.#trees.size >= MAX_KEPT_TREES) this.#trees.delete(this.#trees.keys().next().value!);
    this.#trees.set(id, tree);
    return tree;
  }
}

/** The members of a row that its record holds. */
const recordOf = ({
  jti,
  grant,
  licensee,
  kid,
  claimsDigest,
  issuedAt,
  expiresAt,
  salt,
  statusList,
  statusIndex,
}: IssuanceRow): IssuanceRow => ({
  jti,
  grant,
  licensee,
  kid,
  claimsDigest,
  issuedAt,
  expiresAt,
  salt,
  statusList,
  statusIndex,
});
