/**
 * Folds the statements through the reducers of `core/registry` and holds the outcome against the tables of the schema
 * `registry`, both ways: a row that no statement made, a row that is gone, and a row that says something else are each
 * named.
 *
 * Statements and tables are walked side by side in log order. A row that stands in its table exactly as the fold made it
 * needs no copy: the table itself serves the fold from then on. Only rows that differ (since a later statement changed
 * them, or somebody else did) are kept in an overlay, which goes before the tables and is compared when all is folded.
 * A row that no statement made is laid over with nothing, so that no judgement is misled by it.
 */
import { RegistryError } from '../../core/errors.ts';
import { judge, readsOf } from '../../core/registry/index.ts';
import type { Rows, Spoken } from '../../core/registry/kind.ts';
import type { RowChange, RowKey, TableName, Tables } from '../../core/registry/tables.ts';
import { keyOf, keyText, TABLE_NAMES } from '../../core/registry/tables.ts';
import type { OverlaidRow, RegistryRow, Snapshot } from './fsck.store.ts';
import type { Findings } from './report.ts';

const PAGE = 1000;

export interface Folded {
  readonly index: number;
  readonly spoken: Spoken;
}

export class Projection {
  readonly #cursors: readonly Cursor[];

  constructor(
    private readonly snapshot: Snapshot,
    private readonly findings: Findings,
  ) {
    this.#cursors = TABLE_NAMES.map((table) => new Cursor(snapshot, table));
  }

  /** Folds the statements `from` ≤ index < `to` and compares the rows that they made. */
  async fold(statements: readonly Folded[], from: number, to: number, origin: string): Promise<void> {
    const rows = new PageRows(this.snapshot, from);
    const readsFrom = (at: number) => statements.slice(at).flatMap(({ spoken }) => readsOf(spoken, rows));
    await rows.load(readsFrom(0));
    for (const [at, { index, spoken }] of statements.entries()) {
      // Rows that were read, or made by a statement of this page, may lead to more; those of all statements at once.
      while (!readsOf(spoken, rows).every((key) => rows.has(key))) await rows.load(readsFrom(at));
      this.#judge(rows, spoken, index, origin);
    }
    await this.#compare(rows.changed, to);
  }

  /** Rows behind the last statement, then every row that the fold changed after it was made. */
  async finish(): Promise<void> {
    await this.#compare(new Map(), Infinity);
    for (const table of TABLE_NAMES) {
      for (let page = await this.snapshot.overlaidPage(table, '', PAGE); page.length > 0;) {
        await this.#settle(table, page);
        page = await this.snapshot.overlaidPage(table, page.at(-1)!.key, PAGE);
      }
    }
  }

  #judge(rows: PageRows, spoken: Spoken, index: number, origin: string): void {
    try {
      for (const change of judge(spoken, rows, index, origin)) rows.apply(change);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const { code, message } = error;
      this.findings.add('statement_refused', STATEMENT, String(index), `Statement ${index}: ${message} (${code})`);
    }
    rows.record(spoken.payloadDigest, index);
  }

  /** Holds the rows changed by a page of statements against the rows that the tables hold for those statements. */
  async #compare(changed: ReadonlyMap<string, RowChange>, to: number): Promise<void> {
    const overlay: OverlaidRow[] = [];
    const left = new Map(changed);
    for (const cursor of this.#cursors) {
      const { table } = cursor;
      const unexpected: { key: string; row: RegistryRow }[] = [];
      for (const row of await cursor.take(to)) {
        this.findings.checked.rows++;
        const key = keyText(keyOf({ table, row } as unknown as RowChange));
        const expected = changed.get(key);
        if (expected === undefined) unexpected.push({ key: withoutTable(key), row });
        else if (differences(row, expected.row).length === 0) left.delete(key);
      }
      overlay.push(...(await this.#extra(table, unexpected)));
    }
    for (const change of left.values()) {
      overlay.push({ table: change.table, key: withoutTable(keyText(keyOf(change))), row: change.row as never });
    }
    await this.snapshot.overlay(overlay);
  }

  /** Rows that no statement made where they say so. One that the overlay knows was moved, and is compared at the end. */
  async #extra(table: TableName, rows: readonly { key: string; row: RegistryRow }[]): Promise<OverlaidRow[]> {
    if (rows.length === 0) return [];
    const known = await this.snapshot.overlaid(
      table,
      rows.map(({ key }) => key),
    );
    const moved = new Set(known.map(({ key }) => key));
    return rows
      .filter(({ key }) => !moved.has(key))
      .map(({ key, row: { recordedIndex } }) => {
        const where = `registry.${table}`;
        this.findings.add('row_extra', where, key, `No statement at ${recordedIndex} made the row ${key} of ${where}.`);
        return { table, key, row: null };
      });
  }

  async #settle(table: TableName, overlaid: readonly OverlaidRow[]): Promise<void> {
    const expected = overlaid.flatMap(({ key, row }) => (row === null ? [] : [{ key, row }]));
    const keys = expected.map(({ row }) => keyOf({ table, row } as unknown as RowChange).slice(1));
    const rows = await this.snapshot.registryRows(table, keys, Number.MAX_SAFE_INTEGER);
    const actual = new Map(rows.map((row) => [withoutTable(keyText(keyOf({ table, row } as never))), row]));
    const where = `registry.${table}`;
    for (const { key, row } of expected) {
      const found = actual.get(key);
      if (found === undefined) {
        this.findings.add(
          'row_missing',
          where,
          key,
          `The row ${key} of ${where}, made at ${row.recordedIndex}, is gone.`,
        );
        continue;
      }
      const differing = differences(found, row);
      if (differing.length === 0) continue;
      const message = `The row ${key} of ${where} is not what the ledger says: ${differing.join(', ')}.`;
      this.findings.add('row_changed', where, key, message);
    }
  }
}

