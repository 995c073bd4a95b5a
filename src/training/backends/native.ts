/**
 * `native`: TensorFlow's C library on the processor. The same binding and code path as `cuda`, so it stands in for it
 * where there is no GPU; slower than `wasm` on the reference recipe, so it is only taken by name.
 *
 * `MUNIMENT_NATIVE_PACKAGE` may name the folder of a `@tensorflow/tfjs-node` that was built elsewhere.
 */
import { processorName } from './backend.ts';
import type { Backend, LoadedBackend } from './backend.ts';
import { describeLibrary, loadTfjsNode } from './tfjs-node.ts';

const PACKAGE = '@tensorflow/tfjs-node';

export const NATIVE_PACKAGE_VARIABLE = 'MUNIMENT_NATIVE_PACKAGE';

export const native: Backend = {
  name: 'native',
  async load(): Promise<LoadedBackend> {
    const tf = await loadTfjsNode(process.env[NATIVE_PACKAGE_VARIABLE] || PACKAGE);
    const { library, versions } = describeLibrary(tf, PACKAGE);
    return {
      tf,
      info: {
        backend: 'native',
        device: processorName(),
        driver: `libtensorflow ${library}`,
        versions,
        isFallbackAdapter: false,
      },
      dispose: () => tf.disposeVariables(),
    };
  },
};
