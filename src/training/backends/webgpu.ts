/**
 * `webgpu`: any Vulkan, Metal or Direct3D 12 GPU through Dawn (npm package `webgpu`), no CUDA needed. An adapter that
 * is emulated on the processor (SwiftShader, lavapipe) computes the same but a hundred times slower than `wasm`, so it
 * is taken only when the caller allows it.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Backend, LoadedBackend } from './backend.ts';

interface AdapterInfo {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  isFallbackAdapter?: boolean;
}

interface Adapter {
  info: AdapterInfo;
}

interface Gpu {
  requestAdapter(options?: { powerPreference?: string }): Promise<Adapter | null>;
}

/** The GPU object must outlive every buffer: Dawn frees the device when it is collected. */
let gpu: Gpu | undefined;

export const webgpu: Backend = {
  name: 'webgpu',
  async load({ allowSoftwareAdapter = false }): Promise<LoadedBackend> {
    if (!allowSoftwareAdapter && !mayHaveGpu()) throw new Error('this machine has no graphics device');
    gpu ??= await provideGpu();
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (adapter === null) throw new Error('no Vulkan, Metal or Direct3D 12 adapter was found');
    const { vendor, architecture, device, description } = adapter.info;
    const name = description || device || [vendor, architecture].filter(Boolean).join(' ');
    const isFallbackAdapter = adapter.info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe/i.test(name);
    if (isFallbackAdapter && !allowSoftwareAdapter) {
      throw new Error(`the only adapter, ${name}, is emulated on the processor`);
    }

    const tf = await import('@tensorflow/tfjs-core');
    const tfWebgpu = await import('@tensorflow/tfjs-backend-webgpu');
    if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js did not start on the adapter');
    return {
      tf,
      info: {
        backend: 'webgpu',
        device: name,
        driver: [vendor, architecture].filter(Boolean).join(' ') || 'unknown',
        versions: {
          node: process.versions.node,
          '@tensorflow/tfjs-core': tf.version_core,
          '@tensorflow/tfjs-backend-webgpu': packageVersion('@tensorflow/tfjs-backend-webgpu'),
          webgpu: packageVersion('webgpu'),
        },
        isFallbackAdapter,
      },
      dispose: () => {
        if (tfWebgpu.webgpu_util.isWebGPUSupported()) tf.removeBackend('webgpu');
      },
    };
  },
};

/** Without a device node there is no real adapter, and Dawn need not be loaded to complain about it on stderr. */
function mayHaveGpu(): boolean {
  return process.platform !== 'linux' || ['/dev/dri', '/dev/nvidia0', '/dev/dxg'].some((node) => existsSync(node));
}

/** Puts Dawn where a browser has WebGPU: tfjs-backend-webgpu looks for `navigator.gpu` and the constants beside it. */
async function provideGpu(): Promise<Gpu> {
  const { create, globals } = (await import('webgpu')) as unknown as {
    create: (flags: string[]) => Gpu;
    globals: object;
  };
  const provided = create([]);
  Object.assign(globalThis, globals);
  const navigator = (globalThis as { navigator?: object }).navigator ?? {};
  Object.defineProperty(navigator, 'gpu', { value: provided, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true, writable: true });
  return provided;
}

function packageVersion(name: string): string {
  const require = createRequire(import.meta.url);
  return (require(`${name}/package.json`) as { version: string }).version;
}
