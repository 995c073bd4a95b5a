/**
 * Models kept on disk, each as safetensors beside a JSON record of how it was made, so that a benchmark that was
 * interrupted goes on where it stopped. A model is made anew when its record names another way of making it.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { tmpdir } from 'node:os';
import { writeSafetensors } from '../../src/core/weights/safetensors.ts';
import type { Tensor } from '../../src/core/weights/safetensors.ts';
import { readTensors } from '../../src/platform/storage/tensors-file.ts';

export const zooFolder = (): string => process.env['MUNIMENT_ZOO'] ?? join(tmpdir(), 'muniment-zoo');

export interface Kept<Facts> {
  tensors: Tensor[];
  facts: Facts;
}

/** @param recipe what the model depends on; told in JSON it must be the same for the same model */
export async function keep<Facts extends object>(
  path: string,
  recipe: object,
  make: () => Promise<Kept<Facts>>,
): Promise<Kept<Facts> & { made: boolean }> {
  const found = await read<Facts>(path, recipe);
  if (found !== undefined) return { ...found, made: false };
  const { tensors, facts } = await make();
  await mkdir(dirname(path), { recursive: true });
  await writeWhole(`${path}.safetensors`, writeSafetensors(tensors));
  // The record comes last: with it the model is whole.
  await writeWhole(`${path}.json`, `${JSON.stringify({ recipe, facts }, null, 2)}\n`);
  return { tensors, facts, made: true };
}

async function read<Facts>(path: string, recipe: object): Promise<Kept<Facts> | undefined> {
  let text: string;
  try {
    text = await readFile(`${path}.json`, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const record = JSON.parse(text) as { recipe: object; facts: Facts };
  if (JSON.stringify(record.recipe) !== JSON.stringify(recipe)) return undefined;
  return { tensors: await readTensors(`${path}.safetensors`), facts: record.facts };
}

async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, content);
  await rename(draft, path);
}
