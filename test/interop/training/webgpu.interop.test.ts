/**
 * The `webgpu` backend for real: Dawn on SwiftShader, a Vulkan driver on the processor, which Debian's `chromium` ships
 * (`apt-get install chromium`). It shows that the shaders compute what `wasm` computes, not how fast a GPU is.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { removeFolders, smallMnist, trainInChild } from '../../unit/training/fixture.ts';
import { expectSameTraining } from './compare.ts';
import { missing } from './prerequisite.ts';

const DRIVER = process.env['MUNIMENT_SWIFTSHADER_ICD'] ?? '/usr/lib/chromium/vk_swiftshader_icd.json';
// Chromium keeps the Vulkan loader beside the driver.
const ENVIRONMENT = { VK_ICD_FILENAMES: DRIVER, VK_DRIVER_FILES: DRIVER, LD_LIBRARY_PATH: dirname(DRIVER) };
const TITLE = 'webgpu on a software Vulkan adapter';

jest.setTimeout(300_000);
afterAll(removeFolders);

if (!existsSync(DRIVER)) {
  missing(TITLE, `there is no ${DRIVER}; install Debian's chromium or set MUNIMENT_SWIFTSHADER_ICD`);
} else {
  describe(TITLE, () => {
    let folder: string;
    beforeAll(async () => {
      folder = await smallMnist(128, 64);
    });

    it.each([
      { arch: 'mlp', epochs: 2, batchSize: 32, learningRate: 0.1 },
      { arch: 'mlp', epochs: 1, batchSize: 32, hidden: [32, 16], optimizer: 'adam', dropout: 0.2 },
      { arch: 'cnn', epochs: 1, batchSize: 64, hidden: [32], learningRate: 0.1 },
    ])('trains to the weights of wasm: %j', async (hyperparameters) => {
      const answer = await trainInChild({ folder, backend: 'webgpu', hyperparameters }, ENVIRONMENT);
      const reference = await trainInChild({ folder, backend: 'wasm', hyperparameters });
      const still = { ...hyperparameters, learningRate: 1e-30 };
      const untrained = await trainInChild({ folder, backend: 'wasm', hyperparameters: still });
      expectSameTraining(answer, reference, untrained, 1e-4);
      expect(answer.info).toMatchObject({
        backend: 'webgpu',
        device: expect.stringMatching(/swiftshader/i),
        isFallbackAdapter: true,
        versions: { webgpu: expect.stringMatching(/^\d+\./) },
      });
    });

    it('is not picked by auto', async () => {
      const hyperparameters = { epochs: 1, hidden: [8] };
      const answer = await trainInChild({ folder, backend: 'auto', threads: 1, hyperparameters }, ENVIRONMENT);
      expect(answer.info.backend).toBe('wasm');
      expect(answer.skipped.join('\n')).toMatch(/webgpu cannot be loaded: .*(?:emulated|no graphics device)/);
    });
  });
}
