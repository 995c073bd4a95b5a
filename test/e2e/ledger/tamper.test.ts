/**
 * Whoever owns the database changes a row, deletes it, adds one or swaps two, with all triggers off, in every table of
 * `ledger` and `registry`; the verifier names the table and the row. A table that is not listed here fails the test.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { KEYS, TABLE_NAMES } from '../../../src/core/registry/row-keys.ts';
import type { Finding } from '../../../src/ledger/fsck/index.ts';
import { SIDE_TABLES } from '../../../src/ledger/fsck/side-tables.ts';
import { attestTime, cosign, everyKind, makeParty, register, TestLedger } from './fixture.ts';

/** The columns that name a row. */
const LEDGER_KEYS: Record<string, readonly string[]> = {
  log_head: ['id'],
  statement: ['index'],
  tile: ['level', 'index'],
  entry_bundle: ['index'],
  checkpoint: ['size'],
  cosignature: ['size', 'verifier_key'],
  timestamp: ['kind', 'number'],
  map_node: ['hash'],
  map_version: ['size'],
};
const SIDE_KEYS: Record<string, readonly string[]> = {
  artifact_access: ['id'],
  disclosure: ['commitment'],
  token_issuance: ['jti'],
};
/** Tables whose rows the log holds by batch. */
const BATCHED = ['registry.artifact_access', 'registry.token_issuance'];
/** The database's own times: they prove nothing, and no verdict rests on them. */
const UNPROVEN = [
  'ledger.statement.recorded_at',
  'ledger.checkpoint.published_at',
  'ledger.cosignature.recorded_at',
  'ledger.timestamp.stored_at',
];

/** Tables of which this log has one row. */
const SINGLE = [
  'ledger.log_head',
  'ledger.entry_bundle',
  'registry.dataset',
  'registry.dataset_version',
  'registry.run',
  'registry.relation',
  'registry.trained_on',
  'registry.lineage_standing',
];

/** Rows that may go. */
const NOT_MISSED: Record<string, string> = {
  'ledger.cosignature': 'misses no cosignature that is gone: whoever holds it still has it',
  'ledger.timestamp': 'misses no timestamp that is gone: whoever holds it still has its proof',
};

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const TABLES: Record<string, readonly string[]> = {
  ...Object.fromEntries(Object.entries(LEDGER_KEYS).map(([table, key]) => [`ledger.${table}`, key])),
  ...Object.fromEntries(TABLE_NAMES.map((table) => [`registry.${table}`, KEYS[table].map(snake)])),
  ...Object.fromEntries(Object.entries(SIDE_KEYS).map(([table, key]) => [`registry.${table}`, key])),
};

/** What PostgreSQL makes of a value so that it is another one of the same type, and no other row's key. */
const OTHER: Record<string, (column: string) => string> = {
  // An index decodes it: it stays a digest.
  text: (c) => (c === 'file_digest' ? `'sha256:' || reverse(substr(${c}, 8))` : `coalesce(${c}, '') || 'x'`),
  bigint: (c) => `coalesce(${c}, 0) + 7000`,
  smallint: (c) => `${c} + 70`,
  integer: (c) => `coalesce(${c}, 0) + 7000`,
  boolean: (c) => `NOT ${c}`,
  'timestamp with time zone': (c) => `${c} + interval '1 s'`,
  bytea: (c) => `set_byte(${c}, 0, get_byte(${c}, 0) # 1)`,
  bit: (c) => `set_bit(${c}, 0, 1 - get_bit(${c}, 0))`,
  jsonb: (c) =>
    `CASE jsonb_typeof(${c}) WHEN 'array' THEN ${c} || 'true' ELSE jsonb_set(${c}, '{tampered}', 'true') END`,
  json: (c) => `jsonb_set(${c}::jsonb, '{tampered}', 'true')`,
  ARRAY: (c) => `${c} || 'tampered'::text`,
};

/** The key of a row that is added: behind the others where it is a number. */
const OTHER_KEY: Record<string, (column: string) => string> = {
  text: (c) => `${c} || 'x'`,
  bytea: (c) => `${c} || '\\x00'`,
};
const ADDED_KEY: Record<string, (key: string) => string> = { text: (key) => `${key}x`, bytea: (key) => `${key}00` };

interface Column {
  column_name: string;
  data_type: string;
  is_nullable: 'NO' | 'YES';
}

// One test verifies the whole log for every column of a table.
jest.setTimeout(300_000);

let log: TestLedger;
let superuser: pg.Client;
const columns = new Map<string, Column[]>();
const rowsOf = async <T extends object>(sql: string) => (await superuser.query<T>(sql)).rows;
const tamper = (sql: string) => superuser.query(sql);