const STATEMENT = 'ledger.statement';

/** The rows that a page of statements asks for, as they stand after the statements judged so far. */
class PageRows implements Rows {
  /** Every row that the page made or changed, as it stands at its end. */
  readonly changed = new Map<string, RowChange>();
  readonly #rows = new Map<string, object | undefined>();
  readonly #statements = new Map<string, number | undefined>();

  constructor(
    private readonly snapshot: Snapshot,
    private readonly from: number,
  ) {}

  get<T extends TableName>(table: T, ...key: string[]): Tables[T] | undefined {
    return this.#rows.get(keyText([table, ...key])) as Tables[T] | undefined;
  }

  statementIndex(payloadDigest: string): number | undefined {
    return this.#statements.get(payloadDigest);
  }

  has(key: RowKey): boolean {
    return key[0] === 'statement' ? this.#statements.has(key[1]!) : this.#rows.has(keyText(key));
  }

  apply(change: RowChange): void {
    const key = keyText(keyOf(change));
    this.#rows.set(key, change.row);
    this.changed.set(key, change);
  }

  record(payloadDigest: string, index: number): void {
    this.#statements.set(payloadDigest, index);
  }

  /** Loads what is not there yet. */
  async load(keys: readonly RowKey[]): Promise<void> {
    const wanted = new Map<TableName, Map<string, readonly string[]>>();
    const statements: string[] = [];
    for (const key of keys) {
      const [table, ...values] = key;
      if (table === 'statement') {
        const digest = values[0]!;
        if (this.#statements.has(digest)) continue;
        this.#statements.set(digest, undefined);
        statements.push(digest);
      } else {
        const text = keyText(key);
        if (this.#rows.has(text)) continue;
        this.#rows.set(text, undefined);
        const group = wanted.get(table) ?? new Map<string, readonly string[]>();
        wanted.set(table, group.set(text, values));
      }
    }
    await Promise.all([
      ...(statements.length > 0 ? [this.#loadStatements(statements)] : []),
      ...[...wanted].map(([table, group]) => this.#loadRows(table, group)),
    ]);
  }

  async #loadStatements(digests: readonly string[]): Promise<void> {
    for (const [digest, index] of await this.snapshot.statementIndexes(digests, this.from)) {
      this.#statements.set(digest, index);
    }
  }

  async #loadRows(table: TableName, group: ReadonlyMap<string, readonly string[]>): Promise<void> {
    const [rows, overlaid] = await Promise.all([
      this.snapshot.registryRows(table, [...group.values()], this.from),
      this.snapshot.overlaid(table, [...group.keys()].map(withoutTable)),
    ]);
    for (const row of rows) this.#rows.set(keyText(keyOf({ table, row } as never)), row);
    for (const { key, row } of overlaid) this.#rows.set(`${table} ${key}`, row ?? undefined);
  }
}

/** Walks a table in the order of the statements that made its rows. */
class Cursor {
  #rows: RegistryRow[] = [];
  #at = 0;
  #state: 'ended' | 'new' | 'open' = 'new';

  constructor(
    private readonly snapshot: Snapshot,
    readonly table: TableName,
  ) {}

  /** The next rows that statements below `to` made. */
  async take(to: number): Promise<RegistryRow[]> {
    const taken: RegistryRow[] = [];
    for (;;) {
      for (; this.#at < this.#rows.length; this.#at++) {
        const row = this.#rows[this.#at]!;
        if (row.recordedIndex >= to) return taken;
        taken.push(row);
      }
      if (this.#state === 'ended') return taken;
      if (this.#state === 'new') await this.snapshot.openInLogOrder(this.table);
      this.#rows = await this.snapshot.nextInLogOrder(this.table);
      this.#at = 0;
      this.#state = this.#rows.length === 0 ? 'ended' : 'open';
    }
  }
}

/** The members in which two rows differ. */
function differences(a: object, b: object): string[] {
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const names = Object.keys(left);
  const differing = names.filter((name) => !same(left[name], right[name]));
  if (names.length < Object.keys(right).length) differing.push(...Object.keys(right).filter((name) => !(name in left)));
  return differing;
}

/** Whether two JSON values are the same, whatever the order of their members. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => same(left[name], right[name]));
}

const withoutTable = (key: string): string => key.slice(key.indexOf(' ') + 1);
