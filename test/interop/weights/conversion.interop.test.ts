/** Conversions that strangers' packages made are made again here, byte for byte. Needs Python, as containers.interop.test.ts. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { ConversionCheck } from '../../../src/core/conversion/index.ts';
import { checkConversion } from '../../../src/core/conversion/index.ts';
import type { Relation } from '../../../src/core/licensing/relations.ts';
import { hashAndRead } from '../../../src/platform/storage/hash-file.ts';
import { inCi, preparePython } from './python.ts';

jest.setTimeout(10 * 60_000);

const python = preparePython('requirements-onnx-gguf.txt');
const whenPython = python.interpreter === undefined && !inCi ? test.skip : test;
if (python.interpreter === undefined && !inCi) process.stderr.write(`SKIPPED: ${python.lacking}\n`);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-conversions-'));
});

afterAll(() => rm(folder, { recursive: true }));

const check = (child: string, parent: string, relation: Relation): Promise<ConversionCheck> =>
  hashAndRead(join(folder, child), {}, ({ tensors }) =>
    hashAndRead(join(folder, parent), {}, (from) => checkConversion(tensors, from.tensors, relation)),
  );

whenPython('confirms what PyPI’s gguf, safetensors and NumPy made of a model', async () => {
  if (python.interpreter === undefined) throw new Error(python.lacking);
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const options = { cwd, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(python.interpreter, ['-B', 'write_quantized.py', folder], options);
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  const made = JSON.parse(stdout) as Record<string, string>;
  expect(Object.keys(made)).toHaveLength(10);
  for (const [file, conversion] of Object.entries(made)) {
    const relation = conversion.includes('Q') ? 'quantized-from' : 'converted-from';
    const { finding, conversions } = await check(file, 'parent.safetensors', relation);
    expect({ file, finding, conversions }).toEqual({ file, finding: 'confirmed', conversions: [conversion] });
  }
  // What was quantized from another quantization is no conversion of the original.
  expect(await check('Q4_0.gguf', 'Q8_0.gguf', 'quantized-from')).toMatchObject({ finding: 'unexplained' });
});
