/**
 * Reads and writes the rows of the schema `registry`, all tables in one way: rows travel as JSON in the shape that
 * `core/registry/tables` gives them, and PostgreSQL turns them into columns. One query reads everything that a batch
 * asks for; one query a table writes everything that it changed.
 */
import type { EntityManager } from 'typeorm';
import { fromHex } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import type { Rows } from '../core/registry/kind.ts';
import type { RowChange, RowKey, TableName, Tables } from '../core/registry/tables.ts';
import { KEYS, keyOf, nameOf } from '../core/registry/tables.ts';
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
  /** By table and `nameOf` the key; null for what was looked for and is not there. */
  readonly #tables = new Map<TableName, Map<string, object | null>>();
  readonly #statements = new Map<string, number | null>();
  readonly #new = new Map<TableName, Set<string>>();

  get<T extends TableName>(table: T, ...key: string[]): Tables[T] | undefined {
    return (this.#tables.get(table)?.get(nameOf(key)) ?? undefined) as Tables[T] | undefined;
  }

  statementIndex(payloadDigest: string): number | undefined {
    return this.#statements.get(payloadDigest) ?? undefined;
  }

  apply({ table, row }: RowChange): void {
    const rows = of(this.#tables, table, newMap);
    const name = nameOf(keyOf(table, row));
    if (rows.get(name) === null) of(this.#new, table, newSet).add(name);
    rows.set(name, row);
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
    const rows = keys.map(([table, ...key]) => (table === 'statement' ? undefined : this.get(table, ...key)));
    return [...new Set(rows.flatMap((row) => (row ? [row.statement] : [])))].sort();
  }

  /** Loads the keys that are not there yet; one that has no row is remembered as absent. */
  async load(manager: EntityManager, keys: Iterable<RowKey>): Promise<number> {
    const wanted = new Map<RowKey[0], Map<string, RowKey>>();
    let count = 0;
    for (const key of keys) {
      const [table, ...values] = key;
      const name = nameOf(values);
      if ((table === 'statement' ? this.#statements : this.#tables.get(table))?.has(name)) continue;
      const group = of(wanted, table, newMap<string, RowKey>);
      if (group.has(name)) continue;
      group.set(name, key);
      count++;
    }
    if (count === 0) return 0;

    const parts: string[] = [];
    const values: unknown[] = [];
    for (const [table, named] of wanted) {
      const group = [...named.values()];
      const columns: readonly string[] = table === 'statement' ? ['digest'] : KEYS[table].map(snake);
      const arrays = columns.map((_, i) => {
        values.push(group.map((key) => (table === 'statement' ? Buffer.from(fromHex(key[1]!.slice(7))) : key[i + 1])));
        return `$${values.length}::${table === 'statement' ? 'bytea' : 'text'}[]`;
      });
      const list = `unnest(${arrays.join(', ')}) AS k(${columns.join(', ')})`;
      parts.push(
        table === 'statement'
          ? `SELECT 'statement' AS t, jsonb_build_object('digest', encode(s.payload_digest, 'hex'), 'index', s.index) AS r
             FROM ${list} JOIN ledger.statement s ON s.payload_digest = k.digest`
          : `SELECT '${table}' AS t, to_jsonb(x) AS r FROM ${list} JOIN registry.${table} x USING (${columns.join(', ')})`,
      );
    }
    const found = await prepared<{ t: RowKey[0]; r: Record<string, unknown> }>(
      manager,
      parts.join(' UNION ALL '),
      values,
    );

    for (const [table, named] of wanted) {
      for (const name of named.keys()) {
        if (table === 'statement') this.#statements.set(name, null);
        else of(this.#tables, table, newMap).set(name, null);
      }
    }
    for (const { t, r } of found) {
      if (t === 'statement') {
        this.#statements.set(`sha256:${String(r['digest'])}`, Number(r['index']));
      } else {
        const row = rowOf(r);
        of(this.#tables, t, newMap).set(nameOf(keyOf(t, row)), row);
      }
    }
    return count;
  }
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
