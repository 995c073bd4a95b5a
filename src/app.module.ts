/** The whole application: the platform and, floor by floor, the features. */
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { ArtifactModule } from './artifacts/index.ts';
import { BehaviourModule } from './behaviours/index.ts';
import { ComputeModule } from './compute/index.ts';
import { DatasetModule } from './datasets/index.ts';
import { ENTITIES } from './entities.ts';
import { ExchangeModule } from './exchange/index.ts';
import { FingerprintModule } from './fingerprints/index.ts';
import { LedgerModule } from './ledger/index.ts';
import { LicenseModule } from './licenses/index.ts';
import { ModelModule } from './models/index.ts';
import { SealedModule } from './sealed/index.ts';
import { PartyModule } from './parties/index.ts';
import { ProtectionModule } from './protection/index.ts';
import { ProvenanceModule } from './provenance/index.ts';
import { PlatformModule } from './platform/platform.module.ts';
import type { Ground } from './platform/platform.module.ts';
import { RunModule } from './runs/index.ts';
import { TitleModule } from './titles/index.ts';
import { TokenModule } from './tokens/index.ts';
import { UsageModule } from './usage/index.ts';
import { WebhookModule } from './webhooks/index.ts';
import { TrainingModule, WorkerSupervisorModule } from './training/training.module.ts';

@Module({})
export class AppModule {
  static forRoot(ground: Ground): DynamicModule {
    return {
      module: AppModule,
      imports: [
        PlatformModule.forRoot(ground, ENTITIES),
        LedgerModule,
        PartyModule,
        DatasetModule,
        SealedModule,
        ModelModule,
        ComputeModule,
        TrainingModule,
        RunModule,
        TitleModule,
        WorkerSupervisorModule,
        LicenseModule,
        ProtectionModule,
        FingerprintModule,
        TokenModule,
        ArtifactModule,
        UsageModule,
        ProvenanceModule,
        ExchangeModule,
        WebhookModule,
        BehaviourModule,
      ],
    };
  }
}
