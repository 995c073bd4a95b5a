/**
 * The ground floor as one global module: settings, log, database, master key, access guard, health and jobs. What
 * exists before Nest (it is opened by `startServer`, the worker or a test) is handed in.
 */
import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AccessGuard, AuthenticatorRegistry } from './auth/index.ts';
import { Config } from './config/index.ts';
import { Database, DatabaseModule } from './database/index.ts';
import type { Entities } from './database/index.ts';
import { HealthModule } from './health/index.ts';
import { Jobs } from './jobs/index.ts';
import { MasterKey } from './keys/index.ts';
import { LOG } from './logging/index.ts';
import type { Log } from './logging/index.ts';
import { ArtifactStore, FolderArtifactStore } from './storage/index.ts';

export interface Ground {
  config: Config;
  log: Log;
  database: Database;
  masterKey: MasterKey;
}

@Global()
@Module({})
export class PlatformModule {
  static forRoot({ config, log, database, masterKey }: Ground, entities: Entities): DynamicModule {
    return {
      module: PlatformModule,
      imports: [DatabaseModule.forRoot(entities), HealthModule],
      providers: [
        { provide: Config, useValue: config },
        { provide: LOG, useValue: log },
        { provide: Database, useValue: database },
        { provide: MasterKey, useValue: masterKey },
        { provide: Jobs, useFactory: () => new Jobs(database, log) },
        { provide: ArtifactStore, useFactory: () => openArtifacts(config, masterKey) },
        AuthenticatorRegistry,
        { provide: APP_GUARD, useClass: AccessGuard },
      ],
      exports: [Config, LOG, Database, MasterKey, ArtifactStore, Jobs, AuthenticatorRegistry],
    };
  }
}

const openArtifacts = ({ artifactDir }: Config, masterKey: MasterKey) =>
  FolderArtifactStore.open({ folder: artifactDir, masterKey: masterKey.derive(new Uint8Array(0), 'artifact store') });
