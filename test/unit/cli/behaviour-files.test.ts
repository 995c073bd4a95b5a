import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { challengesFile, readChallenges } from '../../../src/cli/behaviour-files.ts';
import { MIN_CHALLENGES } from '../../../src/core/behaviour/challenges.ts';

let path: string;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-challenges-'));
  path = join(folder, 'challenges.npy');
});
afterAll(() => rm(folder, { recursive: true }));

const CHALLENGES = {
  count: MIN_CHALLENGES,
  height: 3,
  width: 2,
  pixels: Uint8Array.from({ length: 6 * MIN_CHALLENGES }, (_, i) => i % 251),
};

describe('a file of challenges', () => {
  it('is read as it was written', async () => {
    await writeFile(path, challengesFile(CHALLENGES));
    const { pixels, ...sizes } = await readChallenges(path);
    expect({ ...sizes, pixels: Uint8Array.from(pixels) }).toEqual(CHALLENGES);
  });

  it("in Fortran's order is refused: its bytes are other pictures", async () => {
    const text = Buffer.from(challengesFile(CHALLENGES)).toString('latin1');
    const turned = text.replace("'fortran_order': False", "'fortran_order': True ");
    expect(turned).not.toBe(text);
    await writeFile(path, turned, 'latin1');
    await expect(readChallenges(path)).rejects.toMatchObject({ code: 'invalid_input', field: 'challenges' });
  });
});
