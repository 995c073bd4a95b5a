import { Module } from '@nestjs/common';
import { DatasetModule } from '../datasets/index.ts';
import { RunEvents } from './run-events.ts';
import { RunController } from './run.controller.ts';
import { RunRecorder } from './run.recorder.ts';
import { RunService } from './run.service.ts';

@Module({
  imports: [DatasetModule],
  controllers: [RunController],
  providers: [RunService, RunEvents, RunRecorder],
  exports: [RunService, RunRecorder],
})
export class RunModule {}
