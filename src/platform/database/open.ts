/** Opens the database that the settings name: the embedded one, or any PostgreSQL through `DATABASE_URL`. */
import type { Config } from '../config/index.ts';
import type { Log } from '../logging/index.ts';
import type { Database } from './database.ts';
import { openEmbedded } from './embedded.ts';
import { openExternal } from './external.ts';

/** @throws RegistryError `database_unavailable`, `configuration_invalid` */
export function openDatabase(
  config: Pick<Config, 'data' | 'databaseUrl' | 'migrationDatabaseUrl'>,
  log: Log,
): Promise<Database> {
  return config.databaseUrl
    ? openExternal({ app: config.databaseUrl, owner: config.migrationDatabaseUrl }, log)
    : openEmbedded(config.data, log);
}
