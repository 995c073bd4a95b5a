/**
 * Reads and writes the rows of the schema `registry`, all tables in one way: rows travel as JSON in the shape that
 * `core/registry/tables` gives them, and PostgreSQL turns them into columns. One query reads everything that a batch
 * asks for; one query a table writes everything that it changed.
 */
import type { EntityManager } from 'typeorm';
import { fromHex } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import type { Rows } from '../core/registry/kind.ts';
import type { IndexName, Row, RowKey } from '../core/registry/row-keys.ts';
import type { RowChange, TableName } from '../core/registry/tables.ts';
import { INDEXES, indexKeysOf, isIndex, KEYS, keyOf, nameOf } from '../core/registry/row-keys.ts';
import type { Change } from '../platform/database/index.ts';
import { prepared } from '../platform/database/index.ts';

export const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Column name to member name, remembered: there are few, and each row asks for all. */
const members = new Map<string, string>();
function member(column: string): string {
  const known = members.get(column);
  if (known !== undefined) return known;
  const name = camel(column);
  members.set(column, name);
  return name;
}

/** The rows that a batch has asked for, as they stand after the writes judged so far. */
export class LoadedRows implements Rows {
  /** By table or index and `nameOf` the key; null for what was looked for and is not there. */
  readonly #found = new Map<IndexName | TableName, Map<string, object | null>>();
  readonly #statements = new Map<string, number | null>();
  readonly #new = new Map<TableName, Set<string>>();

