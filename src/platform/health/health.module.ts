/** Health routes, and the checks that the platform itself can make. */
import { Global, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Database } from '../database/index.ts';
import { HealthController } from './health.controller.ts';
import { HealthRegistry } from './health-registry.ts';

@Global()
@Module({ controllers: [HealthController], providers: [HealthRegistry], exports: [HealthRegistry] })
export class HealthModule {
  constructor(health: HealthRegistry, source: DataSource, database: Database) {
    health.register('database', async () => {
      await source.query('SELECT 1');
      return { ok: true };
    });
    health.register('databaseRoles', () =>
      Promise.resolve(
        database.separateRoles
          ? { ok: true }
          : { ok: true, warning: 'The application and the migrations use one database login.' },
      ),
    );
  }
}
