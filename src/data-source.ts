/**
 * For TypeORM's command line, on the built files and with the owner's login:
 *
 *   MUNIMENT_MIGRATION_DATABASE_URL=postgres://… npx typeorm migration:show -d dist/src/data-source.js
 */
import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { ENTITIES } from './entities.ts';
import { migrationOptions } from './platform/database/options.ts';

const url =
  process.env['MUNIMENT_MIGRATION_DATABASE_URL'] ?? process.env['DATABASE_URL'] ?? 'postgres://localhost/muniment';

export default new DataSource({
  ...migrationOptions(url, ENTITIES),
  // `migration:show` tells through the logger, which keeps silent in the application.
  logger: 'advanced-console',
});
