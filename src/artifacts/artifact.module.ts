import { Module } from '@nestjs/common';
import { ModelModule } from '../models/index.ts';
import { TokenModule } from '../tokens/index.ts';
import { ArtifactController } from './artifact.controller.ts';
import { ArtifactService } from './artifact.service.ts';

@Module({
  imports: [ModelModule, TokenModule],
  controllers: [ArtifactController],
  providers: [ArtifactService],
})
export class ArtifactModule {}
