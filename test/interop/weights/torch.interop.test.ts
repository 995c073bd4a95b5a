/**
 * Files written by PyTorch, in both of its formats, give the digests that a second implementation finds over what PyTorch
 * loads from them. Needs Python with PyTorch; without it the test is reported as skipped, except in CI, where it fails.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Digest } from '../../../src/core/digest.ts';
import { hashFile, hashWeights } from '../../../src/platform/storage/hash-file.ts';
import { inCi, preparePython } from './python.ts';

jest.setTimeout(600_000);

const python = preparePython();
if (!python.hasTorch && !inCi) process.stderr.write(`SKIPPED: ${python.lacking}\n`);
const whenTorch = python.hasTorch || inCi ? test : test.skip;

/** Threads run built files, tests those of `src`. */
const ONE = { threads: 1 };

interface Written {
  path: string;
  form: string;
  names: string[];
  weightDigest: Digest;
  namelessDigest: Digest;
}

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-torch-'));
});

afterAll(() => rm(folder, { recursive: true }));

function write<T>(script: string): T[] {
  if (python.interpreter === undefined) throw new Error(python.lacking);
  const options = { cwd: fileURLToPath(new URL('.', import.meta.url)), encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
  const { status, stdout, stderr } = spawnSync(python.interpreter, ['-B', script, folder], options);
  if (status !== 0) throw new Error(`${script} ended with ${status}: ${stderr}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

describe('PyTorch', () => {
  whenTorch('writes files whose tensors Muniment finds under the same paths, byte for byte', async () => {
    const written = write<Written>('write_torch.py');
    expect(written.length).toBeGreaterThan(25);
    const found: Written[] = [];
    for (const { path, form } of written) {
      const { container, tensors, weightDigest, namelessDigest } = await hashFile(path, ONE);
      expect({ path, container }).toEqual({ path, container: 'pytorch' });
      const names = tensors.map(({ name }) => name).sort();
      found.push({ path, form, names, weightDigest: weightDigest!, namelessDigest: namelessDigest! });
    }
    expect(found).toEqual(written);
    expect(await hashWeights(written[0]!.path, ONE)).toMatchObject({ weightDigest: written[0]!.weightDigest });
  });

  whenTorch(
    'writes files that would run a command, or are no plain tensors, and Muniment names the reason',
    async () => {
      for (const { path, field } of write<{ path: string; field: string }>('write_torch_refused.py')) {
        await expect(hashFile(path, ONE)).rejects.toMatchObject({ code: 'unsupported_container', field });
      }
      expect(existsSync(join(folder, 'ran'))).toBe(false);
    },
  );
});
