/**
 * One network, as PyTorch saves and exports it and as TensorFlow would lay it out: Muniment finds the same layers in each
 * file, and those that PyTorch itself has. Needs Python with PyTorch, as weights.interop.test.ts says.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { stackOfFile } from '../../../src/platform/storage/stack-file.ts';
import { inCi, preparePython } from './python.ts';

jest.setTimeout(10 * 60_000);

const here = fileURLToPath(new URL('.', import.meta.url));
const python = preparePython('requirements-onnx-gguf.txt');
if (!python.hasTorch && !inCi) process.stderr.write(`SKIPPED: ${python.lacking}\n`);
const whenTorch = python.hasTorch || inCi ? test : test.skip;

interface Layer {
  kernel: number[];
  bias: number[];
}

let folder: string;
let report: Record<'normalized' | 'same', { layers: Layer[]; files: string[] }>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-stacks-'));
  if (!python.hasTorch && !inCi) return;
  if (python.interpreter === undefined) throw new Error(python.lacking);
  const options = { cwd: here, encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
  const { status, stdout, stderr } = spawnSync(python.interpreter, ['-B', 'write_stacks.py', folder], options);
  if (status !== 0) throw new Error(`write_stacks.py ended with ${status}: ${stderr}`);
  report = JSON.parse(stdout.slice(stdout.indexOf('{"same"'))) as typeof report;
});

afterAll(() => rm(folder, { recursive: true }));

const layersIn = async (name: string): Promise<Layer[]> =>
  (await stackOfFile(join(folder, name))).layers.map(({ kernel, bias }) => ({ kernel: [...kernel], bias: [...bias!] }));

whenTorch('a network has the same layers in every container and layout', async () => {
  const { files, layers } = report.same;
  expect(files).toHaveLength(7);
  for (const name of files) expect({ name, layers: await layersIn(name) }).toEqual({ name, layers });
});

whenTorch('normalization becomes part of a layer as PyTorch folds it', async () => {
  const { files, layers } = report.normalized;
  expect(files).toHaveLength(5);
  for (const name of files) {
    const found = await layersIn(name);
    expect(found).toHaveLength(layers.length);
    for (const [i, layer] of found.entries()) {
      for (const part of ['kernel', 'bias'] as const) {
        const farthest = layers[i]![part].map((value, at) => Math.abs(value - layer[part][at]!));
        expect({ name, count: layer[part].length, farthest: Math.max(...farthest) < 1e-5 }).toEqual({
          name,
          count: layers[i]![part].length,
          farthest: true,
        });
      }
    }
  }
});
