/** The `native` backend for real, and with it the code path of `cuda`: @tensorflow/tfjs-node on TensorFlow's C library. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { removeFolders, smallMnist, trainInChild } from '../../unit/training/fixture.ts';
import { expectSameTraining } from './compare.ts';
import { provideNative } from './native.ts';
import { missing } from './prerequisite.ts';

const TITLE = 'native, on the libtensorflow of the tensorflow-cpu wheel';

jest.setTimeout(300_000);
afterAll(removeFolders);

const provided = await provideNative();

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
