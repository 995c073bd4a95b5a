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

/** What is told of a model beside that. */
export interface HashedModel extends ModelReport {
  /** That an OpenSSF model signature over the files names */
  rootDigest: Digest;
  files: number;
}

/**
 * @param path a file, or a folder that holds one model
 * @throws RegistryError `unreachable` when the file cannot be read; `malformed_container` when it is broken; `usage`
 */
export async function hashModel(io: Io, path: string): Promise<HashedModel> {
  const file = await modelFile(path);
  const size = await sizeOf(file);
  const { hashFile } = await import('../platform/storage/hash-file.ts');
  const bar = await progressBar(io, 'Hashing  {bar} {percentage} %  {eta_formatted} left', size);
  try {
    const report = await hashFile(file, {
      onProgress: (done, all) => {
        bar.grow(all);
        bar.update(done);
      },
    });
    const { fileDigest, rootDigest, weightDigest, namelessDigest, container, tensors, parameters, bytes, files } =
      report;
    const readable = weightDigest !== null;
    return {
      fileDigest,
      weightDigest,
      namelessDigest,
      container,
      tensors: readable ? tensors.length : null,
      parameters: readable ? parameters : null,
      bytes,
      rootDigest,
      files,
    };
  } finally {
    bar.stop();
  }
}

/** The main file of the one model in a folder, or the file itself. @throws RegistryError `usage` */
export async function modelFile(path: string): Promise<string> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (!isFolder) return path;
  const { mainFileIn } = await import('../platform/storage/model-folder.ts');
  return mainFileIn(path);
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
