/** SQL of the verifier over the tables that the statements add up to, and over what the fold remembers beside them. */
import type { IndexName } from '../../core/registry/row-keys.ts';
import type { TableName } from '../../core/registry/tables.ts';
import { INDEXES, KEYS, TABLE_NAMES } from '../../core/registry/row-keys.ts';
import type { OverlaidRow } from './page-fold.ts';
import type { Columns, RegistryRow } from './registry-rows.ts';
import { RegistryRows } from './registry-rows.ts';
import type { Snapshot } from './snapshot.ts';

/** Types of key columns that are not text. */
const KEY_TYPES: Readonly<Record<string, string>> = { position: 'integer' };

/** Rows of one table by the values of their key columns; only those that statements below `before` made. */
export async function registryRows(
  snapshot: Snapshot,
  table: TableName,
  keys: readonly (readonly string[])[],
  before: number,
): Promise<RegistryRow[]> {
  const columns: readonly string[] = KEYS[table].map(snake);
  const lists = columns.map((column, i) => `$${i + 2}::${KEY_TYPES[column] ?? 'text'}[]`);
  return asRows(
    snapshot,
    `SELECT x.* FROM unnest(${lists.join(', ')}) AS k(${columns.join(', ')})
     JOIN registry.${table} x USING (${columns.join(', ')}) WHERE x.recorded_index < $1`,
    [before, ...columns.map((_, i) => keys.map((key) => key[i]))],
  );
}

/**
 * For each key the row that comes first in the index, of those that statements below `before` made and that nothing is
 * laid over.
 */
export function firstRows(
  snapshot: Snapshot,
  index: IndexName,
  keys: readonly (readonly string[])[],
  before: number,
): Promise<RegistryRow[]> {
  const { table } = INDEXES[index];
  const columns = INDEXES[index].columns.map(snake);
  return asRows(
    snapshot,
    `SELECT x.* FROM unnest(${columns.map((_, i) => `$${i + 2}::text[]`).join(', ')}) AS k(${columns.join(', ')})
     CROSS JOIN LATERAL (
       SELECT * FROM registry.${table} x
       WHERE ${columns.map((column) => `x.${column} = k.${column}`).join(' AND ')} AND x.recorded_index < $1
         AND NOT EXISTS (SELECT FROM pg_temp.fsck_overlay o WHERE o.tbl = '${table}' AND o.key = ${nameIn(table)})
       ORDER BY x.recorded_index LIMIT 1) x`,
    [before, ...columns.map((_, i) => keys.map((key) => key[i]))],
  );
}

/** `nameOf` the key of a row of the table, in SQL. */
function nameIn(table: TableName): string {
  const columns = KEYS[table].map((column) => `x.${snake(column)}`);
  if (columns.length === 1) return columns[0]!;
  return columns.map((column) => String.raw`regexp_replace(${column}::text, '[ \\]', '\\\&', 'g')`).join(` || ' ' || `);
}

async function asRows(snapshot: Snapshot, query: string, values: unknown[]): Promise<RegistryRow[]> {
  const { columns, tuples } = await snapshot.tuples(query, values);
  const members = columns.map(camel);
  return tuples.map((tuple) => Object.fromEntries(members.map((name, i) => [name, tuple[i]])) as RegistryRow);
}

/** All rows of the registry that statements from `from` on made, in log order. */
export function registryInLogOrder(snapshot: Snapshot, from: number): RegistryRows {
  return new RegistryRows(from, (copy) => snapshot.stream(copy));
}

export async function columns(snapshot: Snapshot): Promise<Columns> {
  const rows = await snapshot.rows<{ table: string; columns: string[] }>(
    `SELECT c.relname AS table, array_agg(a.attname::text ORDER BY a.attnum) AS columns
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = 'registry'::regnamespace AND c.relname = ANY($1) GROUP BY c.relname`,
    [TABLE_NAMES],
  );
  return Object.fromEntries(rows.map(({ table, columns }) => [table, columns.map(camel)])) as unknown as Columns;
}

/** What the fold made that is not in the tables as it was made, in a temporary table. */
export class Overlay {
  readonly #tables = new Set<IndexName | TableName>();

  constructor(private readonly snapshot: Snapshot) {}

  async put(rows: readonly OverlaidRow[]): Promise<void> {
    if (rows.length === 0) return;
    for (const { table } of rows) this.#tables.add(table);
    await this.snapshot.rows(
      `INSERT INTO pg_temp.fsck_overlay SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[])
       ON CONFLICT (tbl, key) DO UPDATE SET row = excluded.row`,
      [
        rows.map(({ table }) => table),
        rows.map(({ key }) => key),
        rows.map(({ row }) => (row === null ? null : JSON.stringify(row))),
      ],
    );
  }

  async get(table: IndexName | TableName, keys: readonly string[]): Promise<OverlaidRow[]> {
    if (!this.#tables.has(table)) return [];
    return this.snapshot.rows(
      `SELECT tbl AS table, key, row FROM pg_temp.fsck_overlay WHERE tbl = $1 AND key = ANY($2)`,
      [table, keys],
    );
  }

  /** Overlaid rows of one table behind `after`, in order of the key. */
  page(table: TableName, after: string, limit: number): Promise<OverlaidRow[]> {
    return this.snapshot.rows(
      `SELECT tbl AS table, key, row FROM pg_temp.fsck_overlay
       WHERE tbl = $1 AND key COLLATE "C" > $2 ORDER BY key COLLATE "C" LIMIT $3`,
      [table, after, limit],
    );
  }
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
