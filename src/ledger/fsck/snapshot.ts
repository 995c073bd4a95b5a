/**
 * One snapshot of the whole database in which nothing can be changed, seen from three connections (questions, pages of
 * statements, rows of the registry), in parts of bounded size; a log that is being written meanwhile is seen as it stood
 * at one moment. What the fold needs to remember beyond a page goes to temporary tables. The SQL of the verifier stands
 * in the stores of this folder, apart from the writer's on purpose.
 */
import pg from 'pg';
import { CopyOut } from './copy-out.ts';

const INT8 = 20;

export class Snapshot {
  /** Answers questions, and has the temporary tables. */
  readonly #questions: InTurn;
  readonly #pages: InTurn;

  private constructor(
    client: pg.Client,
    pages: pg.Client,
    private readonly ordered: pg.Client,
  ) {
    [this.#questions, this.#pages] = [new InTurn(client), new InTurn(pages)];
  }

  static async open(url: string): Promise<Snapshot> {
    const clients: pg.Client[] = [];
    try {
      for (let i = 0; i < 3; i++) clients.push(await connect(url));
      const [client, pages, rows] = clients as [pg.Client, pg.Client, pg.Client];
      await client.query(`CREATE TEMP TABLE fsck_overlay (tbl text, key text, row jsonb, PRIMARY KEY (tbl, key))`);
      await client.query(`CREATE TEMP TABLE fsck_naming (bucket integer NOT NULL, namings bytea NOT NULL)`);
      await client.query(`ALTER TABLE pg_temp.fsck_naming ALTER COLUMN namings SET STORAGE EXTERNAL`);
      await client.query(`CREATE INDEX ON pg_temp.fsck_naming (bucket)`);
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
    await Promise.all([this.#questions.client, this.#pages.client, this.ordered].map((client) => client.end()));
  }

  async rows<Row>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#questions.query({ text: sql, values })).rows as Row[];
  }

  /** The rows as arrays, beside the names of their columns. */
  async tuples(sql: string, values: unknown[]): Promise<{ columns: string[]; tuples: unknown[][] }> {
    const { rows, fields } = await this.#questions.query<unknown[]>({ text: sql, values, rowMode: 'array' });
    return { columns: fields.map(({ name }) => name), tuples: rows };
  }

  /** On the connection that fetches pages ahead. */
  async pageRows<Row extends object>(sql: string, values: unknown[]): Promise<Row[]> {
    return (await this.#pages.query<Row>({ text: sql, values })).rows;
  }

  copyPages(select: string, onTuple: (tuple: Buffer) => void): Promise<void> {
    return this.#pages.copy(new CopyOut(select, onTuple));
  }

  /** On the connection that reads the registry from end to end. */
  stream(copy: CopyOut): CopyOut {
    return this.ordered.query(copy);
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
