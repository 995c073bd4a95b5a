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
import type { Sha256 } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import { toHex } from '../../core/bytes.ts';
import type { Ed25519Verify } from '../../core/note/note.ts';
import type { TimestampCrypto } from '../../core/time/index.ts';
import { commitmentsOf } from '../../core/registry/index.ts';
import { isSize } from '../../core/merkle/tree.ts';
import type { AnchoredHead } from './anchors.ts';
import { readAnchors } from './anchors.ts';
import { checkCosignatures } from './cosignatures.ts';
import type { HeadRow, StatementRow } from './fsck.store.ts';
import { Snapshot } from './fsck.store.ts';
import { Heads } from './heads.ts';
import { identify } from './identity.ts';
import { MapCheck } from './map-check.ts';
import { Projection } from './projection.ts';
import type { StoredPage } from './published-files.ts';
import { PublishedFiles } from './published-files.ts';
import type { FsckReport } from './report.ts';
import { Findings } from './report.ts';
import { SIDE_TABLES } from './side-tables.ts';
import type { ReadStatement, VerifyP256Async } from './statements.ts';
import { readPage, verifySignatures } from './statements.ts';
import { checkTimestamps } from './timestamps.ts';

/** Statements read at a time; a multiple of the tile width. At 256 KiB each, a page takes at most 128 MiB. */
const PAGE = 512;

export interface FsckOptions {
  /** PostgreSQL connection string of a login that may read the schemas `ledger` and `registry` */
  readonly url: string;
  /** Folder with the log's anchors; without one the loss of the log's end cannot be told */
  readonly anchorDir?: string | undefined;
  readonly sha256: Sha256;
  readonly verifyEd25519: Ed25519Verify;
  readonly verifyP256: VerifyP256Async;
  readonly timestampCrypto: TimestampCrypto;
  /** Roots of timestamp authorities, DER in base64; without, timestamps are held against their data alone. */
  readonly tsaRoots?: readonly string[] | undefined;
  /** Verifies the signatures of all statements, too. */
  readonly full?: boolean | undefined;
  /** A checkpoint of this log that was kept elsewhere: the log must extend it. */
  readonly since?: string | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

interface Page extends StoredPage {
  readonly from: number;
  readonly to: number;
  readonly rows: readonly StatementRow[];
}

/** @throws RegistryError `database_unavailable`; faults of the log are in the report */
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
  readonly #projection: Projection;
  readonly #map: MapCheck;

  constructor(
    private readonly options: FsckOptions,
    private readonly snapshot: Snapshot,
    private readonly anchors: readonly AnchoredHead[],
  ) {
    this.#files = new PublishedFiles(options.sha256, snapshot, this.#findings);
    this.#projection = new Projection(snapshot, this.#findings);
    this.#map = new MapCheck(options.sha256, snapshot, this.#findings);
  }

  async report(started: number): Promise<FsckReport> {
    const findings = this.#findings;
    const head = await this.#head();
    if (head !== undefined) await this.#walk(head);
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
    const rows = await this.snapshot.heads();
    for (const { id } of rows.filter((row) => row.id !== 1)) {
      this.#findings.add('head_extra', 'ledger.log_head', String(id), `The log has a second head, ${id}.`);
    }
    const head = rows.find((row) => row.id === 1 && isSize(row.size));
    if (head === undefined) this.#findings.add('head_missing', 'ledger.log_head', '1', 'The log has no head.');
    return head;
  }

  async #walk(head: HeadRow): Promise<void> {
    const { snapshot, options } = this;
    let page = await this.#page(0, head.size);
    const first = readPage(options.sha256, page.rows.slice(0, 1), 0, Math.min(1, head.size), new Findings())[0];
    const identity = identify(options.sha256, options.verifyEd25519, first?.spoken);
    const origin = typeof identity === 'string' ? head.origin : identity.origin;
    const heads = new Heads(snapshot, this.#findings, head, identity);
    await heads.gather(this.anchors, options.since);

    let last: ReadStatement[] = [];
    while (page.to > page.from) {
      // The next page is on its way while this one is worked on.
      const [following, statements] = await Promise.all([
        this.#following(page, head.size),
        this.#check(page, origin, heads),
      ]);
      last = statements;
      options.onProgress?.(following.from, head.size);
      page = following;
    }

    await heads.finish();
    await this.#files.finish(head.size, last);
    await this.#projection.finish();
    await this.#map.finish(head.size);
    for (const { check } of SIDE_TABLES) await check(options.sha256, snapshot, this.#findings);
    await checkCosignatures(options, snapshot, this.#findings);
    await checkTimestamps(options.timestampCrypto, snapshot, this.#findings, options.tsaRoots);
  }

  async #check(page: Page, origin: string, heads: Heads): Promise<ReadStatement[]> {
    const { options } = this;
    const statements = readPage(options.sha256, page.rows, page.from, page.to, this.#findings);
    const wanted = await heads.read(page.from, page.to);
    await this.#files.add(statements, page, wanted, (size, root) => heads.judge(size, root));
    if (options.full) await verifySignatures(options.verifyP256, page.rows, statements, this.#findings);
    await this.#fold(statements, page, origin);
    return statements;
  }

  /** The page behind this one. Where it holds no statement at all, the gap is named once and passed over. */
  async #following({ to }: Page, size: number): Promise<Page> {
    const page = await this.#page(to, size);
    if (page.rows.length > 0 || page.to === page.from) return page;
    const next = (await this.snapshot.nextIndex(page.to, size)) ?? size;
    this.#findings.add(
      'statement_missing',
      'ledger.statement',
      String(to),
      `The ${next - to} statements from ${to} to ${next - 1} are missing.`,
    );
    this.#files.tree = null;
    return this.#page(next === size ? size : next - (next % PAGE), size);
  }

  async #page(from: number, size: number): Promise<Page> {
    const to = Math.min(from + PAGE, size);
    if (to <= from) return { from, to: from, rows: [], tiles: new Map(), bundles: new Map() };
    const [rows, stored] = await Promise.all([this.snapshot.statements(from, to), this.#files.stored(from, to)]);
    return { from, to, rows, ...stored };
  }

  async #fold(statements: readonly ReadStatement[], { from, to }: Page, origin: string): Promise<void> {
    const folded = statements.flatMap(({ index, spoken }) => (spoken === undefined ? [] : [{ index, spoken }]));
    const commitments = folded.flatMap(({ spoken }) => commitmentsOf(spoken));
    if (commitments.length > 0) await this.snapshot.rememberCommitments(commitments);
    await this.#projection.fold(folded, from, to, origin);
    await this.#map.add(folded);
  }
}

async function connect(url: string): Promise<Snapshot> {
  try {
    return await Snapshot.open(url);
  } catch (cause) {
    throw new RegistryError('database_unavailable', 'The database cannot be opened.', {
      fix: 'Start it, and check the login: it has to read the schemas "ledger" and "registry" and may make temporary tables.',
      cause,
    });
  }
}
