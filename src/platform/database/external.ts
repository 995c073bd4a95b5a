/**
 * A PostgreSQL that somebody else runs: `DATABASE_URL` for the application, `MUNIMENT_MIGRATION_DATABASE_URL` for the
 * owner. A server that is still starting is waited for; one that is too old is refused.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { RegistryError } from '../../core/errors.ts';
import type { Secret } from '../config/index.ts';
import type { Log } from '../logging/index.ts';
import { withoutPasswords } from '../logging/index.ts';
import type { Database } from './database.ts';

const WAIT_MS = 15_000;
const OLDEST = 140_000;
/** Reasons that pass by themselves: not listening yet, starting up, name of a container not known yet. */
const PASSING = ['ECONNREFUSED', 'ECONNRESET', 'EAI_AGAIN', 'ENOTFOUND', '57P03'];

export async function openExternal(
  urls: { app: Secret<string>; owner: Secret<string> | undefined },
  log: Log,
): Promise<Database> {
  const owner = urls.owner ?? urls.app;
  const [app, migrations] = [
    await inspect(urls.app, 'DATABASE_URL', log),
    await inspect(owner, 'MUNIMENT_MIGRATION_DATABASE_URL', log),
  ];
  if (app.system !== migrations.system || app.database !== migrations.database) {
    throw new RegistryError(
      'configuration_invalid',
      'DATABASE_URL and MUNIMENT_MIGRATION_DATABASE_URL lead to two databases.',
      {
        field: 'MUNIMENT_MIGRATION_DATABASE_URL',
        fix: 'Let both name the same database, with two logins.',
      },
    );
  }
  const separateRoles =
    !app.superuser && !app.ownsDatabase && (app.ownsLedger === null ? app.role !== migrations.role : !app.ownsLedger);
  if (!separateRoles) {
    log.warn('The application and the migrations use one database login: triggers alone guard the ledger.');
  }
  return {
    mode: 'external',
    appUrl: urls.app,
    ownerUrl: owner,
    separateRoles,
    version: app.version,
    close: () => Promise.resolve(),
  };
}

interface Inspection {
  role: string;
  superuser: boolean;
  ownsDatabase: boolean;
  /** `null` before the first migration. */
  ownsLedger: boolean | null;
  database: string;
  /** Start time and address of the server: equal for two logins to one server. */
  system: string;
  version: string;
  number: number;
}

async function inspect(url: Secret<string>, variable: string, log: Log): Promise<Inspection> {
  const client = await connect(url, variable, log);
  try {
    const { rows } = await client.query<Inspection>(`
      SELECT current_user AS role, r.rolsuper AS superuser, pg_has_role(d.datdba, 'MEMBER') AS "ownsDatabase",
             (SELECT pg_has_role(nspowner, 'MEMBER') FROM pg_namespace WHERE nspname = 'ledger') AS "ownsLedger",
             current_database() AS database, pg_postmaster_start_time()::text AS system,
             current_setting('server_version') AS version, current_setting('server_version_num')::int AS number
        FROM pg_roles r, pg_database d
       WHERE r.rolname = current_user AND d.datname = current_database()`);
    const [found] = rows;
    if (!found) throw new RegistryError('database_unavailable', `${variable}: the login cannot see its own role.`);
    if (found.number < OLDEST) {
      throw new RegistryError('configuration_invalid', `PostgreSQL ${found.version} is too old.`, {
        field: variable,
        fix: 'Use PostgreSQL 14 or newer.',
      });
    }
    return found;
  } finally {
    await client.end();
  }
}

async function connect(url: Secret<string>, variable: string, log: Log): Promise<pg.Client> {
  for (const end = Date.now() + WAIT_MS; ; await sleep(500)) {
    const client = new pg.Client({ connectionString: url.reveal(), connectionTimeoutMillis: 10_000 });
    client.on('error', (error) => log.warn({ err: error }, 'A database connection broke.'));
    try {
      await client.connect();
      return client;
    } catch (error) {
      const code = String((error as { code?: unknown }).code);
      if (PASSING.includes(code) && Date.now() < end) continue;
      const { hostname, port } = new URL(url.reveal());
      const where = `${hostname || 'localhost'}:${port || 5432}`;
      throw new RegistryError(
        'database_unavailable',
        `PostgreSQL at ${where} cannot be used: ${withoutPasswords((error as Error).message) || code}.`,
        { field: variable, fix: `Check that it runs and that ${variable} is right.`, cause: error },
      );
    }
  }
}
