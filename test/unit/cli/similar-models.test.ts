import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { announce, fingerprintOfFile } from '../../../src/cli/similar-models.ts';
import { writeSafetensors } from '../../../src/core/weights/safetensors.ts';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'muniment-similar-'))));
afterAll(() => rm(folder, { recursive: true }));

/** Dense layers of one width, layer i of them with weights up to `sizes[i]` */
async function modelOf(width: number, sizes: readonly number[]): Promise<string> {
  const path = join(folder, 'model.safetensors');
  const tensors = sizes.map((size, layer) => {
    const values = Float32Array.from({ length: width ** 2 }, (_, i) => (size * (((i * 97 + layer) % 13) - 6)) / 6);
    return {
      name: `fc${layer}.weight`,
      dtype: 'F32' as const,
      shape: [width, width],
      data: new Uint8Array(values.buffer),
    };
  });
  await writeFile(path, writeSafetensors(tensors));
  return path;
}

const fingerprint = async (width: number, sizes: readonly number[]) =>
  fingerprintOfFile({ note: () => undefined }, await modelOf(width, sizes));

describe('the fingerprint of a file', () => {
  it('is announced where it takes long', () => {
    const notes: string[] = [];
    const told = { note: (note: string) => void notes.push(note) };
    const layer = { kind: 'dense' as const, name: 'fc', bias: undefined };
    announce(told, { layers: [{ ...layer, units: 999, inputs: 1000, kernel: new Float32Array(999_000) }] });
    expect(notes).toEqual([]);
    announce(told, { layers: [{ ...layer, units: 1000, inputs: 1000, kernel: new Float32Array(1_000_000) }] });
    expect(notes).toEqual(['Computing the fingerprint of 1000-1000, 1000000 weights; this may take minutes.']);
  });

  it('is none of a model that computes nothing, or no numbers', async () => {
    expect(await fingerprint(8, [1, 1, 1])).toMatchObject({ shape: '8-8x3' });
    const refused = { code: 'stack_unknown' };
    await expect(fingerprint(8, [1, 0, 1])).rejects.toMatchObject({
      ...refused,
      message: 'All weights of the model, or all of some layer, are zero.',
    });
    const large = Array<number>(12).fill(3e38);
    await expect(fingerprint(8, large)).rejects.toMatchObject({
      ...refused,
      message: 'The products of the weights of the layers are larger or smaller than numbers can be, or not finite.',
    });
  });
});
