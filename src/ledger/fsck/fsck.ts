/**
 * The independent verifier of a log and of everything that was derived from it. It shares no code with the writer but
 * `core`: it reads each statement once, in log order and in constant memory, and recomputes from them entries, leaf
 * hashes, tiles of every level, bundles, roots and the tables of the schema `registry`.
 *
 * Whoever may write to the database may try anything: edit, delete, insert or swap rows of any table, drop triggers, put
 * an old copy in place, cut off the end. All of it is found, and the row named, but for two cases that no database can
 * tell alone: an end cut off together with the anchors, and a whole other log. For these, hand in a checkpoint that was
 * kept elsewhere. The times `recorded_at`, `published_at` and `stored_at` are the database's own and prove nothing.
 */
import { toHex } from '../../core/bytes.ts';
import type { Sha256 } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import type { TimestampCrypto } from '../../core/time/index.ts';
import { isSize } from '../../core/merkle/tree.ts';
import type { Ed25519Verify } from '../../core/note/note.ts';
import { inOrder } from './ahead.ts';
import type { AnchoredHead } from './anchors.ts';
import { readAnchors } from './anchors.ts';
import { checkCosignatures } from './cosignatures.ts';
import type { HeadRow } from './log.store.ts';
import { Heads } from './heads.ts';
import type { LogIdentity } from './identity.ts';
import { identify } from './identity.ts';
import { MadeKeys } from './made-keys.ts';
import { MapCheck } from './map-check.ts';
import type { PageWorker, ReadPage, WorkerSetup } from './page-worker.ts';
import { emptyTask } from './page-worker.ts';
import type { Page } from './pages.ts';
import { Pages } from './pages.ts';
import { Projection } from './projection.ts';
import type { LeafPage } from './published-files.ts';
import { PublishedFiles } from './published-files.ts';
import { checkReceipts } from './receipts.ts';
import type { FsckReport } from './report.ts';
import { Findings } from './report.ts';
import { Progress } from './resume.ts';
import { SIDE_TABLES } from './side-tables.ts';
import { Snapshot } from './snapshot.ts';
import { StatementReader } from './statements.ts';
import { checkDocumentTimestamps, checkTimestamps } from './timestamps.ts';
import { giveBack } from './tuple-buffer.ts';
import * as log from './log.store.ts';
import * as registry from './registry.store.ts';

export interface FsckOptions {
  /** PostgreSQL connection string of a login that may read all schemas */
  readonly url: string;
  /** Folder with the log's anchors; without one the loss of the log's end cannot be told */
  readonly anchorDir?: string | undefined;
  readonly sha256: Sha256;
  readonly verifyEd25519: Ed25519Verify;
  readonly timestampCrypto: TimestampCrypto;
  /** Roots of timestamp authorities, DER in base64; without, timestamps are held against their data alone. */
  readonly tsaRoots?: readonly string[] | undefined;
  /** Whoever reads, judges and compares the pages; at least one. */
  readonly startWorkers: (setup: WorkerSetup) => readonly PageWorker[];
  /** Verifies the signatures of all statements, too. */
  readonly full?: boolean | undefined;
  /** A checkpoint of this log that was kept elsewhere: the log must extend it. */
  readonly since?: string | undefined;
  /** File that keeps the state of the run: where it is there, the run that was stopped goes on. */
  readonly resume?: string | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** A page that a worker has read, and holds until it is folded. */
interface Begun {
  readonly page: Page;
  readonly worker: PageWorker;
  readonly read: ReadPage;
}

/**
 * @throws RegistryError `database_unavailable`, and with `resume` `state_conflict`, `checkpoint_rolled_back` and
 * `invalid_input`; faults of the log are in the report
 */
export async function fsck(options: FsckOptions): Promise<FsckReport> {
  const started = performance.now();
  // Before the snapshot: an anchor follows its commit, so one read afterwards could be ahead of an honest log.
  const anchors = options.anchorDir === undefined ? [] : await readAnchors(options.anchorDir);
  const snapshot = await connect(options.url);
  try {
    const run = new Run(options, snapshot, anchors);
    return await run.report(started);
  } finally {
    await snapshot.close();
  }
}

class Run {
  readonly #findings = new Findings();
  readonly #files: PublishedFiles;
  readonly #map: MapCheck;
  readonly #overlay: registry.Overlay;

  constructor(
    private readonly options: FsckOptions,
    private readonly snapshot: Snapshot,
    private readonly anchors: readonly AnchoredHead[],
  ) {
    this.#files = new PublishedFiles(options.sha256, snapshot, this.#findings);
    this.#overlay = new registry.Overlay(snapshot);
    this.#map = new MapCheck(options.sha256, snapshot, this.#findings);
  }

  async report(started: number): Promise<FsckReport> {
    const findings = this.#findings;
    const head = await this.#head();
    if (head !== undefined) await this.#check(head);
    return {
      ok: findings.count === 0,
      origin: head?.origin ?? null,
      size: head?.size ?? 0,
      root: this.#files.tree === null ? null : toHex(this.#files.tree.root()),
      full: this.options.full ?? false,
      checked: findings.checked,
      findings: findings.list,
      findingCount: findings.count,
      erased: findings.erased,
      seconds: Math.round(performance.now() - started) / 1000,
    };
  }

