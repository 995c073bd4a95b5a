import { Module } from '@nestjs/common';
import { ComputeModule } from '../compute/index.ts';
import { DatasetModule } from '../datasets/index.ts';
import { ModelModule } from '../models/index.ts';
import { ReplayEvents } from './replay-events.ts';
import { ReplayJobController } from './replay-job.controller.ts';
import { ReplayController } from './replay.controller.ts';
import { ReplayRecorder } from './replay.recorder.ts';
import { ReplayService } from './replay.service.ts';
import { RunEvents } from './run-events.ts';
import { RunController } from './run.controller.ts';
import { RunRecorder } from './run.recorder.ts';
import { RunService } from './run.service.ts';

@Module({
  imports: [ComputeModule, DatasetModule, ModelModule],
  controllers: [RunController, ReplayController, ReplayJobController],
  providers: [RunService, RunEvents, RunRecorder, ReplayService, ReplayEvents, ReplayRecorder],
  exports: [RunService, RunRecorder, ReplayRecorder],
})
export class RunModule {}
