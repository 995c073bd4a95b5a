import { Module } from '@nestjs/common';
import { ContributionController } from './contribution.controller.ts';
import { LineageCheckController } from './lineage-check.controller.ts';
import { ModelController } from './model.controller.ts';
import { ModelService } from './model.service.ts';

@Module({
  controllers: [ModelController, ContributionController, LineageCheckController],
  providers: [ModelService],
  exports: [ModelService],
})
export class ModelModule {}
