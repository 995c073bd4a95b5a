/**
 * All SQL of the verifier, apart from the writer's on purpose. One snapshot of the whole database in which nothing can be
 * changed, seen from three connections (questions, pages of statements, rows of the registry), in parts of bounded size;
 * a log that is being written meanwhile is seen as it stood at one moment. What the fold needs to remember beyond a page
 * goes to a temporary table.
 */
import pg from 'pg';
import { fromHex } from '../../core/bytes.ts';
import type { Digest } from '../../core/digest.ts';
import type { TableName } from '../../core/registry/tables.ts';
import { KEYS, TABLE_NAMES } from '../../core/registry/tables.ts';
import { CopyOut, readInt8, readTuples, TupleBuffer } from './copy-out.ts';
import type { OverlaidRow } from './page-fold.ts';
import type { Columns, RegistryRow } from './registry-rows.ts';
import { RegistryRows } from './registry-rows.ts';

const INT8 = 20;

/** Rows that a cursor fetches at a time. */
const FETCHED = 2000;

/** Bytes of a row of `ledger.statement` that is not unusually large. */
const USUAL_STATEMENT = 2048;

/** Types of key columns that are not text. */
const KEY_TYPES: Readonly<Record<string, string>> = { position: 'integer' };

export interface HeadRow {
  id: number;
  origin: string;
  size: number;
  root: Uint8Array;
  note: string;
}

export interface TileRow {
  level: number;
  index: number;
  hashes: Uint8Array;
}

export interface SignedRow {
  size: number;
  root: Uint8Array;
  note: string;
}

export interface CheckpointRow extends SignedRow {
  /** Size of the checkpoint before it, 0 for the first */
  previous: number;
}

/** A cosignature, with the note of the checkpoint that it is on; null where there is none. */
export interface CosignatureRow {
  size: number;
  verifierKey: string;
  cosignedAt: number;
  signature: Uint8Array;
  note: string | null;
}

/** A stored timestamp, with what it should be over; null where there is no such thing. */
export interface TimestampRow {
  kind: string;
  number: number;
  reply: Uint8Array;
  /** Of the checkpoint of that size */
  note: string | null;
  /** Of the entry at that index */
  signature: Uint8Array | null;
}

/** A value with its salt, and what the registry holds about the commitment that they open. */
export interface DisclosureRow {
  commitment: string;
  value: string;
  salt: string;
  /** Whether some statement makes the commitment */
  made: boolean;
  erasedIndex: number | null;
}

/** An issued token, with what the tables of the registry hold about its grant and its key. */
export interface IssuanceRow {
  jti: string;
  grant: string;
  licensee: string;
  kid: string;
  claimsDigest: Digest;
  issuedAt: number;
  expiresAt: number;
  salt: string;
  batchId: string | null;
  position: number | null;
  grantedTo: string | null;
  keyKnown: boolean;
}

const ISSUANCE = `
  SELECT i.jti, i.grant_id AS "grant", i.licensee, i.kid, i.claims_digest AS "claimsDigest", i.issued_at AS "issuedAt",
    i.expires_at AS "expiresAt", i.salt, i.batch_id AS "batchId", i.position, g.licensee AS "grantedTo",
    k.kid IS NOT NULL AS "keyKnown"
  FROM registry.token_issuance i LEFT JOIN registry.license_grant g ON g.id = i.grant_id
  LEFT JOIN registry.token_key k ON k.kid = i.kid`;

export class Snapshot {
  readonly #overlaid = new Set<TableName>();

  /** Answers questions, and has the temporary tables. */
  readonly #questions: InTurn;
  readonly #pages: InTurn;

