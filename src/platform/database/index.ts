export { Database } from './database.ts';
export { DatabaseModule } from './database.module.ts';
export { APP_ROLE } from './embedded.ts';
export { migrate, pendingMigrations } from './migrate.ts';
export { openDatabase } from './open.ts';
export { dataSourceOptions, MIGRATIONS_TABLE } from './options.ts';
export type { Entities } from './options.ts';
export { prepared } from './prepared.ts';
export { together } from './together.ts';
export type { Change } from './together.ts';
export { transaction } from './transaction.ts';
export type { Commit } from './transaction.ts';
/** The injection token of the connection pool: services open transactions with it and hand the `EntityManager` to stores. */
export { DataSource } from 'typeorm';
export type { EntityManager } from 'typeorm';
