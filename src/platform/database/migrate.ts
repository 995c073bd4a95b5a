/**
 * Brings the database up to date: the migrations, each in its own transaction, then the index for near fingerprints and
 * the job queues, then the rights of the application's login. All under one advisory lock of the session, so that of many processes that start at the same
 * time one does the work and the others find it done.
 */
import pg from 'pg';
import PgBoss from 'pg-boss';
import { DataSource } from 'typeorm';
import { MIGRATIONS } from '../../../migrations/index.ts';
import { RegistryError } from '../../core/errors.ts';
import { JOBS_SCHEMA, QUEUES } from '../jobs/queues.ts';
import type { QueueName } from '../jobs/queues.ts';
import type { Log } from '../logging/index.ts';
import type { Database } from './database.ts';
import { APP_ROLE } from './embedded.ts';
import { makeNearIndex } from './near-index.ts';
import { migrationOptions, MIGRATIONS_TABLE } from './options.ts';

/** Any fixed number serves; it must not be used for anything else in this database. */
const LOCK = 7_305_412_806_120_451n;

/** @returns the names of the migrations that ran now */
export async function migrate(database: Pick<Database, 'appUrl' | 'ownerUrl'>, log: Log): Promise<string[]> {
  const ownerUrl = database.ownerUrl.reveal();
  const guard = new pg.Client({ connectionString: ownerUrl });
  guard.on('error', (error) => log.warn({ err: error }, 'The connection that holds the migration lock broke.'));
  await guard.connect();
  try {
    await guard.query('SELECT pg_advisory_lock($1)', [LOCK]);
    const ran = await runMigrations(ownerUrl).catch((error: unknown) => {
      throw mayNot(error) ?? error;
    });
    for (const name of ran) log.info(`Ran the migration ${name}.`);
    await makeNearIndex(guard, log);
    await makeQueues(ownerUrl, log);
    await grantToApplication(guard, new URL(database.appUrl.reveal()).username);
    return ran;
  } finally {
    await guard.end();
  }
}

/** Names of migrations that have not run yet. Waits for a process that is running them at this moment. */
export async function pendingMigrations(database: Pick<Database, 'appUrl'>): Promise<string[]> {
  const client = new pg.Client({ connectionString: database.appUrl.reveal() });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock_shared($1)', [LOCK]);
    const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${MIGRATIONS_TABLE}`);
    const done = new Set(rows.map(({ name }) => name));
    return MIGRATIONS.map(({ name }) => name).filter((name) => !done.has(name));
  } catch (error) {
    // No such table, or no right to read it, which is granted last: nothing has ever run to its end.
    if (['42P01', '42501'].includes(String((error as { code?: unknown }).code)))
      return MIGRATIONS.map(({ name }) => name);
    throw error;
  } finally {
    await client.end();
  }
}

/** The sentence for a login that is not the owner's: what an API without the owner's login meets on a new version. */
function mayNot(error: unknown): RegistryError | undefined {
  if ((error as { code?: unknown }).code !== '42501') return undefined;
  return new RegistryError(
    'configuration_invalid',
    `The database is not up to date and this login may not change it.`,
    {
      field: 'MUNIMENT_MIGRATION_DATABASE_URL',
      fix: 'Run "muniment migrate" with the owner\'s login in MUNIMENT_MIGRATION_DATABASE_URL.',
      cause: error,
    },
  );
}

async function runMigrations(url: string): Promise<string[]> {
  const source = new DataSource(migrationOptions(url, []));
  await source.initialize();
  try {
    return (await source.runMigrations()).map(({ name }) => name);
  } finally {
    await source.destroy();
  }
}

async function makeQueues(connectionString: string, log: Log): Promise<void> {
  const boss = new PgBoss({
    connectionString,
    schema: JOBS_SCHEMA,
    migrate: true,
    supervise: false,
    schedule: false,
    max: 1,
  });
  boss.on('error', (err) => log.error({ err }, 'Setting up the job queues failed.'));
  await boss.start();
  try {
    for (const name of Object.keys(QUEUES) as QueueName[]) {
      await boss.createQueue(name, { name, ...QUEUES[name] });
      await boss.updateQueue(name, { name, ...QUEUES[name] });
    }
  } finally {
    await boss.stop({ graceful: false, close: true, wait: true });
  }
}

async function grantToApplication(client: pg.Client, login: string): Promise<void> {
  await client.query(`
    GRANT USAGE ON SCHEMA ${JOBS_SCHEMA} TO ${APP_ROLE};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${JOBS_SCHEMA} TO ${APP_ROLE};
    GRANT SELECT ON ${MIGRATIONS_TABLE} TO ${APP_ROLE};`);
  const { rows } = await client.query<{ member: boolean }>(
    `SELECT current_user = $1 OR pg_has_role($1::name, '${APP_ROLE}', 'MEMBER') AS member`,
    [decodeURIComponent(login)],
  );
  if (rows[0]?.member) return;
  try {
    await client.query(`GRANT ${APP_ROLE} TO ${pg.escapeIdentifier(decodeURIComponent(login))}`);
  } catch (cause) {
    throw new RegistryError('configuration_invalid', `The login of DATABASE_URL is not a member of ${APP_ROLE}.`, {
      field: 'DATABASE_URL',
      fix: `Run "GRANT ${APP_ROLE} TO ${login}" as an administrator.`,
      cause,
    });
  }
}