beforeAll(async () => {
  log = await TestLedger.create();
  superuser = new pg.Client({ connectionString: log.database.superuserUrl });
  await superuser.connect();
  await tamper(`SET session_replication_role = replica`);
  await tamper(`ALTER TABLE ledger.log_head DROP CONSTRAINT log_head_id_check`);
  await tamper(`ALTER TABLE ledger.statement DROP CONSTRAINT statement_payload_digest_key`);
  await tamper(`DROP INDEX registry.token_issuance_place`);
  const process = await log.open();
  // A checkpoint without outside time: one that an authority has seen would be missed.
  await process.core.published.publish();
  await everyKind(process);
  await attestTime(process);
  const ada = await makeParty(process);
  await Promise.all(Array.from({ length: 280 }, () => register(process, ada)));
  await cosign(process, await process.core.published.publish());
  await attestTime(process);
  const rows = await rowsOf<Column & { name: string }>(
    `SELECT table_schema || '.' || table_name AS name, column_name, data_type, is_nullable
     FROM information_schema.columns WHERE table_schema IN ('ledger', 'registry') ORDER BY 1, ordinal_position`,
  );
  for (const row of rows) columns.set(row.name, [...(columns.get(row.name) ?? []), row]);
  expect((await log.fsck()).findings).toEqual([]);
});
afterAll(async () => {
  await superuser.end();
  await log.drop();
});

it('lists every table of the schemas ledger and registry', () => {
  expect([...columns.keys()].sort()).toEqual(Object.keys(TABLES).sort());
  expect(SIDE_TABLES.map(({ table }) => table).sort()).toEqual(Object.keys(SIDE_KEYS).sort());
});

it('finds at every table of the schema ops why its rows may be lost', async () => {
  const rows = await rowsOf<{ name: string; reason: string | null }>(
    `SELECT c.relname AS name, obj_description(c.oid, 'pg_class') AS reason FROM pg_class c
     WHERE c.relnamespace = 'ops'::regnamespace AND c.relkind IN ('r', 'p')`,
  );
  expect(rows.length).toBeGreaterThan(5);
  expect(rows.filter(({ reason }) => (reason ?? '').length < 40)).toEqual([]);
});

/** Runs the verifier on the tampered log, then takes the tampering back by putting the table's rows back. */
async function tampered(table: string, sql: string): Promise<Finding[]> {
  await tamper(`CREATE TABLE public.kept AS SELECT * FROM ${table}`);
  try {
    await tamper(sql);
    const report = await log.fsck({ full: false });
    expect(report.ok).toBe(report.findingCount === 0);
    expect(report.exitCode).toBe(report.ok ? 0 : 1);
    return report.findings.slice(0, 400);
  } finally {
    await tamper(`DELETE FROM ${table}`);
    await tamper(`INSERT INTO ${table} SELECT * FROM public.kept`);
    await tamper(`DROP TABLE public.kept`);
  }
}

interface Row {
  where: string;
  /** What a finding may name: the row, or the batch whose root it belongs to. */
  names: unknown;
  key: string;
}

/**
 * Two rows of a table. Of those that the log holds by batch two in one: one that waits for it is in nobody's proof yet. Of the
 * possessions those of two openings: what one opening told differs in nothing but its key.
 */
async function someRows(table: string): Promise<Row[]> {
  const key = TABLES[table]!;
  const batched = BATCHED.includes(table);
  const from: Record<string, string> = {
    'registry.possession': `(SELECT DISTINCT ON (sealed_id) * FROM ${table} ORDER BY sealed_id) p ORDER BY sealed_id`,
  };
  const inOrder = batched ? 'WHERE batch_id IS NOT NULL ORDER BY batch_id, position' : `ORDER BY ${key.join(', ')}`;
  const rows = await rowsOf<Record<string, string>>(
    `SELECT ${[...key, ...(batched ? ['batch_id'] : [])].map((c) => `${c}::text AS ${c}`).join(', ')}
     FROM ${from[table] ?? `${table} ${inOrder}`} LIMIT 2`,
  );
  return rows.map((row) => {
    const name = key.map((c) => row[c]).join(' ');
    return {
      where: key.map((c) => `${c} = '${row[c]}'`).join(' AND '),
      names: batched ? expect.stringMatching(`^(${name}|${row['batch_id']})$`) : name,
      key: name,
    };
  });
}

