/** The worker as an application: the floors below training without an HTTP server, and the takers of jobs. */
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { ComputeModule } from '../../compute/index.ts';
import { DatasetModule } from '../../datasets/index.ts';
import { LedgerModule } from '../../ledger/index.ts';
import type { Entities } from '../../platform/database/index.ts';
import { PlatformModule } from '../../platform/platform.module.ts';
import type { Ground } from '../../platform/platform.module.ts';
import { ModelModule } from '../../models/index.ts';
import { RunModule } from '../../runs/index.ts';
import { TrainingModule } from '../training.module.ts';
import { LineageWorker } from './lineage-worker.ts';
import { TrainingWorker } from './training-worker.ts';

@Module({})
export class WorkerModule {
  static forRoot(ground: Ground, entities: Entities): DynamicModule {
    return {
      module: WorkerModule,
      imports: [
        PlatformModule.forRoot(ground, entities),
        LedgerModule,
        ComputeModule,
        DatasetModule,
        ModelModule,
        RunModule,
        TrainingModule,
      ],
      providers: [TrainingWorker, LineageWorker],
    };
  }
}