  private constructor(
    client: pg.Client,
    pages: pg.Client,
    private readonly stream: pg.Client,
  ) {
    [this.#questions, this.#pages] = [new InTurn(client), new InTurn(pages)];
  }

  static async open(url: string): Promise<Snapshot> {
    const clients: pg.Client[] = [];
    try {
      for (let i = 0; i < 3; i++) clients.push(await connect(url));
      const [client, pages, rows] = clients as [pg.Client, pg.Client, pg.Client];
      await client.query(`CREATE TEMP TABLE fsck_overlay (tbl text, key text, row jsonb, PRIMARY KEY (tbl, key))`);
      await client.query(`CREATE TEMP TABLE fsck_naming (naming bytea NOT NULL)`);
      await client.query(`CREATE TEMP TABLE fsck_map_node (hash bytea PRIMARY KEY)`);
      await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`);
      const exported = await client.query<{ id: string }>(`SELECT pg_export_snapshot() AS id`);
      for (const other of [pages, rows]) {
        await other.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`);
        await other.query(`SET TRANSACTION SNAPSHOT '${exported.rows[0]!.id}'`);
      }
      return new Snapshot(client, pages, rows);
    } catch (error) {
      await Promise.all(clients.map((client) => client.end()));
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#questions.client, this.#pages.client, this.stream].map((client) => client.end()));
  }

  heads(): Promise<HeadRow[]> {
    return this.#rows(`SELECT id, origin, size, root, note FROM ledger.log_head ORDER BY id`);
  }

