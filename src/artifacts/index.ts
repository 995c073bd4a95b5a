export { ArtifactModule } from './artifact.module.ts';
