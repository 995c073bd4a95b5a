/**
 * One page of statements folded through the reducers of `core/registry`, and the rows that it made held against the rows
 * that the tables hold for it, both ways: a row that no statement made, one that is gone, and one that says something
 * else.
 *
 * A row that stands in its table exactly as the fold made it needs no copy: the table itself serves the fold from then
 * on. Only rows that differ (since a later statement changed them, or somebody else did) are handed back, to be laid over
 * the tables and compared when all is folded.
 */
import { RegistryError } from '../../core/errors.ts';
import { judge, readsOf } from '../../core/registry/index.ts';
import type { Rows, Spoken } from '../../core/registry/kind.ts';
import type { IndexName, Row, RowKey } from '../../core/registry/row-keys.ts';
import type { RowChange, TableName } from '../../core/registry/tables.ts';
import {
  INDEX_NAMES,
  INDEXES,
  indexKeysOf,
  isIndex,
  keyOf,
  nameOf,
  TABLE_NAMES,
} from '../../core/registry/row-keys.ts';
import type { MadeKeys } from './made-keys.ts';
import type { Columns, RegistryRow } from './registry-rows.ts';
import { RowCursor, same } from './registry-rows.ts';
import type { Findings } from './report.ts';

export interface Folded {
  readonly index: number;
  readonly spoken: Spoken;
}

/** Rows by table or index and key, statements' indexes by digest; what there is none of is left out. */
export interface Looked {
  readonly rows: readonly (readonly [from: IndexName | TableName, key: string, row: object])[];
  readonly statements: readonly (readonly [digest: string, index: number])[];
}

/** Answers as things stood before the page. */
export type LookUp = (keys: readonly RowKey[]) => Promise<Looked>;

/**
 * A row as the fold left it, where that is not the row that its first statement made; null for one that may not be. Also
 * under the indexes in which it comes first.
 */
export interface OverlaidRow {
  readonly table: IndexName | TableName;
  readonly key: string;
  readonly row: RegistryRow | null;
}

/** A row that no statement made where it says so. */
export interface UnexpectedRow {
  readonly table: TableName;
  readonly key: string;
  readonly recordedIndex: number;
}

/** The most statements whose reads are gathered when one needs rows of earlier pages. */
const MAX_AHEAD = 1024;

export class PageFold {
  readonly #rows: PageRows;
  readonly #wrong = new Set<Known>();

  constructor(
    lookUp: LookUp,
    made: MadeKeys,
    private readonly findings: Findings,
  ) {
    this.#rows = new PageRows(lookUp, made);
  }

  async judge(statements: readonly Folded[], origin: string): Promise<void> {
    const rows = this.#rows;
    // Statements that read the same few rows need one look-up, those that read others each are looked up together.
    let ahead = 1;
    for (const [at, { index, spoken }] of statements.entries()) {
      while (!readsOf(spoken, rows).every((key) => rows.knows(key))) {
        await rows.load(statements.slice(at, at + ahead).flatMap((next) => readsOf(next.spoken, rows)));
        ahead = Math.min(MAX_AHEAD, 4 * ahead);
      }
      this.#judge(spoken, index, origin);
    }
  }

  /** Holds rows of the tables, in log order, against the rows that the page made. @returns those that it did not make */
  compare(bytes: Uint8Array, columns: Columns): UnexpectedRow[] {
    const unexpected: UnexpectedRow[] = [];
    const cursor = new RowCursor(bytes, columns);
    while (cursor.next()) {
      this.findings.checked.rows++;
      const { table } = cursor;
      // Rows mostly lie in the order in which they were made.
      const next = this.#rows.nextUnseen(table, columns);
      if (next !== undefined && cursor.matches(next.row!)) {
        next.seen = true;
        continue;
      }
      const row = cursor.row();
      const key = nameOf(keyOf(table, row));
      const made = this.#rows.made(table, key);
      if (made === undefined) unexpected.push({ table, key, recordedIndex: row.recordedIndex });
      // Another one than was made, or there twice: at the end all rows of this key are looked at.
      else if (made.seen || differences(row, made.row!).length > 0) this.#wrong.add(made);
      else made.seen = true;
    }
    return unexpected;
  }

