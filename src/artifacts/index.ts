export { AccessBatches } from './access-batches.ts';
export { ArtifactModule } from './artifact.module.ts';
