/** TypeORM on the opened database. Every entity of the application is named in one list, `src/entities.ts`. */
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Config } from '../config/index.ts';
import { Database } from './database.ts';
import { dataSourceOptions } from './options.ts';
import type { Entities } from './options.ts';

@Module({})
export class DatabaseModule {
  static forRoot(entities: Entities): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          inject: [Config, Database],
          useFactory: (config: Config, database: Database) => ({
            ...dataSourceOptions(database.appUrl.reveal(), entities, config.databasePool),
            // The database was opened before this runs; Nest's own ten attempts would only hide a fault for 30 s.
            retryAttempts: 1,
          }),
        }),
      ],
    };
  }
}