  /** Bytes of the payloads of the statements `from` ≤ index < `to`, in groups of `width`, by the first index of each. */
  async payloadBytes(from: number, to: number, width: number): Promise<Map<number, number>> {
    const { rows } = await this.#pages.query<{ first: number; bytes: number }>({
      text: `SELECT min(index) AS first, sum(octet_length(payload))::bigint AS bytes FROM ledger.statement
             WHERE index >= $1 AND index < $2 GROUP BY div(index, $3)`,
      values: [from, to, width],
    });
    return new Map(rows.map(({ first, bytes }) => [first - (first % width), bytes]));
  }

  /** Statements `from` ≤ index < `to`, in order, as tuples of these columns. */
  async statements(from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const tuples = new TupleBuffer((to - from) * USUAL_STATEMENT);
    await this.#copy(
      `SELECT index, payload_digest, kind, maker, visibility, payload, signature, spki
       FROM ledger.statement WHERE index >= ${from} AND index < ${to} ORDER BY index`,
      (tuple) => tuples.add(tuple),
    );
    return tuples.bytes();
  }

  /** The lowest index from `from` on of a statement, if there is one below `size`. */
  async nextIndex(from: number, size: number): Promise<number | undefined> {
    const [row] = await this.#rows<{ index: number }>(
      `SELECT index FROM ledger.statement WHERE index >= $1 AND index < $2 ORDER BY index LIMIT 1`,
      [from, size],
    );
    return row?.index;
  }

  statementsBeyond(size: number, limit: number): Promise<{ index: number }[]> {
    return this.#rows(
      `(SELECT index FROM ledger.statement WHERE index < 0 ORDER BY index LIMIT $2)
       UNION ALL (SELECT index FROM ledger.statement WHERE index >= $1 ORDER BY index LIMIT $2)`,
      [size, limit],
    );
  }

  /** Level-0 tiles `from` ≤ index < `to`, by index. */
  leafTiles(from: number, to: number): Promise<Map<number, Uint8Array>> {
    return this.#files(`SELECT index, hashes FROM ledger.tile WHERE level = 0 AND index >= ${from} AND index < ${to}`);
  }

  async tile(level: number, index: number): Promise<Uint8Array | undefined> {
    const [row] = await this.#rows<TileRow>(
      `SELECT level, index, hashes FROM ledger.tile WHERE level = $1 AND index = $2`,
      [level, index],
    );
    return row?.hashes;
  }

  /** Tiles that a tree with these numbers of tiles, by level, does not have. */
  tilesBeyond(counts: readonly number[], limit: number): Promise<Pick<TileRow, 'index' | 'level'>[]> {
    return this.#rows(
      `SELECT t.level, t.index FROM ledger.tile t
       LEFT JOIN unnest($1::bigint[]) WITH ORDINALITY AS k(count, ordinal) ON k.ordinal = t.level + 1
       WHERE t.index < 0 OR t.index >= coalesce(k.count, 0) ORDER BY 1, 2 LIMIT $2`,
      [counts, limit],
    );
  }

  /** By index. */
  bundles(from: number, to: number): Promise<Map<number, Uint8Array>> {
    return this.#files(`SELECT index, entries FROM ledger.entry_bundle WHERE index >= ${from} AND index < ${to}`);
  }

  bundlesBeyond(count: number, limit: number): Promise<{ index: number }[]> {
    return this.#rows(`SELECT index FROM ledger.entry_bundle WHERE index < 0 OR index >= $1 ORDER BY index LIMIT $2`, [
      count,
      limit,
    ]);
  }

  /** Verifier keys of the checkpoints, as the projection has them. */
  async logKeys(): Promise<string[]> {
    const rows = await this.#rows<{ key: string }>(
      `SELECT DISTINCT verifier_key AS key FROM registry.log_key ORDER BY 1 LIMIT 1000`,
      [],
    );
    return rows.map(({ key }) => key);
  }

  /** Published checkpoints `from` < size ≤ `to`, in order. */
  checkpoints(from: number, to: number): Promise<CheckpointRow[]> {
    return this.#rows(
      `SELECT size, root, note, previous FROM ledger.checkpoint WHERE size > $1 AND size <= $2 ORDER BY size`,
      [from, to],
    );
  }

  /** Size of the last published checkpoint up to `size`, 0 if there is none. */
  async checkpointUpTo(size: number): Promise<number> {
    const [row] = await this.#rows<{ size: number }>(
      `SELECT coalesce(max(size), 0) AS size FROM ledger.checkpoint WHERE size > 0 AND size <= $1`,
      [size],
    );
    return row!.size;
  }

  checkpointsBeyond(size: number, limit: number): Promise<{ size: number }[]> {
    return this.#rows(`SELECT size FROM ledger.checkpoint WHERE size <= 0 OR size > $1 ORDER BY size LIMIT $2`, [
      size,
      limit,
    ]);
  }

  /** Opens a cursor over all cosignatures, in order of the sizes. */
  async openCosignatures(): Promise<void> {
    await this.#query(
      `DECLARE fsck_cosignature NO SCROLL CURSOR FOR
       SELECT c.size, c.verifier_key AS "verifierKey", c.cosigned_at AS "cosignedAt", c.signature, p.note
       FROM ledger.cosignature c LEFT JOIN ledger.checkpoint p USING (size) ORDER BY c.size`,
    );
  }

  /** The next rows of the cursor; none at its end. */
  nextCosignatures(): Promise<CosignatureRow[]> {
    return this.#rows(`FETCH ${FETCHED} FROM fsck_cosignature`);
  }

  /** Indexes below `before` of statements, by payload digest as `sha256:<hex>`. */
  async statementIndexes(digests: readonly string[], before: number): Promise<Map<string, number>> {
    const rows = await this.#rows<{ digest: Buffer; index: number }>(
      `SELECT payload_digest AS digest, index FROM ledger.statement WHERE payload_digest = ANY($1) AND index < $2`,
      [digests.map((digest) => Buffer.from(fromHex(digest.slice('sha256:'.length)))), before],
    );
    return new Map(rows.map(({ digest, index }) => [`sha256:${digest.toString('hex')}`, index]));
  }

  /** Rows of one table by the values of their key columns; only those that statements below `before` made. */
  async registryRows(table: TableName, keys: readonly (readonly string[])[], before: number): Promise<RegistryRow[]> {
    const columns: readonly string[] = KEYS[table].map(snake);
    const lists = columns.map((column, i) => `$${i + 2}::${KEY_TYPES[column] ?? 'text'}[]`);
    return this.#registry(
      `SELECT x.* FROM unnest(${lists.join(', ')}) AS k(${columns.join(', ')})
       JOIN registry.${table} x USING (${columns.join(', ')}) WHERE x.recorded_index < $1`,
      [before, ...columns.map((_, i) => keys.map((key) => key[i]))],
    );
  }

  /** All rows of the registry that statements from `from` on made, in log order. */
  registryInLogOrder(from: number): RegistryRows {
    return new RegistryRows(from, (copy) => this.stream.query(copy));
  }

  async columns(): Promise<Columns> {
    const rows = await this.#rows<{ table: string; columns: string[] }>(
      `SELECT c.relname AS table, array_agg(a.attname::text ORDER BY a.attnum) AS columns
       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       WHERE c.relnamespace = 'registry'::regnamespace AND c.relname = ANY($1) GROUP BY c.relname`,
      [TABLE_NAMES],
    );
    return Object.fromEntries(rows.map(({ table, columns }) => [table, columns.map(camel)])) as unknown as Columns;
  }

  async overlay(rows: readonly OverlaidRow[]): Promise<void> {
    if (rows.length === 0) return;
    for (const { table } of rows) this.#overlaid.add(table);
    await this.#query(
      `INSERT INTO pg_temp.fsck_overlay SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[])
       ON CONFLICT (tbl, key) DO UPDATE SET row = excluded.row`,
      [
        rows.map(({ table }) => table),
        rows.map(({ key }) => key),
        rows.map(({ row }) => (row === null ? null : JSON.stringify(row))),
      ],
    );
  }

  async overlaid(table: TableName, keys: readonly string[]): Promise<OverlaidRow[]> {
    if (!this.#overlaid.has(table)) return [];
    return this.#rows(`SELECT tbl AS table, key, row FROM pg_temp.fsck_overlay WHERE tbl = $1 AND key = ANY($2)`, [
      table,
      keys,
    ]);
  }

  /** Overlaid rows of one table behind `after`, in order of the key. */
  overlaidPage(table: TableName, after: string, limit: number): Promise<OverlaidRow[]> {
    return this.#rows(
      `SELECT tbl AS table, key, row FROM pg_temp.fsck_overlay
       WHERE tbl = $1 AND key COLLATE "C" > $2 ORDER BY key COLLATE "C" LIMIT $3`,
      [table, after, limit],
    );
  }

  disclosures(after: string, limit: number): Promise<DisclosureRow[]> {
    return this.#rows(
      `SELECT d.commitment, d.value, d.salt, c.commitment IS NOT NULL AS made, c.erased_index AS "erasedIndex"
       FROM registry.disclosure d LEFT JOIN registry.commitment c ON c.commitment = d.commitment
       WHERE d.commitment COLLATE "C" > $1 ORDER BY d.commitment COLLATE "C" LIMIT $2`,
      [after, limit],
    );
  }

  /** Commitments that no statement erased and whose value is not there. */
  undisclosed(after: string, limit: number): Promise<{ commitment: string; recordedIndex: number }[]> {
    return this.#rows(
      `SELECT c.commitment, c.recorded_index AS "recordedIndex" FROM registry.commitment c
       WHERE c.commitment COLLATE "C" > $1 AND c.erased_index IS NULL
         AND NOT EXISTS (SELECT FROM registry.disclosure d WHERE d.commitment = c.commitment)
       ORDER BY c.commitment COLLATE "C" LIMIT $2`,
      [after, limit],
    );
  }

  tokenBatches(after: string, limit: number): Promise<{ id: string; size: number; root: string }[]> {
    return this.#rows(
      `SELECT id, size, root FROM registry.token_batch WHERE id COLLATE "C" > $1 ORDER BY id COLLATE "C" LIMIT $2`,
      [after, limit],
    );
  }

  batchedIssuances(batchId: string, limit: number): Promise<IssuanceRow[]> {
    return this.#rows(`${ISSUANCE} WHERE i.batch_id = $1 ORDER BY i.position LIMIT $2`, [batchId, limit]);
  }

  /** Tokens that no batch on record holds. */
  otherIssuances(after: string, limit: number): Promise<IssuanceRow[]> {
    return this.#rows(
      `${ISSUANCE} WHERE i.jti COLLATE "C" > $1
         AND NOT EXISTS (SELECT FROM registry.token_batch b WHERE b.id = i.batch_id)
       ORDER BY i.jti COLLATE "C" LIMIT $2`,
      [after, limit],
    );
  }

  /** Timestamps behind the one that is named, in order of kind and number. */
  timestamps(kind: string, number: number, limit: number): Promise<TimestampRow[]> {
    return this.#rows(
      `SELECT t.kind, t.number, t.reply, c.note, s.signature FROM ledger.timestamp t
       LEFT JOIN ledger.checkpoint c ON t.kind = 'checkpoint' AND c.size = t.number
       LEFT JOIN ledger.statement s ON t.kind = 'signature' AND s.index = t.number
       WHERE (t.kind, t.number) > ($1, $2) ORDER BY t.kind, t.number LIMIT $3`,
      [kind, number, limit],
    );
  }

  async countReceipts(): Promise<number> {
    const [row] = await this.#rows<{ count: number }>(`SELECT count(*) AS count FROM ops.idempotency`);
    return row!.count;
  }

  receiptsWithoutStatement(size: number, limit: number): Promise<{ partyId: string; key: string; index: number }[]> {
    return this.#rows(
      `SELECT i.party_id AS "partyId", i.key, i.statement_index AS index FROM ops.idempotency i
       WHERE i.statement_index >= $1
         OR NOT EXISTS (SELECT FROM ledger.statement s WHERE s.index = i.statement_index)
       ORDER BY i.statement_index, i.party_id, i.key LIMIT $2`,
      [size, limit],
    );
  }

  async countErased(): Promise<number> {
    const [row] = await this.#rows<{ count: number }>(
      `SELECT count(*) AS count FROM registry.commitment WHERE erased_index IS NOT NULL`,
    );
    return row!.count;
  }

  /** For the stores beside this one: any query on the same snapshot. */
  rows<Row>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return this.#rows(sql, values);
  }

  async #rows<Row>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#query(sql, values)).rows as Row[];
  }

  async #registry(sql: string, values: unknown[] = []): Promise<RegistryRow[]> {
    const { rows, fields } = await this.#questions.query<unknown[]>({ text: sql, values, rowMode: 'array' });
    const names = fields.map(({ name }) => camel(name));
    return rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])) as RegistryRow);
  }

  #query(text: string, values: unknown[] = []): Promise<pg.QueryResult> {
    return this.#questions.query({ text, values });
  }

  async #files(select: string): Promise<Map<number, Uint8Array>> {
    const files = new Map<number, Uint8Array>();
    await this.#copy(select, (tuple) => {
      for (const [index, bytes] of readTuples(tuple)) files.set(readInt8(index!), new Uint8Array(bytes ?? []));
    });
    return files;
  }

  #copy(select: string, onTuple: (tuple: Buffer) => void): Promise<void> {
    return this.#pages.copy(new CopyOut(select, onTuple));
  }
}

/** A connection whose queries wait for one another, since several pages are under way at a time. */
class InTurn {
  #last: Promise<unknown> = Promise.resolve();

  constructor(readonly client: pg.Client) {}

  query<Row extends object>(
    config: pg.QueryConfig & { rowMode?: 'array' },
  ): Promise<pg.QueryResult<Row & pg.QueryResultRow>> {
    return this.#run(() => this.client.query(config));
  }

  copy(copy: CopyOut): Promise<void> {
    return this.#run(() => this.client.query(copy).done);
  }

  #run<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(run, run);
    this.#last = result;
    return result;
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'muniment-fsck',
    types: {
      getTypeParser: ((oid: number, format?: 'text') =>
        oid === INT8 ? Number : (pg.types.getTypeParser(oid, format) as unknown)) as typeof pg.types.getTypeParser,
    },
  });
  // A connection that breaks fails every query on it, which is where it is told.
  client.on('error', () => undefined);
  await client.connect();
  // Everything is read once and in order: helpers of the server would only take the threads' cores.
  await client.query(
    `SET statement_timeout = 0; SET work_mem = '32MB'; SET max_parallel_workers_per_gather = 0;
     SET search_path = pg_catalog`,
  );
  return client;
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
