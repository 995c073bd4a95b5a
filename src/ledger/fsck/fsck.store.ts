/**
 * All SQL of the verifier, apart from the writer's on purpose. One connection, one snapshot of the whole database in
 * which nothing can be changed, pages and cursors of bounded size; a log that is being written meanwhile is seen as it
 * stood at one moment. What the fold needs to remember beyond a page goes to a temporary table.
 */
import pg from 'pg';
import { fromHex } from '../../core/bytes.ts';
import type { Digest } from '../../core/digest.ts';
import type { TableName } from '../../core/registry/tables.ts';
import { KEYS } from '../../core/registry/tables.ts';

const INT8 = 20;

/** Rows that a cursor fetches at a time. */
const FETCHED = 2000;

/** Types of key columns that are not text. */
const KEY_TYPES: Readonly<Record<string, string>> = { position: 'integer' };

export interface HeadRow {
  id: number;
  origin: string;
  size: number;
  root: Uint8Array;
  note: string;
}

export interface StatementRow {
  index: number;
  payloadDigest: Uint8Array;
  kind: string;
  maker: string;
  visibility: string;
  payload: Uint8Array;
  signature: Uint8Array;
  spki: Uint8Array;
}

export interface TileRow {
  level: number;
  index: number;
  hashes: Uint8Array;
}

export interface CheckpointRow {
  size: number;
  root: Uint8Array;
  note: string;
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

/** A row of the registry as the columns have it, with the members' names of `core/registry/tables`. */
export type RegistryRow = Record<string, unknown> & { recordedIndex: number };

/** A row as the fold left it, where that is not the row that its first statement made; null for one that may not be. */
export interface OverlaidRow {
  table: TableName;
  key: string;
  row: RegistryRow | null;
}

export class Snapshot {
  /** Queries wait for one another here, so that the next page can be asked for while this one is worked on. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #overlaid = new Set<TableName>();

  private constructor(private readonly client: pg.Client) {}

  static async open(url: string): Promise<Snapshot> {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'muniment-fsck',
      types: {
        getTypeParser: ((oid: number, format?: 'text') =>
          oid === INT8 ? Number : (pg.types.getTypeParser(oid, format) as unknown)) as typeof pg.types.getTypeParser,
      },
    });
    await client.connect();
    try {
      await client.query(`SET statement_timeout = 0; SET work_mem = '32MB'; SET search_path = pg_catalog`);
      await client.query(`CREATE TEMP TABLE fsck_overlay (tbl text, key text, row jsonb, PRIMARY KEY (tbl, key))`);
      await client.query(`CREATE TEMP TABLE fsck_commitment (commitment text PRIMARY KEY)`);
      await client.query(`CREATE TEMP TABLE fsck_naming (naming bytea NOT NULL)`);
      await client.query(`CREATE TEMP TABLE fsck_map_node (hash bytea PRIMARY KEY)`);
      await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`);
    } catch (error) {
      await client.end();
      throw error;
    }
    return new Snapshot(client);
  }

  async close(): Promise<void> {
    await this.client.end();
  }

  heads(): Promise<HeadRow[]> {
    return this.#rows(`SELECT id, origin, size, root, note FROM ledger.log_head ORDER BY id`);
  }

  /** Statements `from` ≤ index < `to`, in order. */
  statements(from: number, to: number): Promise<StatementRow[]> {
    return this.#rows(
      `SELECT index, payload_digest AS "payloadDigest", kind, maker, visibility, payload, signature, spki
       FROM ledger.statement WHERE index >= $1 AND index < $2 ORDER BY index`,
      [from, to],
    );
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

  /** Level-0 tiles `from` ≤ index < `to`. */
  leafTiles(from: number, to: number): Promise<TileRow[]> {
    return this.#rows(`SELECT level, index, hashes FROM ledger.tile WHERE level = 0 AND index >= $1 AND index < $2`, [
      from,
      to,
    ]);
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

  bundles(from: number, to: number): Promise<{ index: number; entries: Uint8Array }[]> {
    return this.#rows(`SELECT index, entries FROM ledger.entry_bundle WHERE index >= $1 AND index < $2`, [from, to]);
  }

  bundlesBeyond(count: number, limit: number): Promise<{ index: number }[]> {
    return this.#rows(`SELECT index FROM ledger.entry_bundle WHERE index < 0 OR index >= $1 ORDER BY index LIMIT $2`, [
      count,
      limit,
    ]);
  }

  /** Published checkpoints `from` < size ≤ `to`, in order. */
  checkpoints(from: number, to: number): Promise<CheckpointRow[]> {
    return this.#rows(`SELECT size, root, note FROM ledger.checkpoint WHERE size > $1 AND size <= $2 ORDER BY size`, [
      from,
      to,
    ]);
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

  /** Opens a cursor over all rows of a table, in the order of the statements that made them. */
  async openInLogOrder(table: TableName): Promise<void> {
    await this.#query(
      `DECLARE fsck_${table} NO SCROLL CURSOR FOR SELECT * FROM registry.${table} ORDER BY recorded_index`,
    );
  }

  /** The next rows of the cursor; none at its end. */
  nextInLogOrder(table: TableName): Promise<RegistryRow[]> {
    return this.#registry(`FETCH ${FETCHED} FROM fsck_${table}`);
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

  async rememberCommitments(commitments: readonly string[]): Promise<void> {
    await this.#query(
      `INSERT INTO pg_temp.fsck_commitment SELECT unnest($1::text[]) ON CONFLICT (commitment) DO NOTHING`,
      [commitments],
    );
  }

  disclosures(after: string, limit: number): Promise<{ commitment: string; value: string; salt: string }[]> {
    return this.#rows(
      `SELECT commitment, value, salt FROM registry.disclosure
       WHERE commitment COLLATE "C" > $1 ORDER BY commitment COLLATE "C" LIMIT $2`,
      [after, limit],
    );
  }

  disclosuresWithoutStatement(limit: number): Promise<{ commitment: string }[]> {
    return this.#rows(
      `SELECT d.commitment FROM registry.disclosure d
       WHERE NOT EXISTS (SELECT FROM pg_temp.fsck_commitment c WHERE c.commitment = d.commitment) LIMIT $1`,
      [limit],
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

  async countErased(): Promise<number> {
    const [row] = await this.#rows<{ count: number }>(
      `SELECT count(*) AS count FROM pg_temp.fsck_commitment c
       WHERE NOT EXISTS (SELECT FROM registry.disclosure d WHERE d.commitment = c.commitment)`,
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
    const { rows, fields } = await this.#inTurn(() =>
      this.client.query<unknown[]>({ text: sql, values, rowMode: 'array' }),
    );
    const names = fields.map(({ name }) => camel(name));
    return rows.map((row) => {
      const record: Record<string, unknown> = {};
      for (let i = 0; i < names.length; i++) record[names[i]!] = row[i];
      return record as RegistryRow;
    });
  }

  #query(text: string, values: unknown[] = []): Promise<pg.QueryResult> {
    return this.#inTurn(() => this.client.query(text, values));
  }

  #inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(run, run);
    this.#last = result;
    return result;
  }
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
