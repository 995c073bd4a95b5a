import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { writeSafetensors } from '../../../../src/core/weights/safetensors.ts';
import type { Tensor } from '../../../../src/core/weights/safetensors.ts';
import { MAX_FILE_BYTES, readTensors } from '../../../../src/platform/storage/tensors-file.ts';
import { zipOf } from '../../core/weights/zip-fixture.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-tensors-'));
});

afterEach(() => rm(folder, { recursive: true }));

const TENSORS: Tensor[] = [
  { name: 'a', dtype: 'F32', shape: [2, 1], data: Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 64) },
  { name: 'b', dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
  { name: 'none', dtype: 'U8', shape: [0], data: new Uint8Array() },
];

async function file(name: string, bytes: Uint8Array | string, size?: number): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  if (size !== undefined) await truncate(path, size);
  return path;
}

describe('a safetensors file', () => {
  test('is read whole, whatever it is called', async () => {
    for (const name of ['model.safetensors', 'weights']) {
      const read = await readTensors(await file(name, writeSafetensors(TENSORS)));
      const plain = read.map(({ data, ...tensor }) => ({ ...tensor, data: Uint8Array.from(data) }));
      expect(plain.sort((a, b) => a.name.localeCompare(b.name))).toEqual(TENSORS);
    }
  });

  test('that is another one is told what it is', async () => {
    const onnx = Uint8Array.of(8, 8, 58, 0);
    const refusals = [
      [await file('a.npz', zipOf({ name: 'w.npy', data: new Uint8Array(100) })), 'it is npz'],
      [await file('a.onnx', onnx), 'it is onnx'],
      [await file('a.bin', onnx), 'it is onnx'],
      [await file('a.gguf', 'nothing of the kind'), 'it is gguf'],
    ] as const;
    for (const [path, what] of refusals) {
      await expect(readTensors(path)).rejects.toMatchObject({
        code: 'unsupported_container',
        message: `The file "${path}" is not safetensors, ${what}.`,
        field: 'path',
      });
    }
    const unknown = await file('a.txt', 'Only words, and many of them.');
    await expect(readTensors(unknown)).rejects.toMatchObject({
      code: 'unsupported_container',
      message: `The file "${unknown}" is not safetensors.`,
    });
  });

  test('that is large is refused by its header, or by its size, before it is read', async () => {
    const before = process.memoryUsage().rss;
    const whole = writeSafetensors(TENSORS);
    await expect(readTensors(await file('zeros', '', 900_000_000))).rejects.toMatchObject({
      code: 'unsupported_container',
    });
    await expect(readTensors(await file('zeros.safetensors', '', 900_000_000))).rejects.toMatchObject({
      code: 'malformed_container',
    });
    await expect(readTensors(await file('tail.safetensors', whole, 900_000_000))).rejects.toMatchObject({
      code: 'malformed_container',
      field: 'data',
    });
    await expect(readTensors(await file('large.safetensors', whole, MAX_FILE_BYTES + 1))).rejects.toMatchObject({
      code: 'payload_too_large',
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
  });

  test('has to be there, and to be a file', async () => {
    await expect(readTensors(join(folder, 'none'))).rejects.toMatchObject({ code: 'not_found' });
    await expect(readTensors(folder)).rejects.toMatchObject({ code: 'invalid_input' });
  });
});
