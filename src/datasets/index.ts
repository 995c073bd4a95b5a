export { DatasetModule } from './dataset.module.ts';
export type { DatasetSource, DatasetView } from './dataset.schema.ts';
export { datasetView, recordedShape } from './dataset.schema.ts';
export { DatasetService } from './dataset.service.ts';
