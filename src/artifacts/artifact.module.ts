import { Module } from '@nestjs/common';
import { ModelModule } from '../models/index.ts';
import { TokenModule } from '../tokens/index.ts';
import { AccessBatches } from './access-batches.ts';
import { ArtifactController } from './artifact.controller.ts';
import { ArtifactService } from './artifact.service.ts';

@Module({
  imports: [ModelModule, TokenModule],
  controllers: [ArtifactController],
  providers: [ArtifactService, AccessBatches],
})
export class ArtifactModule {}
