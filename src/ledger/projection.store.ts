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
import { KEYS, keyOf, keyText } from '../core/registry/tables.ts';
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
  readonly #rows = new Map<string, object | undefined>();
  readonly #statements = new Map<string, number | undefined>();

  get<T extends TableName>(table: T, ...key: string[]): Tables[T] | undefined {
    return this.#rows.get(keyText([table, ...key])) as Tables[T] | undefined;
  }

  statementIndex(payloadDigest: string): number | undefined {
    return this.#statements.get(payloadDigest);
  }

  apply(change: RowChange): void {
    this.#rows.set(keyText(keyOf(change)), change.row);
  }

  setStatement(payloadDigest: string, index: number | undefined): void {
    this.#statements.set(payloadDigest, index);
  }

  /** The statements that made the rows of `keys`, each once, sorted. */
  statementsOf(keys: readonly RowKey[]): Digest[] {
    const rows = keys.map((key) => this.#rows.get(keyText(key)) as { statement: Digest } | undefined);
    return [...new Set(rows.flatMap((row) => (row ? [row.statement] : [])))].sort();
  }

  /** Loads the keys that are not there yet; one that has no row is remembered as absent. */
  async load(manager: EntityManager, keys: Iterable<RowKey>): Promise<number> {
    const wanted = new Map<RowKey[0], RowKey[]>();
    const seen = new Set<string>();
    for (const key of keys) {
      if (key[0] === 'statement' && this.#statements.has(key[1]!)) continue;
      const text = keyText(key);
      if (this.#rows.has(text) || seen.has(text)) continue;
      seen.add(text);
      const group = wanted.get(key[0]);
      if (group === undefined) wanted.set(key[0], [key]);
      else group.push(key);
    }
    if (wanted.size === 0) return 0;

    const parts: string[] = [];
    const values: unknown[] = [];
    for (const [table, group] of wanted) {
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

    for (const group of wanted.values()) {
      for (const key of group) {
        if (key[0] === 'statement') this.#statements.set(key[1] ?? '', undefined);
        else this.#rows.set(keyText(key), undefined);
      }
    }
    for (const { t, r } of found) {
      if (t === 'statement') this.#statements.set(`sha256:${String(r.digest)}`, Number(r.index));
      else this.apply({ table: t, row: rowOf(r) } as RowChange);
    }
    return seen.size;
  }
}

const rowOf = (record: Record<string, unknown>): object =>
  Object.fromEntries(Object.entries(record).map(([column, value]) => [member(column), value]));

/** Each changed row as it stands at the end of the batch: one change a table. */
export function writeRows(changes: Iterable<RowChange>): Change[] {
  const last = new Map<string, RowChange>();
  for (const change of changes) last.set(keyText(keyOf(change)), change);
  const byTable = new Map<TableName, object[]>();
  for (const { table, row } of last.values()) {
    const rows = byTable.get(table);
    if (rows === undefined) byTable.set(table, [row]);
    else rows.push(row);
  }
  // In one order of tables, so that like batches have like texts.
  return [...byTable]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([table, rows]) => {
      const names = Object.keys(rows[0] ?? {});
      const columns = names.map(snake);
      const records = rows.map((row) => {
        const record: Record<string, unknown> = {};
        for (let i = 0; i < names.length; i++) record[columns[i]!] = (row as Record<string, unknown>)[names[i]!];
        return record;
      });
      const key: readonly string[] = KEYS[table].map(snake);
      const rest = columns.filter((column) => !key.includes(column));
      return (bind) =>
        `INSERT INTO registry.${table} SELECT * FROM jsonb_populate_recordset(NULL::registry.${table}, ${bind(JSON.stringify(records))}::jsonb)
         ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${rest.map((column) => `${column} = excluded.${column}`).join(', ')}`;
    });
}
