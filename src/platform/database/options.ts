/** How TypeORM is set up, the same for the application, the command line and the tests. */
import pg from 'pg';
import type { DataSourceOptions, EntitySchema } from 'typeorm';
import { MIGRATIONS } from '../../../migrations/index.ts';

export const MIGRATIONS_TABLE = 'muniment_migrations';

export type Entities = (EntitySchema | (new () => object))[];

/**
 * A connection that breaks tells the query that waits on it, and emits `error` besides, more than once when the server is
 * killed. In the moments in which neither pool nor query runner listens, nobody would, and Node ends the process.
 */
class EnduringClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}

/**
 * The application reads by key, in prepared statements, whose plan may be older than the growth of a table: without this
 * a plan that was made while a table was small would go on to read the whole of it.
 */
const SESSION_SETTINGS = '-c enable_seqscan=off';

/** `synchronize` is off for good: only migrations change the schema. */
export function dataSourceOptions(url: string, entities: Entities, pool = 10) {
  return {
    type: 'postgres',
    url,
    entities,
    synchronize: false,
    migrationsTableName: MIGRATIONS_TABLE,
    migrationsTransactionMode: 'each',
    applicationName: 'muniment',
    // `pipeline` lets queries of one connection travel together where the caller does not wait between them.
    extra: {
      Client: EnduringClient,
      max: pool,
      keepAlive: true,
      pipeline: true,
      connectionTimeoutMillis: 10_000,
      statement_timeout: 60_000,
      options: SESSION_SETTINGS,
    },
    logging: false,
    // Without this, a migration that fails is also printed to standard output.
    logger: 'debug',
  } satisfies DataSourceOptions;
}

/** A migration of a large registry may take longer than any request. */
export function migrationOptions(url: string, entities: Entities) {
  const { extra, ...options } = dataSourceOptions(url, entities, 2);
  return { ...options, extra: { ...extra, statement_timeout: 0 }, migrations: MIGRATIONS } satisfies DataSourceOptions;
}