  /**
   * The rows that are not in their tables as they were made, and only there; and those that the page changed, of which an
   * earlier state may lie over the tables.
   */
  left(): OverlaidRow[] {
    return [...new Set([...this.#rows.unseen(), ...this.#rows.changed(), ...this.#wrong])].flatMap((known) => {
      const row = known.row as unknown as RegistryRow;
      const { table, key } = known;
      return [{ table, key, row }, ...this.#rows.indexed(known).map(([table, key]) => ({ table, key, row }))];
    });
  }

  #judge(spoken: Spoken, index: number, origin: string): void {
    try {
      for (const change of judge(spoken, this.#rows, index, origin)) this.#rows.apply(change);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const { code, message } = error;
      const text = `Statement ${index}: ${message} (${code})`;
      this.findings.add('statement_refused', 'ledger.statement', String(index), text);
    }
    this.#rows.record(spoken.payloadDigest, index);
  }
}

/** A row that the page asked for or made, as it stands after the statements judged so far. */
interface Known {
  readonly table: TableName;
  readonly key: string;
  row: Record<string, unknown> | undefined;
  /** By a statement of this page */
  made: boolean;
  /** It was there before the page, as another */
  changed: boolean;
  /** In its table, as it was made */
  seen: boolean;
}

class PageRows implements Rows {
  /** By table or index; an index names the rows that come first in it. */
  readonly #known = byName([...TABLE_NAMES, ...INDEX_NAMES], () => new Map<string, Known>());
  /** In the order in which they were made */
  readonly #made = byName(TABLE_NAMES, (): { rows: Known[]; at: number; whole?: boolean } => ({ rows: [], at: 0 }));
  readonly #statements = new Map<string, number | undefined>();

  constructor(
    private readonly lookUp: LookUp,
    private readonly madeKeys: MadeKeys,
  ) {}

  get<N extends IndexName | TableName>(name: N, ...key: string[]): Row<N> | undefined {
    return this.#known[name].get(nameOf(key))?.row as Row<N> | undefined;
  }

  statementIndex(payloadDigest: string): number | undefined {
    return this.#statements.get(payloadDigest);
  }

  /** Whether it is known what there is; what was certainly never made is known without a look-up. */
  knows(rowKey: RowKey): boolean {
    const [from] = rowKey;
    const key = nameIn(rowKey);
    if (from === 'statement') return this.#statements.has(key);
    return this.#known[from].has(key) || !this.madeKeys.mayHold(from, key);
  }

  apply({ table, row }: RowChange): void {
    const name = nameOf(keyOf(table, row));
    const wasThere = this.#known[table].get(name)?.row !== undefined;
    const known = this.#know(table, name, row as unknown as Record<string, unknown>);
    if (known.made) return;
    known.made = true;
    known.changed = wasThere;
    this.#made[table].rows.push(known);
    this.madeKeys.add(table, name);
    for (const indexKey of indexKeysOf(table, row)) {
      const [index] = indexKey;
      const key = nameIn(indexKey);
      if (this.#known[index].get(key)?.row === undefined) this.#known[index].set(key, known);
      this.madeKeys.add(index, key);
    }
  }

  /** Where a row that the page made comes first. */
  indexed(known: Known): (readonly [index: IndexName, key: string])[] {
    return indexKeysOf(known.table, known.row!)
      .map((indexKey) => [indexKey[0], nameIn(indexKey)] as const)
      .filter(([index, key]) => this.#known[index].get(key) === known);
  }

  record(payloadDigest: string, index: number): void {
    this.#statements.set(payloadDigest, index);
  }

  /** None where rows have other members than their table has columns: one that somebody dropped must not go unnoticed. */
  nextUnseen(table: TableName, columns: Columns): Known | undefined {
    const made = this.#made[table];
    while (made.rows[made.at]?.seen) made.at++;
    const next = made.rows[made.at];
    if (next === undefined) return undefined;
    made.whole ??= Object.keys(next.row!).length === columns[table].length;
    return made.whole ? next : undefined;
  }

  made(table: TableName, name: string): Known | undefined {
    const known = this.#known[table].get(name);
    return known?.made ? known : undefined;
  }

  unseen(): Known[] {
    return TABLE_NAMES.flatMap((table) => {
      const { rows, at } = this.#made[table];
      return rows.slice(at).filter(({ seen }) => !seen);
    });
  }

  changed(): Known[] {
    return TABLE_NAMES.flatMap((table) => this.#made[table].rows.filter(({ changed }) => changed));
  }

  async load(keys: readonly RowKey[]): Promise<void> {
    const wanted: RowKey[] = [];
    for (const key of keys) {
      if (this.knows(key)) continue;
      const [from] = key;
      if (from === 'statement') this.#statements.set(nameIn(key), undefined);
      else this.#know(from, nameIn(key), undefined);
      wanted.push(key);
    }
    if (wanted.length === 0) return;
    const { rows, statements } = await this.lookUp(wanted);
    for (const [from, key, row] of rows) this.#know(from, key, row as Record<string, unknown>);
    for (const [digest, index] of statements) this.#statements.set(digest, index);
  }

  #know(from: IndexName | TableName, key: string, row: Record<string, unknown> | undefined): Known {
    const known = this.#known[from].get(key);
    if (known !== undefined) {
      known.row = row;
      return known;
    }
    const table = isIndex(from) ? INDEXES[from].table : from;
    const made = { table, key, row, made: false, changed: false, seen: false };
    this.#known[from].set(key, made);
    return made;
  }
}

/** What `nameOf` makes of the values behind the name of the table or index. */
const nameIn = (key: readonly string[]): string => (key.length === 2 ? key[1]! : nameOf(key.slice(1)));

const byName = <N extends string, T>(names: readonly N[], make: () => T): Record<N, T> =>
  Object.fromEntries(names.map((name) => [name, make()])) as Record<N, T>;

/** The members in which two rows differ. */
export function differences(a: object, b: object): string[] {
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const names = Object.keys(left);
  const differing = names.filter((name) => !same(left[name], right[name]));
  if (names.length < Object.keys(right).length) differing.push(...Object.keys(right).filter((name) => !(name in left)));
  return differing;
}
