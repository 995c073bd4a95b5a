import { Global, Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Config } from '../platform/config/index.ts';
import { MasterKey } from '../platform/keys/index.ts';
import { LedgerController } from './ledger.controller.ts';
import { LedgerCore } from './ledger-core.ts';
import { Ledger } from './ledger.service.ts';
import { LogKeys } from './log-keys.ts';
import { LogReader } from './log-reader.ts';
import { MapKeeper } from './map/map-keeper.ts';
import { MapReader } from './map/map-reader.ts';
import { Publisher } from './publisher.ts';
import { readWitnessPolicy } from './witnessing/read-policy.ts';
import { Witnessing } from './witnessing/witnessing.service.ts';
import { readRoots, TimestampController, Timestamping, TSA_ROOTS } from './timestamping/index.ts';

@Global()
@Module({
  controllers: [LedgerController, TimestampController],
  providers: [
    Ledger,
    LogReader,
    LogKeys,
    MapReader,
    // Before the publisher, which stops the writer at the end.
    MapKeeper,
    Publisher,
    Witnessing,
    Timestamping,
    { provide: TSA_ROOTS, inject: [Config], useFactory: ({ tsaRoots }: Config) => readRoots(tsaRoots) },
    {
      provide: LedgerCore,
      inject: [getDataSourceToken(), Config, MasterKey],
      useFactory: async (database: DataSource, config: Config, masterKey: MasterKey) =>
        LedgerCore.open(database, config, masterKey, { policy: await readWitnessPolicy(config) }),
    },
  ],
  exports: [Ledger, LogReader, MapReader, Timestamping, TSA_ROOTS],
})
export class LedgerModule {}
