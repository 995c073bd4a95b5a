/** `cuda`: an NVIDIA GPU through `@tensorflow/tfjs-node-gpu`, the fastest backend where there is one. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Backend, LoadedBackend } from './backend.ts';
import { describeLibrary, loadTfjsNode } from './tfjs-node.ts';

const PACKAGE = '@tensorflow/tfjs-node-gpu';

export const cuda: Backend = {
  name: 'cuda',
  async load(): Promise<LoadedBackend> {
    const tf = await loadTfjsNode(PACKAGE);
    const { versions, hasGpu } = describeLibrary(tf, PACKAGE);
    if (!hasGpu) throw new Error(`${PACKAGE} found no NVIDIA GPU`);
    const { device, driver } = await describeGpu();
    return {
      tf,
      info: {
        backend: 'cuda',
        device,
        driver,
        versions,
        isFallbackAdapter: false,
      },
      dispose: () => tf.disposeVariables(),
    };
  },
};

/** Name and driver as the NVIDIA driver reports them; TensorFlow keeps them to itself. */
async function describeGpu(): Promise<{ device: string; driver: string }> {
  try {
    const query = ['--query-gpu=name,driver_version', '--format=csv,noheader'];
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 5_000 });
    const [device = '', version = ''] = (stdout.split('\n')[0] ?? '').split(', ');
    return { device, driver: `NVIDIA ${version}` };
  } catch {
    return { device: 'NVIDIA GPU', driver: 'unknown (nvidia-smi did not answer)' };
  }
}
