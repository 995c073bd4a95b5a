/**
 * The one way into the log. Writes gather in a queue while the batch before them commits; each batch is one database
 * transaction that locks the head, judges every write in order, and moves head, statements, rows and tiles together.
 * What a crash would mean stands at each step.
 *
 * Replicas follow one another on the head's row lock, so the order of the log is the order of the commits and two
 * transfers of one thing can never both win. A checkpoint leaves the process only after the anchor holds it.
 */
import type { DataSource, EntityManager } from 'typeorm';
import { equalBytes, fromBase64, toBase64 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import type { TileMap } from '../core/merkle/subtree.ts';
import { appendLeaves, nextEdge } from '../core/merkle/append.ts';
import { formatBundle } from '../core/merkle/bundle.ts';
import { proveInclusionsFrom } from '../core/merkle/proof.ts';
import { edgeTiles, TILE_WIDTH, tileKey } from '../core/merkle/tile.ts';
import { leafHash } from '../core/merkle/tree.ts';
import { judge, readsOf, visibilityOf } from '../core/registry/index.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { RowChange } from '../core/registry/tables.ts';
import type { Disclosure } from '../core/registry/commitment.ts';
import type { Signed } from '../core/statement/dsse.ts';
import { formatEnvelope } from '../core/statement/dsse.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { entryOf, formatReceipt } from '../core/statement/receipt.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Change, Commit } from '../platform/database/index.ts';
import { together, transaction } from '../platform/database/index.ts';
import type { Anchor, Head } from './anchor.ts';
import { refuseRollback } from './anchor.ts';
import type { CheckpointSigner } from './checkpoint-signer.ts';
import { erasedBy, eraseValues } from './erasure.store.ts';
import * as store from './log.store.ts';
import { LoadedRows, writeRows } from './projection.store.ts';

/** A write whose form and signature have been checked; what is left to judge depends on its place in the log. */
export interface Submission {
  readonly spoken: Spoken;
  readonly signed: Signed;
  readonly disclosures: readonly (Disclosure & { commitment: string })[];
  readonly idempotency?: {
    readonly partyId: string;
    readonly key: string;
    readonly requestDigest: string;
    /** The key of the request, where this write is one of several in it: it stands for that one request, too. */
    readonly within?: string;
  };
  /** More to write in the same transaction; what it throws refuses this write alone. */
  alongside?(manager: EntityManager, index: number): Promise<void>;
}

