import { Module } from '@nestjs/common';
import { ContributionController } from './contribution.controller.ts';
import { LineageCheckController } from './lineage-check.controller.ts';
import { LineageCheckRecorder } from './lineage-check.recorder.ts';
import { LineageJobController } from './lineage-job.controller.ts';
import { LineageJobService } from './lineage-job.service.ts';
import { ModelController } from './model.controller.ts';
import { ModelService } from './model.service.ts';

@Module({
  controllers: [ModelController, ContributionController, LineageCheckController, LineageJobController],
  providers: [ModelService, LineageJobService, LineageCheckRecorder],
  exports: [ModelService, LineageJobService, LineageCheckRecorder],
})
export class ModelModule {}
