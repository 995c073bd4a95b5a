export { RunModule } from './run.module.ts';
export type { RunEpoch, RunProgress, RunView } from './run.schema.ts';
export { runView } from './run.schema.ts';
export { RunRecorder } from './run.recorder.ts';
export { RunService } from './run.service.ts';
export { missingParties } from './run.store.ts';
export * from './run-work.store.ts';
export type { DataFile } from './training-rules.ts';
export { TrainingRules } from './training-rules.ts';