interface Waiting {
  readonly submission: Submission;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/** Recorded now, or by an earlier request with the same idempotency key. */
export type Outcome = { readonly receipt: Receipt } | { readonly earlierIndex: number };

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
    let settled: (() => void)[] = [];
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
  ): Promise<{ head?: Head; settled: (() => void)[] }> {
    // Sent together, answered in order: the rows are read under the lock that the first query takes.
    const [head, rows, earlier] = await Promise.all([
      store.lockHead(manager),
      loadFor(manager, batch),
      earlierRequests(manager, batch),
    ]);
    if (head === undefined) throw new RegistryError('ledger_inconsistent', 'The log has no head.');
    if (this.anchor.newest) refuseRollback(head, this.anchor.newest);
    const settled: (() => void)[] = [];
    const accepted: { waiting: Waiting; index: number }[] = [];
    const changes: RowChange[] = [];
    const remembered: store.Remembered[] = [];
    const before = (partyId: string, key: string) => earlier.get(`${partyId} ${key}`);
    const remember = (row: store.Remembered) => {
      earlier.set(`${row.partyId} ${row.key}`, row);
      remembered.push(row);
    };
    for (const waiting of batch) {
      const { spoken, idempotency } = waiting.submission;
      const index = head.size + accepted.length;
      try {
        if (idempotency) {
          const { partyId, key, within, requestDigest } = idempotency;
          for (const name of within === undefined ? [key] : [within, key]) {
            requireSameRequest(before(partyId, name)?.requestDigest, requestDigest);
          }
          const done = before(partyId, key);
          if (done !== undefined) {
            settled.push(() => waiting.resolve({ earlierIndex: done.statementIndex }));
            continue;
          }
        }
        requireUnrecorded(rows, spoken);
        // What a write before it in this batch made may lead to rows that nobody asked for yet.
        while ((await rows.load(manager, readsOf(spoken, rows))) > 0);
        const changed = judge(spoken, rows, index, head.origin);
        for (const change of changed) rows.apply(change);
        changes.push(...changed);
        rows.setStatement(spoken.payloadDigest, index);
        if (idempotency) {
          const { partyId, key, within, requestDigest } = idempotency;
          remember({ partyId, key, requestDigest, statementIndex: index });
          if (within !== undefined && before(partyId, within) === undefined) {
            remember({ partyId, key: within, requestDigest, statementIndex: index });
          }
        }
        accepted.push({ waiting, index });
      } catch (error) {
        settled.push(() => waiting.reject(error));
      }
    }
    if (accepted.length === 0) return { settled };

    for (const { waiting, index } of accepted) await waiting.submission.alongside?.(manager, index);
    // One must not stand without the other, whatever becomes of a query on its way.
    const erased = erasedBy(changes);
    const commitLater = erased.length > 0 || accepted.some(({ waiting }) => waiting.submission.alongside !== undefined);
    const written = await this.#write(manager, commitLater ? answered : commit, head, accepted, [
      ...writeRows(changes, rows),
      ...besides(accepted, remembered),
    ]);
    if (erased.length > 0) await eraseValues(manager, erased);
    for (const [i, { waiting }] of accepted.entries()) {
      settled.push(() => waiting.resolve({ receipt: written.receipts[i]! }));
    }
    return { head: written.head, settled };
  }

  /** @param commit follows at once on the one query that writes everything */
  async #write(
    manager: EntityManager,
    commit: Commit,
    head: Head & { origin: string },
    accepted: readonly { waiting: Waiting; index: number }[],
    changes: readonly Change[],
  ): Promise<{ head: Head; receipts: Receipt[] }> {
    const submissions = accepted.map(({ waiting }) => waiting.submission);
    const edge = await this.#edgeOf(manager, head);
    const spkis = submissions.map(({ spoken }) => fromBase64(spoken.spki));
    const entries = submissions.map(({ signed }, i) => entryOf(sha256, signed.payload, signed.signature, spkis[i]!));
    const appended = appendLeaves(
      sha256,
      head.size,
      edge.tiles,
      entries.map((entry) => leafHash(sha256, entry)),
    );
    const next: Head = { size: appended.size, root: appended.root };
    const note = this.signer.sign(next);
    const bundles = cutBundles(head.size, [...edge.entries, ...entries]);

    const writing = together(manager, store.moveHead(head, next, note), [
      store.insertStatements(
        submissions.map(({ spoken, signed }, i) => ({
          index: head.size + i,
          payloadDigest: sha256(signed.payload),
          kind: spoken.kind.kind,
          maker: spoken.common.maker,
          visibility: visibilityOf(spoken.kind),
          payload: signed.payload,
          signature: signed.signature,
          spki: spkis[i]!,
        })),
      ),
      store.upsertTiles(appended.tiles),
      ...bundles.full.map(({ index, bytes }) => store.insertBundle(index, bytes)),
      ...changes,
    ]);
    const [receipts] = await Promise.all([
      meanwhile(() => {
        const tiles = new Map(edge.tiles);
        for (const tile of appended.tiles) tiles.set(tileKey(tile), tile.bytes);
        return receiptsOf(accepted, next.size, note, tiles);
      }),
      commit(writing),
    ]);
    this.#edge = { head: next, tiles: nextEdge(edge.tiles, appended), entries: bundles.rest };
    return { head: next, receipts };
  }

  async #edgeOf(manager: EntityManager, head: Head): Promise<Edge> {
    const known = this.#edge;
    if (known && known.head.size === head.size && equalBytes(known.head.root, head.root)) return known;
    const [tiles, statements] = await Promise.all([
      store.readTileRows(manager, edgeTiles(head.size)),
      store.readStatements(manager, head.size - (head.size % TILE_WIDTH), head.size),
    ]);
    return { tiles, entries: statements.map((row) => entryOf(sha256, row.payload, row.signature, row.spki)) };
  }
}