describe.each(Object.keys(TABLES))('%s', (table) => {
  it('names the row of each column that was changed', async () => {
    const [row] = await someRows(table);
    for (const { column_name: column, data_type: type } of columns.get(table)!) {
      if (UNPROVEN.includes(`${table}.${column}`)) continue;
      const change = `UPDATE ${table} SET ${column} = ${OTHER[type]!(column)} WHERE ${row!.where}`;
      const findings = await tampered(table, change);
      // A changed key makes another row of it.
      const names = TABLES[table]!.includes(column) ? (expect.any(String) as unknown) : row!.names;
      expect({ column, findings }).toEqual({
        column,
        findings: expect.arrayContaining([expect.objectContaining({ table, key: names })]) as unknown,
      });
    }
  });

  it(NOT_MISSED[table] ?? 'names a row that was deleted', async () => {
    const [row] = await someRows(table);
    const findings = await tampered(table, `DELETE FROM ${table} WHERE ${row!.where}`);
    if (table in NOT_MISSED) expect(findings).toEqual([]);
    else expect(findings).toContainEqual(expect.objectContaining({ table, key: row!.names }));
  });

  it('names a row that was added', async () => {
    const key = TABLES[table]!;
    const types = new Map(columns.get(table)!.map((column) => [column.column_name, column.data_type]));
    const [row] = await someRows(table);
    // A copy of a row under another key, far behind the others where the key is a number.
    const copied = columns
      .get(table)!
      .map(({ column_name: column }) => {
        if (column === 'payload_digest') return `sha256('another')`;
        if (column !== key.at(-1)) return column;
        return OTHER_KEY[types.get(column)!]?.(column) ?? `${column} + 7000`;
      })
      .join(', ');
    const sql = `INSERT INTO ${table} SELECT ${copied} FROM ${table} WHERE ${row!.where}`;
    const findings = await tampered(table, sql);
    const before = (await someRows(table))[0]!.key.split(' ');
    const last = before.pop()!;
    const added = [...before, ADDED_KEY[types.get(key.at(-1)!)!]?.(last) ?? String(Number(last) + 7000)].join(' ');
    expect(findings).toContainEqual(expect.objectContaining({ table, key: added }));
  });

  it('names two rows whose contents were swapped', async () => {
    const rows = await someRows(table);
    if (rows.length < 2) {
      expect(SINGLE).toContain(table);
      return;
    }
    const rest = columns.get(table)!.filter(({ column_name }) => !TABLES[table]!.includes(column_name));
    const [a, b] = rows as [Row, Row];
    const findings = await tampered(
      table,
      `UPDATE ${table} t SET ${rest.map(({ column_name: c }) => `${c} = s.${c}`).join(', ')}
       FROM ${table} s WHERE (t.${a.where.replaceAll(' AND ', ' AND t.')} AND s.${b.where.replaceAll(' AND ', ' AND s.')})
         OR (t.${b.where.replaceAll(' AND ', ' AND t.')} AND s.${a.where.replaceAll(' AND ', ' AND s.')})`,
    );
    for (const { names } of rows) expect(findings).toContainEqual(expect.objectContaining({ table, key: names }));
  });
});

it('counts a value that a statement erased, and takes it for no fault', async () => {
  expect(await log.fsck()).toMatchObject({ ok: true, erased: 1 });
});

it('names a value that is gone though no statement erased it', async () => {
  const [row] = await rowsOf<{ commitment: string }>(`SELECT commitment FROM registry.disclosure WHERE value = 'Ben'`);
  const findings = await tampered('registry.disclosure', `DELETE FROM registry.disclosure WHERE value = 'Ben'`);
  expect(findings).toEqual([
    expect.objectContaining({ code: 'disclosure_missing', table: 'registry.disclosure', key: row!.commitment }),
  ]);
});

it('names an erased value that came back', async () => {
  const [row] = await rowsOf<{ commitment: string }>(
    `SELECT commitment FROM registry.commitment WHERE erased_index IS NOT NULL`,
  );
  const findings = await tampered(
    'registry.disclosure',
    `INSERT INTO registry.disclosure VALUES ('${row!.commitment}', 'Cleo', '${'0'.repeat(32)}')`,
  );
  expect(findings).toEqual([
    expect.objectContaining({ code: 'disclosure_returned', table: 'registry.disclosure', key: row!.commitment }),
  ]);
});

it('finds an erasure that only the tables tell of', async () => {
  const findings = await tampered(
    'registry.commitment',
    `UPDATE registry.commitment SET erased_index = 3 WHERE commitment IN (
       SELECT commitment FROM registry.disclosure WHERE value = 'Ben')`,
  );
  expect(findings.map(({ code }) => code).sort()).toEqual(['disclosure_returned', 'row_changed']);
});

it('is as it was after all this', async () => {
  expect((await log.fsck()).findings).toEqual([]);
});