  get<N extends IndexName | TableName>(name: N, ...key: string[]): Row<N> | undefined {
    return (this.#found.get(name)?.get(nameOf(key)) ?? undefined) as Row<N> | undefined;
  }

  statementIndex(payloadDigest: string): number | undefined {
    return this.#statements.get(payloadDigest) ?? undefined;
  }

  apply({ table, row }: RowChange): void {
    const rows = of(this.#found, table, newMap);
    const name = nameOf(keyOf(table, row));
    if (rows.get(name) === null) of(this.#new, table, newSet).add(name);
    rows.set(name, row);
    for (const [index, ...values] of indexKeysOf(table, row)) this.#index(index, nameOf(values), row);
  }

  /** Of several rows the first in log order stays. */
  #index(index: IndexName, name: string, row: object): void {
    const rows = of(this.#found, index, newMap<string, object | null>);
    rows.set(name, rows.get(name) ?? row);
  }

  /** Whether a row that changed was looked for in the database and was not there; `name` is `nameOf` its key. */
  isNew(table: TableName, name: string): boolean {
    return this.#new.get(table)?.has(name) ?? false;
  }

  setStatement(payloadDigest: string, index: number): void {
    this.#statements.set(payloadDigest, index);
  }

  /** The statements that made the rows of `keys`, each once, sorted. */
  statementsOf(keys: readonly RowKey[]): Digest[] {
    const rows = keys.map(([name, ...key]) => (name === 'statement' ? undefined : this.get(name, ...key)));
    return [...new Set(rows.flatMap((row) => (row ? [row.statement] : [])))].sort();
  }

  /** Loads the keys that are not there yet; one that has no row is remembered as absent. */
  async load(manager: EntityManager, keys: Iterable<RowKey>): Promise<number> {
    const wanted = new Map<RowKey[0], Map<string, RowKey>>();
    let count = 0;
    for (const key of keys) {
      const [from, ...values] = key;
      const name = nameOf(values);
      if ((from === 'statement' ? this.#statements : this.#found.get(from))?.has(name)) continue;
      const group = of(wanted, from, newMap<string, RowKey>);
      if (group.has(name)) continue;
      group.set(name, key);
      count++;
    }
    if (count === 0) return 0;

    const values: unknown[] = [];
    const parts = [...wanted].map(([from, named]) => select(from, [...named.values()], values));
    const found = await prepared<{ t: RowKey[0]; r: Record<string, unknown> }>(
      manager,
      parts.join(' UNION ALL '),
      values,
    );

    for (const [from, named] of wanted) {
      for (const name of named.keys()) {
        if (from === 'statement') this.#statements.set(name, null);
        else of(this.#found, from, newMap).set(name, null);
      }
    }
    for (const { t: from, r } of found) {
      if (from === 'statement') {
        this.#statements.set(`sha256:${String(r['digest'])}`, Number(r['index']));
        continue;
      }
      const row = rowOf(r);
      const table = isIndex(from) ? INDEXES[from].table : from;
      if (table === from) of(this.#found, table, newMap).set(nameOf(keyOf(table, row)), row);
      for (const [index, ...key] of indexKeysOf(table, row)) if (index === from) this.#index(index, nameOf(key), row);
    }
    return count;
  }
}

/** The query for what stands under `keys`, all of one table or index; its parameters are added to `values`. */
function select(from: RowKey[0], keys: readonly RowKey[], values: unknown[]): string {
  const bind = (column: string, i: number): string => {
    const isDigest = column === 'payload_digest';
    values.push(keys.map((key) => (isDigest ? Buffer.from(fromHex(key[1]!.slice('sha256:'.length))) : key[i + 1])));
    return `$${values.length}::${isDigest ? 'bytea' : 'text'}[]`;
  };
  const list = (columns: readonly string[]) => `unnest(${columns.map(bind).join(', ')}) AS k(${columns.join(', ')})`;
  if (from === 'statement') {
    return `SELECT 'statement' AS t, jsonb_build_object('digest', encode(payload_digest, 'hex'), 'index', s.index) AS r
      FROM ${list(['payload_digest'])} JOIN ledger.statement s USING (payload_digest)`;
  }
  if (!isIndex(from)) {
    const columns = KEYS[from].map(snake);
    return `SELECT '${from}' AS t, to_jsonb(x) AS r FROM ${list(columns)} JOIN registry.${from} x USING (${columns.join(', ')})`;
  }
  const { table } = INDEXES[from];
  const columns = INDEXES[from].columns.map(snake);
  return `SELECT '${from}' AS t, to_jsonb(x) AS r FROM ${list(columns)} CROSS JOIN LATERAL (
      SELECT * FROM registry.${table} x WHERE ${columns.map((column) => `x.${column} = k.${column}`).join(' AND ')}
      ORDER BY x.recorded_index LIMIT 1) x`;
}

/** What `map` holds under `key`, made where there is nothing yet. */
function of<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
const newMap = <K, V>() => new Map<K, V>();
const newSet = <T>() => new Set<T>();

const rowOf = (record: Record<string, unknown>): object =>
  Object.fromEntries(Object.entries(record).map(([column, value]) => [member(column), value]));

/**
 * Each changed row as it stands at the end of the batch: for each table one change for the rows that are known to be
 * new, which spares PostgreSQL the search for the row to replace, and one for the others.
 */
export function writeRows(changes: Iterable<RowChange>, loaded: LoadedRows): Change[] {
  const byTable = new Map<TableName, Map<string, object>>();
  for (const { table, row } of changes) of(byTable, table, newMap<string, object>).set(nameOf(keyOf(table, row)), row);
  // In one order of tables, so that like batches have like texts.
  return [...byTable]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([table, rows]) => {
      const made: object[] = [];
      const changed: object[] = [];
      for (const [name, row] of rows) (loaded.isNew(table, name) ? made : changed).push(row);
      return [
        ...(made.length > 0 ? [write(table, made, 'insert')] : []),
        ...(changed.length > 0 ? [write(table, changed, 'replace')] : []),
      ];
    });
}

function write(table: TableName, rows: readonly object[], how: 'insert' | 'replace'): Change {
  const names = Object.keys(rows[0] ?? {});
  const columns = names.map(snake);
  const records = rows.map((row) => {
    const record: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) record[columns[i]!] = (row as Record<string, unknown>)[names[i]!];
    return record;
  });
  const key: readonly string[] = KEYS[table].map(snake);
  const replaced = columns.filter((column) => !key.includes(column)).map((column) => `${column} = excluded.${column}`);
  return (bind) =>
    `INSERT INTO registry.${table} SELECT * FROM jsonb_populate_recordset(NULL::registry.${table}, ${bind(JSON.stringify(records))}::jsonb)
     ${how === 'insert' ? '' : `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${replaced.join(', ')}`}`;
}
