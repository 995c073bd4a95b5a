/**
 * The `native` backend for real, and with it the code path of `cuda`: @tensorflow/tfjs-node on TensorFlow's C library.
 * `native-setup.sh` builds it once into a folder outside the repository, `MUNIMENT_NATIVE_FOLDER` or one in the
 * temporary directory; `MUNIMENT_NATIVE_PACKAGE` names a package that is already built.
 */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { removeFolders, smallMnist, trainInChild } from '../../unit/training/fixture.ts';
import { expectSameTraining } from './compare.ts';
import { missing } from './prerequisite.ts';

const TITLE = 'native, on the libtensorflow of the tensorflow-cpu wheel';

jest.setTimeout(300_000);
afterAll(removeFolders);

async function provide(): Promise<{ path: string } | { why: string }> {
  const given = process.env['MUNIMENT_NATIVE_PACKAGE'];
  if (given) return { path: given };
  const script = fileURLToPath(new URL('native-setup.sh', import.meta.url));
  const folder = process.env['MUNIMENT_NATIVE_FOLDER'] ?? join(tmpdir(), 'muniment-native');
  try {
    const { stdout } = await promisify(execFile)(script, [folder], { timeout: 900_000, maxBuffer: 2 ** 26 });
    return { path: stdout.trim() };
  } catch (error) {
    return { why: `native-setup.sh failed: ${(error as Error).message.trim().split('\n').slice(-3).join(' | ')}` };
  }
}

const provided = await provide();

if ('why' in provided) {
  missing(TITLE, provided.why);
} else {
  describe(TITLE, () => {
    const environment = { MUNIMENT_NATIVE_PACKAGE: provided.path };
    let folder: string;
    beforeAll(async () => {
      folder = await smallMnist(1280, 200);
    });

    it.each([
      { arch: 'mlp', epochs: 1, learningRate: 0.1 },
      { arch: 'mlp', epochs: 2, hidden: [64, 32], optimizer: 'momentum', dropout: 0.2, validationSplit: 0.1 },
      { arch: 'cnn', epochs: 1, optimizer: 'adam', learningRate: 0.001 },
    ])('trains an epoch to the weights of wasm: %j', async (hyperparameters) => {
      const answer = await trainInChild({ folder, backend: 'native', hyperparameters }, environment);
      const reference = await trainInChild({ folder, backend: 'wasm', hyperparameters });
      const still = { ...hyperparameters, learningRate: 1e-30 };
      const untrained = await trainInChild({ folder, backend: 'wasm', hyperparameters: still });
      expectSameTraining(answer, reference, untrained, 1e-4);
      expect(answer.info).toMatchObject({
        backend: 'native',
        driver: expect.stringMatching(/^libtensorflow 2\./),
        versions: { '@tensorflow/tfjs-node': expect.stringMatching(/^4\./) },
        isFallbackAdapter: false,
      });
    });
  });
}
