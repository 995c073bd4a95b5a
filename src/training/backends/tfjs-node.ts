/**
 * What `cuda` and `native` share: TensorFlow's C library behind the Node binding of `@tensorflow/tfjs-node(-gpu)`. Only
 * the package differs. The package is optional and may be missing, or be there without its library, so its name is not
 * a literal for the compiler and every failure is an ordinary answer.
 */
import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TensorFlow } from './backend.ts';

export interface TfjsNode extends TensorFlow {
  version: Record<string, string>;
}

/**
 * The package with its backend `tensorflow` ready.
 * @param specifier a package name, or the absolute path of the package's folder
 */
export async function loadTfjsNode(specifier: string): Promise<TfjsNode> {
  const require = createRequire(import.meta.url);
  let entry: string;
  try {
    entry = require.resolve(specifier);
  } catch (cause) {
    const why = isAbsolute(specifier) ? `there is no package in ${specifier}` : `${specifier} is not installed`;
    throw new Error(why, { cause });
  }
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  const loaded = (await import(pathToFileURL(entry).href)) as { default: TfjsNode };
  const tf = loaded.default;
  if (!(await tf.setBackend('tensorflow'))) throw new Error(`${specifier} did not start TensorFlow`);
  return tf;
}

interface TensorFlowBinding {
  /** libtensorflow's own version. */
  readonly TF_Version: string;
}

/** Versions of what computes, and whether a GPU device is among TensorFlow's devices. */
export function describeLibrary(
  tf: TfjsNode,
  packageName: string,
): { library: string; versions: Record<string, string>; hasGpu: boolean } {
  const backend = tf.backend() as unknown as { binding: TensorFlowBinding; isUsingGpuDevice: boolean };
  const library = backend.binding.TF_Version;
  const versions = {
    node: process.versions.node,
    '@tensorflow/tfjs-core': tf.version_core,
    [packageName]: tf.version['tfjs-node'] ?? 'unknown',
    libtensorflow: library,
  };
  return { library, versions, hasGpu: backend.isUsingGpuDevice };
}
