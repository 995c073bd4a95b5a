/**
 * HDF5 files that h5py wrote have the digests that Python computes from the arrays. Needs Python; without it the tests are
 * reported as skipped, except in CI, where they fail. What Keras wrote is in test/vectors/weights/keras.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { WeightsReport } from '../../../src/core/weights/inspect.ts';
import { inspectWeights } from '../../../src/core/weights/inspect.ts';
import { openFileSource } from '../../../src/platform/storage/file-source.ts';
import { sha256 } from '../../unit/core/weights/fixture.ts';
import { inCi, preparePython } from './python.ts';

jest.setTimeout(600_000);

const here = fileURLToPath(new URL('.', import.meta.url));
const python = preparePython();
if (python.interpreter === undefined && !inCi) process.stderr.write(`SKIPPED: ${python.lacking}\n`);
const whenPython = python.interpreter !== undefined || inCi ? test : test.skip;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-hdf5-'));
});

afterAll(() => rm(folder, { recursive: true }));

function write(libver?: string): Record<string, { weightDigest: string; namelessDigest: string }> {
  if (python.interpreter === undefined) throw new Error(python.lacking);
  const args = ['-B', 'hdf5_samples.py', folder, ...(libver === undefined ? [] : [libver])];
  const { status, stdout, stderr } = spawnSync(python.interpreter, args, { cwd: here, encoding: 'utf8' });
  if (status !== 0) throw new Error(`hdf5_samples.py ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, { weightDigest: string; namelessDigest: string }>;
}

async function inspect(name: string): Promise<WeightsReport> {
  const source = await openFileSource(join(folder, name));
  try {
    return await inspectWeights(source, sha256);
  } finally {
    await source.close();
  }
}

describe('files that h5py wrote', () => {
  whenPython('by default have the digests of their arrays', async () => {
    const known = write();
    expect(Object.keys(known)).toHaveLength(6);
    for (const [name, digests] of Object.entries(known)) {
      expect({ name, ...(await inspect(name)) }).toMatchObject({ name, container: 'hdf5', ...digests });
    }
  });

  whenPython('in its newest form have them too, or are refused and told how to be saved', async () => {
    const known = write('latest');
    const alike = ['large.h5', 'names.h5'];
    for (const name of alike) expect(await inspect(name)).toMatchObject(known[name]!);
    for (const name of Object.keys(known).filter((name) => !alike.includes(name))) {
      const refusal = { code: 'unsupported_container', fix: expect.any(String) };
      await expect(inspect(name)).rejects.toMatchObject(refusal);
    }
  });
});
