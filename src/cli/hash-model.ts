/** Hashing a file of weights on this machine, with a progress bar where somebody watches. */
import { stat } from 'node:fs/promises';
import { RegistryError } from '../core/errors.ts';
import type { Digest } from '../core/digest.ts';
import type { Io } from './io.ts';
import { progressBar } from './progress.ts';

/** A model file, or several named by their main one, as a registration records them. */
export interface ModelReport {
  fileDigest: Digest;
  /** Null, as the next three, when the container cannot be read. */
  weightDigest: Digest | null;
  namelessDigest: Digest | null;
  container: string;
  tensors: number | null;
  parameters: number | null;
  bytes: number;
}

/** @throws RegistryError `unreachable` when the file cannot be read; `malformed_container` when it is broken */
export async function hashModel(io: Io, path: string): Promise<ModelReport> {
  const size = await sizeOf(path);
  const { hashFile } = await import('../platform/storage/hash-file.ts');
  const bar = await progressBar(io, 'Hashing  {bar} {percentage} %  {eta_formatted} left', size);
  try {
    const { fileDigest, weightDigest, namelessDigest, container, tensors, parameters, bytes } = await hashFile(path, {
      onProgress: (done, all) => {
        bar.grow(all);
        bar.update(done);
      },
    });
    const readable = weightDigest !== null;
    return {
      fileDigest,
      weightDigest,
      namelessDigest,
      container,
      tensors: readable ? tensors.length : null,
      parameters: readable ? parameters : null,
      bytes,
    };
  } finally {
    bar.stop();
  }
}

/** @throws RegistryError `unreachable`, `usage` */
export async function sizeOf(path: string): Promise<number> {
  try {
    const found = await stat(path);
    if (found.isFile()) return found.size;
  } catch (cause) {
    throw new RegistryError('unreachable', `The file "${path}" cannot be read.`, { fix: 'Check its name.', cause });
  }
  throw new RegistryError('usage', `"${path}" is not a file.`, { fix: 'Name the file that holds the weights.' });
}