  async #head(): Promise<HeadRow | undefined> {
    const rows = await log.heads(this.snapshot);
    for (const { id } of rows.filter((row) => row.id !== 1)) {
      this.#findings.add('head_extra', 'ledger.log_head', String(id), `The log has a second head, ${id}.`);
    }
    const head = rows.find((row) => row.id === 1 && isSize(row.size));
    if (head === undefined) this.#findings.add('head_missing', 'ledger.log_head', '1', 'The log has no head.');
    return head;
  }

  async #check(head: HeadRow): Promise<void> {
    const { snapshot, options } = this;
    const identity = await this.#identity(head);
    const gathered = new Findings();
    const heads = new Heads(snapshot, this.#findings, head, identity);
    await heads.gather(this.anchors, options.since, gathered);
    const progress = await this.#progress(head, heads, gathered);
    try {
      const from = progress?.start?.at ?? 0;
      const workers = options.startWorkers({
        origin: typeof identity === 'string' ? head.origin : identity.origin,
        full: options.full ?? false,
        columns: await registry.columns(snapshot),
        madeKeys: (from === 0 ? MadeKeys.forStatements(head.size) : MadeKeys.unknown()).shared,
      });
      try {
        await this.#walk(from, head, heads, workers, progress);
      } finally {
        await Promise.all(workers.map((worker) => worker.close()));
      }
      for (const { check } of SIDE_TABLES) await check(options.sha256, snapshot, this.#findings);
      await checkCosignatures(options, snapshot, this.#findings);
      await checkTimestamps(options.timestampCrypto, snapshot, this.#findings, options.tsaRoots);
      await checkDocumentTimestamps(options.timestampCrypto, snapshot, this.#findings, options.tsaRoots);
      await checkReceipts(snapshot, head.size, this.#findings);
      await progress?.remove();
    } finally {
      await progress?.close();
    }
  }

  async #progress(head: HeadRow, heads: Heads, gathered: Findings): Promise<Progress | undefined> {
    const { sha256, full = false, since, resume: file } = this.options;
    if (file === undefined) {
      this.#findings.merge(gathered.soFar());
      return undefined;
    }
    const asked = { file, sha256, full, since };
    const remembered = { map: this.#map, overlay: this.#overlay };
    const progress = await Progress.open(asked, this.snapshot, head, heads, remembered, gathered, this.#findings);
    if (progress.start !== undefined) this.#files.tree = progress.start.tree;
    return progress;
  }

  async #identity({ size }: HeadRow): Promise<LogIdentity | string> {
    const { sha256, verifyEd25519 } = this.options;
    const end = Math.min(1, size);
    const tuples = await log.statements(this.snapshot, 0, end);
    const [first] = new StatementReader(sha256, undefined).read(tuples, 0, end, new Findings());
    return identify(sha256, verifyEd25519, first?.spoken, await log.logKeys(this.snapshot));
  }

  async #walk(
    from: number,
    head: HeadRow,
    heads: Heads,
    workers: readonly PageWorker[],
    progress: Progress | undefined,
  ): Promise<void> {
    const { snapshot, options } = this;
    const rows = registry.registryInLogOrder(snapshot, from);
    const projection = new Projection(snapshot, this.#overlay, rows, this.#findings);
    let last: LeafPage | undefined;
    for await (const begun of readAhead(new Pages(snapshot, from, head.size), workers)) {
      const { page, read } = begun;
      last = await this.#checkPage(begun, heads);
      const overlay = await projection.fold(begun.worker, page.from, page.to);
      await this.#map.add(read);
      if (page.to < head.size) await progress?.passed(page.to, this.#files.tree, overlay, read);
      options.onProgress?.(page.to, head.size);
    }
    await heads.finish();
    await this.#files.finish(head.size, last);
    // Rows behind the last statement: an empty page at the end makes none of them.
    await workers[0]!.read(emptyTask(head.size));
    await projection.fold(workers[0]!, head.size, Infinity);
    await projection.finish();
    await this.#map.finish(head.size, workers);
  }

  async #checkPage({ page, read }: Begun, heads: Heads): Promise<LeafPage> {
    if (page.gapFrom !== null) {
      const { gapFrom, from } = page;
      const message = `The ${from - gapFrom} statements from ${gapFrom} to ${from - 1} are missing.`;
      this.#findings.add('statement_missing', 'ledger.statement', String(gapFrom), message);
      this.#files.tree = null;
    }
    this.#findings.merge(read.found);
    const { hashes, standing } = read;
    const leaves = { from: page.from, hashes, standing, tiles: page.tiles };
    const wanted = await heads.read(page.from, page.to);
    await this.#files.add(leaves, wanted, (size, root) => heads.judge(size, root));
    return leaves;
  }
}

/** The pages in order, each read by a worker while those before it are still folded and compared. */
const readAhead = (pages: Pages, workers: readonly PageWorker[]): AsyncGenerator<Begun> =>
  inOrder(
    workers,
    () => pages.next(),
    async (worker, page) => {
      const { from, to, statements, bundles } = page;
      const read = await worker.read({ from, to, statements, bundles });
      giveBack(statements);
      giveBack(bundles);
      return { page, worker, read };
    },
  );

async function connect(url: string): Promise<Snapshot> {
  try {
    return await Snapshot.open(url);
  } catch (cause) {
    throw new RegistryError('database_unavailable', 'The database cannot be opened.', {
      fix: 'Start it, and check the login: it has to read all schemas and may make temporary tables.',
      cause,
    });
  }
}
