export { ArtifactStore } from './artifact-store.ts';
export type { StoredArtifact } from './artifact-store.ts';
export { atMost } from './at-most.ts';
export { openFileSource } from './file-source.ts';
export { FolderArtifactStore } from './folder-store.ts';
export { hashFile } from './hash-file.ts';
