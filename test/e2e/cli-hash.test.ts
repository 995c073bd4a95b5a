/** `muniment hash` as it is built: what is large is hashed in threads, to the same digests. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { weightDigestOf } from '../../src/core/weights/digest.ts';
import { writeSafetensors } from '../../src/core/weights/safetensors.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import { runBuilt } from '../support/server.ts';

const MIB = 1 << 20;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-hash-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('hashes many tensors, a large one, an empty one and the whole file', async () => {
  const data = randomBytes(80 * MIB);
  const sizes = [60 * MIB + 3, 0, ...Array.from({ length: 500 }, (_, i) => i * 40), 5 * MIB];
  let at = 0;
  const tensors = sizes.map((size, i) => ({
    name: `tensor ${i}`,
    dtype: 'U8' as const,
    shape: [size],
    data: data.subarray(at, (at += size)),
  }));
  const file = writeSafetensors(tensors);
  expect(file.length).toBeGreaterThan(64 * MIB);
  const path = join(folder, 'large.safetensors');
  await writeFile(path, file);
  const { code, stdout } = await runBuilt(['src/cli/main.js', 'hash', path, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    fileDigest: `sha256:${createHash('sha256').update(file).digest('hex')}`,
    ...weightDigestOf(sha256, tensors),
    tensors: tensors.length,
    bytes: file.length,
  });
});

it('hashes many small files in threads', async () => {
  const model = join(folder, 'many');
  await mkdir(model);
  const data = randomBytes(70 * MIB);
  const tensors = Array.from({ length: 70 }, (_, i) => ({
    name: `tensor ${i}`,
    dtype: 'U8' as const,
    shape: [MIB],
    data: data.subarray(i * MIB, (i + 1) * MIB),
  }));
  const shardOf = (i: number) => `shard-${String(i).padStart(2, '0')}.safetensors`;
  const index = JSON.stringify({ weight_map: Object.fromEntries(tensors.map(({ name }, i) => [name, shardOf(i)])) });
  const path = join(model, 'model.safetensors.index.json');
  await writeFile(path, index);
  const root = createHash('sha256').update(createHash('sha256').update(index).digest());
  for (const [i, tensor] of tensors.entries()) {
    const shard = writeSafetensors([tensor]);
    await writeFile(join(model, shardOf(i)), shard);
    root.update(createHash('sha256').update(shard).digest());
  }
  const rootDigest = `sha256:${root.digest('hex')}`;
  const { code, stdout } = await runBuilt(['src/cli/main.js', 'hash', path, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    fileDigest: rootDigest,
    rootDigest,
    ...weightDigestOf(sha256, tensors),
    files: 71,
  });
});

it('hashes the model in a folder, and says how many files it has', async () => {
  const model = join(folder, 'sharded');
  await mkdir(model);
  const tensors = ['a', 'b'].map((name, i) => ({
    name,
    dtype: 'U8' as const,
    shape: [3],
    data: Uint8Array.of(i, 1, 2),
  }));
  for (const tensor of tensors) await writeFile(join(model, `${tensor.name}.safetensors`), writeSafetensors([tensor]));
  const index = { weight_map: { a: 'a.safetensors', b: 'b.safetensors' } };
  await writeFile(join(model, 'model.safetensors.index.json'), JSON.stringify(index));
  await writeFile(join(model, 'config.json'), '{}');
  const told = await runBuilt(['src/cli/main.js', 'hash', model]);
  expect(told.code).toBe(0);
  expect(told.stdout).toMatch(/^files +3$/m);
  expect(told.stdout).toContain(weightDigestOf(sha256, tensors).weightDigest);
  await writeFile(join(model, 'other.safetensors'), writeSafetensors(tensors));
  const refused = await runBuilt(['src/cli/main.js', 'hash', model]);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('2 models: model.safetensors.index.json, other.safetensors');
});
