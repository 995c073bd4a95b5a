/** What the database says about itself, for `muniment doctor`. */
import type { Client } from 'pg';

export interface DatabaseFacts {
  versionNumber: number;
  fsync: string;
  synchronousCommit: string;
  fullPageWrites: string;
  /** Not empty on a primary whose commits wait for standbys. */
  synchronousStandbys: string;
  standbys: number;
  inRecovery: boolean;
  /** Milliseconds since 1970, as the database's clock has it. */
  now: number;
  superuser: boolean;
}

export async function readDatabaseFacts(url: string): Promise<DatabaseFacts> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<DatabaseFacts>(
      `SELECT current_setting('server_version_num')::int AS "versionNumber",
         current_setting('fsync') AS fsync,
         current_setting('synchronous_commit') AS "synchronousCommit",
         current_setting('full_page_writes') AS "fullPageWrites",
         current_setting('synchronous_standby_names') AS "synchronousStandbys",
         (SELECT count(*)::int FROM pg_stat_replication) AS standbys,
         pg_is_in_recovery() AS "inRecovery",
         (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now,
         (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser`,
    );
    return rows[0]!;
  });
}

export interface HeadFacts {
  origin: string;
  size: number;
  /** base64 */
  root: string;
}

/** The head of the log; undefined before the first start. */
export async function readHeadFacts(url: string): Promise<HeadFacts | undefined> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<HeadFacts>(
      `SELECT origin, size::float8 AS size, encode(root, 'base64') AS root FROM ledger.log_head`,
    );
    return rows[0];
  });
}

async function withClient<T>(url: string, action: (client: Client) => Promise<T>): Promise<T> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    return await action(client);
  } finally {
    await client.end();
  }
}
