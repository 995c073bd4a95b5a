/** `muniment hash` as it is built: what is large is hashed in threads, to the same digests. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
