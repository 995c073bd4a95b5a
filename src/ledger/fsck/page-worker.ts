/**
 * What a thread of the verifier does with one page at a time: read its statements, fold them when all pages before are
 * folded, and compare the rows of the tables with what they made. Objects stay in the thread; what travels is bytes, and
 * the few rows that differ.
 */
import type { Sha256 } from '../../core/digest.ts';
import { MadeKeys } from './made-keys.ts';
import type { Bucket, BucketTask } from './map-part.ts';
import { mapBucket } from './map-part.ts';
import type { Named } from './named.ts';
import { namedIn } from './named.ts';
import type { Folded, LookUp, OverlaidRow, UnexpectedRow } from './page-fold.ts';
import { PageFold } from './page-fold.ts';
import type { Columns } from './registry-rows.ts';
import { Findings } from './report.ts';
import type { FoundSoFar } from './report.ts';
import type { Leaves, ReadStatement, VerifyP256 } from './statements.ts';
import { checkBundles, leavesOf, StatementReader } from './statements.ts';
import type { SharedBytes } from './tuple-buffer.ts';
import { NO_TUPLES } from './tuple-buffer.ts';

export interface WorkerSetup {
  readonly origin: string;
  readonly full: boolean;
  readonly columns: Columns;
  readonly madeKeys: SharedArrayBuffer;
}

/** Statements `from` ≤ index < `to`, and their full bundles, as tuples. */
export interface PageTask {
  readonly from: number;
  readonly to: number;
  readonly statements: SharedBytes;
  readonly bundles: SharedBytes;
}

export const emptyTask = (at: number): PageTask => ({
  from: at,
  to: at,
  statements: NO_TUPLES,
  bundles: NO_TUPLES,
});

export interface ReadPage extends Leaves, Named {
  readonly namings: Uint8Array<ArrayBuffer>;
  readonly found: FoundSoFar;
}

/** The same whether the work is done in this thread or in another one. */
export interface PageWorker {
  read(task: PageTask): Promise<ReadPage>;
  fold(lookUp: LookUp): Promise<void>;
  compare(rows: SharedBytes): Promise<readonly UnexpectedRow[]>;
  /** Ends the page. */
  finish(): Promise<{ readonly found: FoundSoFar; readonly left: readonly OverlaidRow[] }>;
  /** Computes a part of the maps of digests; asks for no page. */
  map(task: BucketTask): Promise<Bucket>;
  close(): Promise<void>;
}

export class LocalWorker implements PageWorker {
  readonly #reader: StatementReader;
  readonly #made: MadeKeys;
  #statements: readonly ReadStatement[] = [];
  #findings = new Findings();
  #fold: PageFold | undefined;

  constructor(
    private readonly setup: WorkerSetup,
    private readonly sha256: Sha256,
    verify: VerifyP256,
  ) {
    this.#reader = new StatementReader(sha256, setup.full ? verify : undefined);
    this.#made = new MadeKeys(setup.madeKeys);
  }

  read({ from, to, statements, bundles }: PageTask): Promise<ReadPage> {
    const findings = new Findings();
    this.#statements = this.#reader.read(statements, from, to, findings);
    checkBundles(this.#statements, bundles, findings);
    const named = namedIn(this.sha256, this.#statements);
    return Promise.resolve({ ...leavesOf(this.#statements), ...named, found: findings.soFar() });
  }

  async fold(lookUp: LookUp): Promise<void> {
    const folded = this.#statements.flatMap(({ index, spoken }): Folded[] => (spoken ? [{ index, spoken }] : []));
    this.#statements = [];
    this.#findings = new Findings();
    this.#fold = new PageFold(lookUp, this.#made, this.#findings);
    await this.#fold.judge(folded, this.setup.origin);
  }

  compare(rows: Uint8Array): Promise<UnexpectedRow[]> {
    return Promise.resolve(this.#fold!.compare(rows, this.setup.columns));
  }

  finish(): Promise<{ found: FoundSoFar; left: OverlaidRow[] }> {
    const left = this.#fold!.left();
    this.#fold = undefined;
    return Promise.resolve({ found: this.#findings.soFar(), left });
  }

  map(task: BucketTask): Promise<Bucket> {
    return Promise.resolve(mapBucket(this.sha256, task));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
