export { LineageCheckRecorder } from './lineage-check.recorder.ts';
export type { LineageProgress } from './lineage-job.schema.ts';
export type { KeptFile, TakenLineageJob } from './lineage-job.store.ts';
export {
  edgesAt,
  endLineageJob,
  failLineageJob,
  giveLineageJobBack,
  saveLineageProgress,
  takeLineageJob,
} from './lineage-job.store.ts';
export { LineageJobService } from './lineage-job.service.ts';
export { ModelModule } from './model.module.ts';
export type { ModelView } from './model.schema.ts';
export { modelView, namedContributors } from './model.schema.ts';
export { ModelService } from './model.service.ts';
