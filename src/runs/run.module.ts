import { Module } from '@nestjs/common';
import { ComputeModule } from '../compute/index.ts';
import { DatasetModule } from '../datasets/index.ts';
import { ModelModule } from '../models/index.ts';
import { ReplayController } from './replay.controller.ts';
import { RunEvents } from './run-events.ts';
import { RunController } from './run.controller.ts';
import { RunRecorder } from './run.recorder.ts';
import { RunService } from './run.service.ts';

@Module({
  imports: [ComputeModule, DatasetModule, ModelModule],
  controllers: [RunController, ReplayController],
  providers: [RunService, RunEvents, RunRecorder],
  exports: [RunService, RunRecorder],
})
export class RunModule {}
