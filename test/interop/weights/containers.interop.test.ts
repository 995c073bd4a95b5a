/**
 * Containers that others write: for each file that a format's own Python package made, Muniment finds the digests that were
 * computed in Python from the arrays that went in. Needs Python, as weights.interop.test.ts says.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Digest } from '../../../src/core/digest.ts';
import { bytesSource } from '../../../src/core/weights/byte-source.ts';
import { inspectWeights } from '../../../src/core/weights/inspect.ts';
import { hashFile } from '../../../src/platform/storage/hash-file.ts';
import { sha256 } from '../../unit/core/weights/fixture.ts';
import { inCi, preparePython } from './python.ts';

jest.setTimeout(10 * 60_000);

const here = fileURLToPath(new URL('.', import.meta.url));
const python = preparePython('requirements-onnx-gguf.txt');
const missing = python.interpreter === undefined ? python.lacking : undefined;
if (missing !== undefined && !inCi) process.stderr.write(`SKIPPED: ${missing}\n`);
const whenPython = missing === undefined || inCi ? test : test.skip;
const whenTorch = python.hasTorch || inCi ? test : test.skip;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-containers-'));
});

afterAll(() => rm(folder, { recursive: true }));

type Digests = Record<string, { weightDigest: Digest; namelessDigest: Digest }>;

/** Runs a script that writes files into the folder and prints the digests of each. */
function write(script: string): Digests {
  if (python.interpreter === undefined) throw new Error(python.lacking);
  const options = { cwd: here, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(python.interpreter, ['-B', script, folder], options);
  if (status !== 0) throw new Error(`${script} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Digests;
}

async function expectDigests(expected: Digests): Promise<void> {
  for (const [name, digests] of Object.entries(expected)) {
    const { weightDigest, namelessDigest } = await hashFile(join(folder, name));
    expect({ name, weightDigest, namelessDigest }).toEqual({ name, ...digests });
  }
}

describe('PyPI’s gguf', () => {
  whenPython('writes files of every type, and in shards, that Muniment reads', async () => {
    const expected = write('write_gguf.py');
    expect(Object.keys(expected)).toHaveLength(8);
    await expectDigests(expected);
    const shards = await hashFile(join(folder, 'shards-00001-of-00003.gguf'));
    expect(shards).toMatchObject({ container: 'gguf', files: 3, parameters: 60 });
    expect(shards.metadata).toMatchObject({
      'general.name': 'Sample ä shards',
      'llama.block_count': '2',
      'llama.rope.freq_base': '10000.5',
      'sample.true': 'true',
    });
    // The same file under a name that says nothing.
    const bytes = new Uint8Array(await readFile(join(folder, 'blocks.gguf')));
    expect(await inspectWeights(bytesSource(bytes), sha256)).toMatchObject(expected['blocks.gguf']!);
    await expect(hashFile(join(folder, 'big-endian.gguf'))).rejects.toMatchObject({
      code: 'unsupported_container',
      fix: expect.stringContaining('gguf-convert-endian'),
    });
    await expect(hashFile(join(folder, 'shards-00002-of-00003.gguf'))).rejects.toMatchObject({
      code: 'unsupported_container',
    });
  });
});

describe('PyPI’s onnx', () => {
  whenPython('writes models of every type, in graphs and other files, that Muniment reads', async () => {
    const expected = write('write_onnx.py');
    expect(Object.keys(expected)).toHaveLength(14);
    await expectDigests(expected);
    expect(await hashFile(join(folder, 'graphs.onnx'))).toMatchObject({
      container: 'onnx',
      files: 1,
      metadata: { producer_name: 'muniment ä', 'metadata_props.author': 'me' },
    });
    expect((await hashFile(join(folder, 'external.onnx'))).files).toBe(2);
    expect((await hashFile(join(folder, 'external-parts.onnx'))).files).toBe(5);
    // The same file under a name that says nothing.
    const bytes = new Uint8Array(await readFile(join(folder, 'raw.onnx')));
    expect(await inspectWeights(bytesSource(bytes), sha256)).toMatchObject(expected['raw.onnx']!);
  });
});

describe('the same weights, written by Python in many containers,', () => {
  interface Same extends Record<'namelessDigest' | 'weightDigest', Digest> {
    files: string[];
  }

  whenTorch('have one weight digest; under other names one nameless digest; transposed, neither', async () => {
    const { same, renamed, transposed } = write('write_same.py') as unknown as Record<string, Same>;
    const found = async ({ files }: Same) =>
      Promise.all(
        files.map(async (name) => {
          const { container, weightDigest, namelessDigest } = await hashFile(join(folder, name));
          return { container, weightDigest, namelessDigest };
        }),
      );
    const containers = ['safetensors', 'npz', 'pytorch', 'pytorch', 'onnx', 'gguf', 'hdf5', 'tfjs'];
    for (const each of [same!, renamed!, transposed!]) {
      const { weightDigest, namelessDigest } = each;
      expect(await found(each)).toEqual(containers.map((container) => ({ container, weightDigest, namelessDigest })));
    }
    expect(renamed!.weightDigest).not.toBe(same!.weightDigest);
    expect(renamed!.namelessDigest).toBe(same!.namelessDigest);
    expect(transposed!.namelessDigest).not.toBe(same!.namelessDigest);
  });
});
