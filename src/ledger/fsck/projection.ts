/**
 * What the statements add up to, held against the tables of the schema `registry`, page by page in log order. The tables
 * themselves serve the fold as far as they were compared; rows that differ from what the fold made lie in an overlay,
 * which goes before the tables and is compared when all is folded. A row that no statement made is laid over with
 * nothing, so that no judgement is misled by it.
 */
import type { IndexName, RowKey } from '../../core/registry/row-keys.ts';
import type { TableName } from '../../core/registry/tables.ts';
import { INDEXES, indexKeysOf, isIndex, keyOf, nameOf, TABLE_NAMES } from '../../core/registry/row-keys.ts';
import type { Looked, OverlaidRow, UnexpectedRow } from './page-fold.ts';
import { differences } from './page-fold.ts';
import type { PageWorker } from './page-worker.ts';
import type { RegistryRow, RegistryRows } from './registry-rows.ts';
import type { Findings } from './report.ts';
import * as log from './log.store.ts';
import * as registry from './registry.store.ts';
import type { Snapshot } from './snapshot.ts';
import { giveBack } from './tuple-buffer.ts';

const PAGE = 1000;
/** Rows that no statement made, named at a time. */
const MAX_UNEXPECTED = 10_000;

export class Projection {
  constructor(
    private readonly snapshot: Snapshot,
    private readonly overlay: registry.Overlay,
    private readonly rows: RegistryRows,
    private readonly findings: Findings,
  ) {}

  /**
   * Folds the page that the worker has read, whose statements end at `to`, and compares the rows that they made.
   * @returns what it added to the overlay
   */
  async fold(worker: PageWorker, from: number, to: number): Promise<readonly OverlaidRow[]> {
    await worker.fold((keys) => this.#lookUp(keys, from));
    const overlaid = new Map<string, OverlaidRow>();
    let unexpected: UnexpectedRow[] = [];
    const name = async () => {
      for (const extra of await this.#extra(unexpected)) overlaid.set(`${extra.table} ${extra.key}`, extra);
      unexpected = [];
    };
    for await (const rows of this.rows.take(to)) {
      unexpected.push(...(await worker.compare(rows)));
      giveBack(rows);
      if (unexpected.length > MAX_UNEXPECTED) await name();
    }
    await name();
    const { found, left } = await worker.finish();
    this.findings.merge(found);
    for (const row of left) overlaid.set(`${row.table} ${row.key}`, row);
    const overlay = [...overlaid.values()];
    await this.overlay.put(overlay);
    return overlay;
  }

  /** Every row that the fold changed after it was made, and every one that was not where it was made. */
  async finish(): Promise<void> {
    for (const table of TABLE_NAMES) {
      for (let page = await this.overlay.page(table, '', PAGE); page.length > 0;) {
        await this.#settle(table, page);
        page = await this.overlay.page(table, page.at(-1)!.key, PAGE);
      }
    }
  }

  /** Rows and statements as they stood before the statement `before`. */
  async #lookUp(keys: readonly RowKey[], before: number): Promise<Looked> {
    const wanted = new Map<IndexName | TableName, (readonly string[])[]>();
    const digests: string[] = [];
    for (const [from, ...values] of keys) {
      if (from === 'statement') digests.push(values[0]!);
      else wanted.set(from, [...(wanted.get(from) ?? []), values]);
    }
    const rows: [IndexName | TableName, string, object][] = [];
    for (const [from, group] of wanted) {
      const found = isIndex(from) ? await this.#first(from, group, before) : await this.#rows(from, group, before);
      for (const [key, row] of found) rows.push([from, key, row]);
    }
    const statements = digests.length === 0 ? [] : await log.statementIndexes(this.snapshot, digests, before);
    return { rows, statements: [...statements] };
  }

  async #rows(table: TableName, keys: readonly (readonly string[])[], before: number) {
    const found = new Map<string, object>();
    for (const row of await registry.registryRows(this.snapshot, table, keys, before)) {
      found.set(keyIn(table, row), row);
    }
    for (const { key, row } of await this.overlay.get(table, keys.map(nameOf))) {
      if (row === null) found.delete(key);
      else found.set(key, row);
    }
    return found;
  }

  /** The row that comes first in the index, of those in the table that stand as they were made and those laid over it. */
  async #first(index: IndexName, keys: readonly (readonly string[])[], before: number) {
    const found = new Map<string, RegistryRow>();
    for (const row of await registry.firstRows(this.snapshot, index, keys, before)) {
      const [, ...values] = indexKeysOf(INDEXES[index].table, row).find(([name]) => name === index)!;
      found.set(nameOf(values), row);
    }
    for (const { key, row } of await this.overlay.get(index, keys.map(nameOf))) {
      if (row!.recordedIndex < (found.get(key)?.recordedIndex ?? Infinity)) found.set(key, row!);
    }
    return found;
  }

  /** Names the rows that no statement made. One that the overlay knows was moved, and is compared at the end. */
  async #extra(rows: readonly UnexpectedRow[]): Promise<OverlaidRow[]> {
    const extra: OverlaidRow[] = [];
    for (const table of TABLE_NAMES) {
      // The database may hand out rows of one statement in any order; the report has one.
      const group = rows.filter((row) => row.table === table).sort(inOrder);
      if (group.length === 0) continue;
      const known = await this.overlay.get(
        table,
        group.map(({ key }) => key),
      );
      const moved = new Set(known.map(({ key }) => key));
      for (const { key, recordedIndex } of group.filter((row) => !moved.has(row.key))) {
        const where = `registry.${table}`;
        this.findings.add('row_extra', where, key, `No statement at ${recordedIndex} made the row ${key} of ${where}.`);
        extra.push({ table, key, row: null });
      }
    }
    return extra;
  }

  async #settle(table: TableName, overlaid: readonly OverlaidRow[]): Promise<void> {
    const expected = overlaid.flatMap(({ key, row }) => (row === null ? [] : [{ key, row }]));
    const keys = expected.map(({ row }) => keyOf(table, row));
    const rows = await registry.registryRows(this.snapshot, table, keys, Number.MAX_SAFE_INTEGER);
    const where = `registry.${table}`;
    const found = new Map<string, RegistryRow[]>();
    for (const row of rows) {
      const key = keyIn(table, row);
      found.set(key, [...(found.get(key) ?? []), row]);
    }
    for (const { key, row } of expected) {
      const there = found.get(key) ?? [];
      if (there.length === 0) {
        const message = `The row ${key} of ${where}, made at ${row.recordedIndex}, is gone.`;
        this.findings.add('row_missing', where, key, message);
      } else if (there.length > 1) {
        this.findings.add('row_extra', where, key, `The row ${key} of ${where} is there ${there.length} times.`);
      }
      for (const differing of there.map((one) => differences(one, row)).filter(({ length }) => length > 0)) {
        const message = `The row ${key} of ${where} is not what the ledger says: ${differing.join(', ')}.`;
        this.findings.add('row_changed', where, key, message);
      }
    }
  }
}

const inOrder = (a: UnexpectedRow, b: UnexpectedRow): number =>
  a.recordedIndex - b.recordedIndex || (a.key < b.key ? -1 : 1);

/** The name of a row of the table. */
const keyIn = (table: TableName, row: object): string => nameOf(keyOf(table, row));
