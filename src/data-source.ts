/**
 * For TypeORM's command line, on the built files and with the owner's login:
 *
 *   MUNIMENT_MIGRATION_DATABASE_URL=postgres://… npx typeorm migration:show -d dist/src/data-source.js
 */
import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { MIGRATIONS } from '../migrations/index.ts';
import { ENTITIES } from './entities.ts';
import { dataSourceOptions } from './platform/database/options.ts';

const url =
  process.env['MUNIMENT_MIGRATION_DATABASE_URL'] ?? process.env['DATABASE_URL'] ?? 'postgres://localhost/muniment';

export default new DataSource({
  ...dataSourceOptions(url, ENTITIES, 2),
  // `migration:show` tells through the logger, which keeps silent in the application.
  logger: 'advanced-console',
  migrations: MIGRATIONS,
});
