import { describe, expect, it } from '@jest/globals';
import { chooseBackend } from '../../../src/training/backends/index.ts';
import type { BackendName } from '../../../src/training/backends/index.ts';

/** No driver lists this file's adapters, so there are none, whatever the machine has. */
const NO_DRIVER = '/nonexistent/icd.json';

async function withEnvironment<T>(variables: Record<string, string>, action: () => Promise<T>): Promise<T> {
  const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
  Object.assign(process.env, variables);
  try {
    return await action();
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  }
}

describe('a backend asked for by name', () => {
  it('is an error when its package is nowhere', async () => {
    await withEnvironment({ MUNIMENT_NATIVE_PACKAGE: '/nonexistent/tfjs-node' }, async () => {
      await expect(chooseBackend('native')).rejects.toMatchObject({
        code: 'backend_unavailable',
        message: 'The backend native cannot be loaded: there is no package in /nonexistent/tfjs-node.',
        field: 'backend',
      });
    });
  });

  it('is an error when there is no graphics adapter', async () => {
    await withEnvironment({ VK_ICD_FILENAMES: NO_DRIVER, VK_DRIVER_FILES: NO_DRIVER }, async () => {
      await expect(chooseBackend('webgpu')).rejects.toMatchObject({
        code: 'backend_unavailable',
        message: expect.stringMatching(/^The backend webgpu cannot be loaded: .+\.$/),
      });
    });
  });

  it('is an error when there is no such backend, even one that every object has', async () => {
    for (const name of ['tpu', 'constructor', '__proto__']) {
      await expect(chooseBackend(name as BackendName)).rejects.toMatchObject({
        code: 'invalid_input',
        field: 'backend',
      });
    }
  });
});

describe('auto', () => {
  it('falls back to wasm and says in one line each why it took no other', async () => {
    await withEnvironment({ VK_ICD_FILENAMES: NO_DRIVER, VK_DRIVER_FILES: NO_DRIVER }, async () => {
      const backend = await chooseBackend('auto', { threads: 1 });
      try {
        expect(backend.info.backend).toBe('wasm');
        expect(backend.skipped).toHaveLength(2);
        expect(backend.skipped[0]).toMatch(/^The backend cuda cannot be loaded: [^\n]+\.$/);
        expect(backend.skipped[1]).toMatch(/^The backend webgpu cannot be loaded: [^\n]+\.$/);
      } finally {
        backend.dispose();
      }
    });
  });
});

describe('wasm', () => {
  it.each([1, 2, 3])('records the variant, its digest and that it computes on %d threads', async (threads) => {
    const listeners = process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection');
    const { info, tf, dispose } = await chooseBackend('wasm', { threads });
    try {
      expect(info).toEqual({
        backend: 'wasm',
        device: expect.stringMatching(/\S/),
        versions: {
          node: process.versions.node,
          '@tensorflow/tfjs-core': expect.stringMatching(/^4\./),
          '@tensorflow/tfjs-backend-wasm': expect.stringMatching(/^4\./),
        },
        variant: threads === 1 ? 'simd' : 'threaded-simd',
        binaryDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        threads,
        isFallbackAdapter: false,
      });
      expect(tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])).arraySync()).toEqual([[11]]);
      expect(process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection')).toBe(listeners);
    } finally {
      dispose();
    }
  });
});
