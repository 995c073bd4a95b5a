/**
 * `wasm`: TensorFlow.js on WebAssembly with SIMD (XNNPACK), the backend that runs everywhere and whose weights replay
 * bit for bit, whatever the number of threads.
 *
 * tfjs-backend-wasm 4.22 switches threads off under Node: its thread script is a browser Blob, and it caps the pool at
 * half of what `os.cpus()` counts. So with two threads or more its own threaded binary is started here through
 * Emscripten's documented hooks (`locateFile`, `mainScriptUrlOrBlob`), with a thread script as a `data:` URL and an `os`
 * that counts the threads asked for.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { compileFunction } from 'node:vm';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { formatDigest } from '../../core/digest.ts';
import { processorName, threadCount } from './backend.ts';
import type { Backend, LoadedBackend, WasmVariant } from './backend.ts';

const require = createRequire(import.meta.url);

export const wasm: Backend = {
  name: 'wasm',
  async load({ threads, simd: wanted = true }): Promise<LoadedBackend> {
    const tf = await import('@tensorflow/tfjs-core');
    const tfWasm = await import('@tensorflow/tfjs-backend-wasm');
    const folder = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
    const count = threadCount(threads);
    const simd = wanted && (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT'));
    const variant: WasmVariant = !simd ? 'plain' : count > 1 ? 'threaded-simd' : 'simd';

    if (tf.findBackendFactory('wasm') !== null) tf.removeBackend('wasm');
    const module = await (variant === 'threaded-simd' ? startThreaded(folder, count) : startSingle(folder, variant));
    tfWasm.setThreadsCount(count);
    const backend = new tfWasm.BackendWasm(module);
    tf.registerBackend('wasm', () => backend, 2);
    if (!(await tf.setBackend('wasm'))) throw new Error('the WebAssembly binary did not start');
    const binary = readFileSync(join(folder, 'wasm-out', BINARIES[variant]));
    return {
      tf,
      info: {
        backend: 'wasm',
        device: processorName(),
        versions: {
          node: process.versions.node,
          '@tensorflow/tfjs-core': tf.version_core,
          '@tensorflow/tfjs-backend-wasm': tfWasm.version_wasm,
        },
        variant,
        binaryDigest: formatDigest(createHash('sha256').update(binary).digest()),
        threads: tfWasm.getThreadsCount(),
        isFallbackAdapter: false,
      },
      dispose: () => {
        if (tf.findBackend('wasm') === backend) tf.removeBackend('wasm');
      },
    };
  },
};

const BINARIES = {
  plain: 'tfjs-backend-wasm.wasm',
  simd: 'tfjs-backend-wasm-simd.wasm',
  'threaded-simd': 'tfjs-backend-wasm-threaded-simd.wasm',
} as const satisfies Record<WasmVariant, string>;

type WasmModule = ConstructorParameters<typeof BackendWasm>[0] & {
  cwrap(name: string, result: string | null, parameters: string[]): unknown;
};
type Factory = (settings: Record<string, unknown>) => Promise<WasmModule>;

async function startSingle(folder: string, variant: 'plain' | 'simd'): Promise<WasmModule> {
  const factory = compileFactory(join(folder, 'wasm-out', 'tfjs-backend-wasm.js'), 1);
  return start(factory, { locateFile: () => join(folder, 'wasm-out', BINARIES[variant]) });
}

async function startThreaded(folder: string, threads: number): Promise<WasmModule> {
  const script = join(folder, 'wasm-out', 'tfjs-backend-wasm-threaded-simd.js');
  const { wasmWorkerContents } = require(script.replace(/\.js$/, '.worker.js')) as { wasmWorkerContents: string };
  // The package keeps the script in a template literal that turned its "\n" into line breaks; undo that.
  const worker =
    `import { createRequire } from 'node:module';` +
    `const __filename = ${JSON.stringify(script)}; const require = createRequire(__filename);` +
    wasmWorkerContents.replaceAll('\n', '\\n');
  const workerUrl = new URL(`data:text/javascript;base64,${Buffer.from(worker).toString('base64')}`);
  return start(compileFactory(script, threads), {
    locateFile: (name: string) =>
      name.endsWith('.worker.js') ? workerUrl : join(folder, 'wasm-out', BINARIES['threaded-simd']),
    mainScriptUrlOrBlob: script,
  });
}

/** Loads an Emscripten script as Node would, except that its `os` counts twice the threads: it divides by two. */
function compileFactory(script: string, threads: number): Factory {
  const module: { exports: unknown } = { exports: {} };
  const processors = Array.from({ length: 2 * threads }, () => cpus()[0]);
  const requireFor = (name: string): unknown => (name === 'os' ? { cpus: () => processors } : require(name));
  const source = readFileSync(script, 'utf8');
  const wrapper = compileFunction(source, ['exports', 'require', 'module', '__filename', '__dirname'], {
    filename: script,
  }) as (...scope: unknown[]) => void;
  wrapper(module.exports, requireFor, module, script, dirname(script));
  return module.exports as Factory;
}

async function start(factory: Factory, settings: Record<string, unknown>): Promise<WasmModule> {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = new Map(events.map((event) => [event, process.rawListeners(event)]));
  const module = await factory(settings);
  // Emscripten rethrows whatever goes wrong anywhere in the process; how this process dies is not its business.
  for (const event of events) {
    for (const listener of process.rawListeners(event)) {
      if (!before.get(event)?.includes(listener)) process.removeListener(event, listener as () => void);
    }
  }
  const wrap = (name: string, result: string | null, parameters: number) =>
    module.cwrap(
      name,
      result,
      Array.from({ length: parameters }, () => 'number'),
    ) as never;
  module.tfjs = {
    init: wrap('init', null, 0),
    initWithThreadsCount: wrap('init_with_threads_count', null, 1),
    getThreadsCount: wrap('get_threads_count', 'number', 0),
    registerTensor: wrap('register_tensor', null, 3),
    disposeData: wrap('dispose_data', null, 1),
    dispose: wrap('dispose', null, 0),
  };
  return module;
}
