import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { writeSafetensors } from '../../../../src/core/weights/safetensors.ts';
import { stackOfFile } from '../../../../src/platform/storage/stack-file.ts';
import { expected, names, network, numbersIn, ofPytorch, tensorsOf } from '../../core/fingerprint/network.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-stack-'));
});

afterEach(() => rm(folder, { recursive: true }));

const tensors = tensorsOf(names(ofPytorch, network));

describe('the stack of a model on this machine', () => {
  test('is read from a file, and from the folder that holds it', async () => {
    await writeFile(join(folder, 'model.safetensors'), writeSafetensors(tensors));
    await writeFile(join(folder, 'README.md'), 'A model.');
    expect(numbersIn(await stackOfFile(join(folder, 'model.safetensors')))).toEqual(expected);
    expect(numbersIn(await stackOfFile(folder))).toEqual(expected);
  });

  test('is read from several files', async () => {
    await mkdir(join(folder, 'parts'));
    await writeFile(join(folder, 'parts/1.safetensors'), writeSafetensors(tensors.slice(0, 3)));
    await writeFile(join(folder, 'parts/2.safetensors'), writeSafetensors(tensors.slice(3)));
    const weight_map = Object.fromEntries(
      tensors.map(({ name }, i) => [name, `parts/${i < 3 ? '1' : '2'}.safetensors`]),
    );
    const index = join(folder, 'model.safetensors.index.json');
    await writeFile(index, JSON.stringify({ metadata: {}, weight_map }));
    expect(numbersIn(await stackOfFile(index))).toEqual(expected);
  });

  test.each([
    ['a file that is not there', 'none.safetensors', 'not_found'],
    ['a file that holds no weights', 'notes.txt', 'stack_unknown'],
    ['a file that is not what it is called', 'notes.safetensors', 'malformed_container'],
  ])('is refused for %s', async (_, name, code) => {
    for (const other of ['notes.txt', 'notes.safetensors']) await writeFile(join(folder, other), 'Only words.');
    await expect(stackOfFile(join(folder, name))).rejects.toMatchObject({ code });
  });
});