/** What the next append builds upon. */
interface Edge {
  /** The partial tiles of the tree. */
  readonly tiles: TileMap;
  /** Those that no full bundle holds yet. */
  readonly entries: readonly Uint8Array[];
}

/**
 * A bundle is written once, when its last entry arrives.
 * @param entries from the start of the bundle that is not full at `size`
 */
function cutBundles(size: number, entries: readonly Uint8Array[]) {
  const first = Math.floor(size / TILE_WIDTH);
  const count = Math.floor(entries.length / TILE_WIDTH);
  const full = Array.from({ length: count }, (_, i) => ({
    index: first + i,
    bytes: formatBundle(entries.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH)),
  }));
  return { full, rest: entries.slice(count * TILE_WIDTH) };
}

/** Commits nothing yet. */
const answered: Commit = (last) => last;

/** Once what was sent to the database is on its way. */
const meanwhile = async <T>(work: () => T): Promise<T> => {
  await new Promise((resolve) => setImmediate(resolve));
  return work();
};

function receiptsOf(
  accepted: readonly { waiting: Waiting; index: number }[],
  treeSize: number,
  checkpoint: string,
  tiles: TileMap,
): Receipt[] {
  const indexes = accepted.map(({ index }) => index);
  const proofs = proveInclusionsFrom(sha256, indexes, treeSize, tiles, new Map());
  return accepted.map(({ waiting: { submission }, index }, i) =>
    formatReceipt({
      payloadDigest: submission.spoken.payloadDigest,
      kind: submission.spoken.kind.kind,
      id: submission.spoken.common.id,
      envelope: formatEnvelope(submission.signed),
      spki: submission.spoken.spki,
      index,
      treeSize,
      inclusionProof: proofs[i]!.map(toBase64),
      checkpoint,
    }),
  );
}

/** What goes with a statement and is no part of the ledger. */
function besides(accepted: readonly { waiting: Waiting }[], remembered: readonly store.Remembered[]): Change[] {
  const disclosures = accepted.flatMap(({ waiting }) => waiting.submission.disclosures);
  return [
    ...(disclosures.length > 0 ? [store.insertDisclosures(disclosures)] : []),
    ...(remembered.length > 0 ? [store.insertIdempotency(remembered)] : []),
  ];
}

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

/** Loads what the judgements look at; some know what to ask for only when they saw what they asked for first. */
async function loadFor(manager: EntityManager, batch: readonly Waiting[]): Promise<LoadedRows> {
  const rows = new LoadedRows();
  const statements = batch.map(({ submission }) => ['statement', submission.spoken.payloadDigest] as const);
  await rows.load(manager, [...statements, ...batch.flatMap(({ submission }) => readsOf(submission.spoken, rows))]);
  for (;;) {
    const loaded = await rows.load(
      manager,
      batch.flatMap(({ submission }) => readsOf(submission.spoken, rows)),
    );
    if (loaded === 0) return rows;
  }
}

async function earlierRequests(
  manager: EntityManager,
  batch: readonly Waiting[],
): Promise<Map<string, store.Remembered>> {
  const keys = batch.flatMap(({ submission: { idempotency } }) => {
    if (idempotency === undefined) return [];
    const { partyId, key, within } = idempotency;
    return [{ partyId, key }, ...(within === undefined ? [] : [{ partyId, key: within }])];
  });
  const known = await store.readIdempotency(manager, keys);
  return new Map(known.map((row) => [`${row.partyId} ${row.key}`, row]));
}

function requireSameRequest(before: string | undefined, now: string): void {
  if (before === undefined || before === now) return;
  throw new RegistryError('idempotency_key_reused', 'The idempotency key was used for another request.', {
    field: 'Idempotency-Key',
    fix: 'Use a new key for a new request.',
  });
}

function requireUnrecorded(rows: LoadedRows, { payloadDigest }: Spoken): void {
  const index = rows.statementIndex(payloadDigest);
  if (index === undefined) return;
  throw new RegistryError('already_recorded', `The statement is on record already, at index ${index}.`, {
    fix: `Fetch its receipt: GET /v1/receipts/${payloadDigest}.`,
  });
}
