/** Before the first e2e test: one embedded PostgreSQL in a folder that is thrown away, with a migrated template. */
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../src/platform/config/index.ts';
import { migrate, openDatabase } from '../../src/platform/database/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { createLog } from '../../src/platform/logging/index.ts';
import { describeServer, query, SERVER_VARIABLE, TEMPLATE, urlOf } from './postgres.ts';

export interface StartedPostgres {
  data: string;
  database: Database;
}

declare global {
  var startedPostgres: StartedPostgres | undefined;
}

export default async function start(): Promise<void> {
  const log = createLog({ logLevel: 'warn' });
  const data = await mkdtemp(join(tmpdir(), 'muniment-test-'));
  // Where the tests run as root, PostgreSQL runs as another user, who has to pass through.
  await chmod(data, 0o711);
  const database = await openDatabase({ data, databaseUrl: undefined, migrationDatabaseUrl: undefined }, log);
  globalThis.startedPostgres = { data, database };

  const server = await describeServer(data, Number(new URL(database.appUrl.reveal()).port));
  const superuser = urlOf(server, 'superuser', 'postgres');
  await query(superuser, `CREATE DATABASE ${TEMPLATE} OWNER muniment_owner`);
  const template = (login: 'app' | 'owner') => new Secret(urlOf(server, login, TEMPLATE));
  await migrate({ appUrl: template('app'), ownerUrl: template('owner') }, log);
  process.env[SERVER_VARIABLE] = JSON.stringify(server);
}
