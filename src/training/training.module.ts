/** What training tells the floors below it: its hyperparameters, and which data a run reads. Loads no TensorFlow.js. */
import { Global, Module } from '@nestjs/common';
import { TrainingRules } from '../runs/index.ts';
import { parseHyperparameters } from './hyperparameters.ts';
import { filesByRole, isBundled } from './worker/data-files.ts';
import { WorkerSupervisor } from './worker/supervisor.ts';

const rules: TrainingRules = {
  hyperparameters: parseHyperparameters,
  filesOf: (files) => [...filesByRole(files).values()],
  isBundled,
};

@Global()
@Module({ providers: [{ provide: TrainingRules, useValue: rules }], exports: [TrainingRules] })
export class TrainingModule {}

/** The server's part: keeps a worker process beside itself, where the settings say so. */
@Module({ providers: [WorkerSupervisor] })
export class WorkerSupervisorModule {}
