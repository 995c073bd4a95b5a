/** What every TensorFlow.js backend here promises: to load, or to say in one sentence why it cannot. */
import { availableParallelism, cpus } from 'node:os';
import type * as tensorflow from '@tensorflow/tfjs-core';

/** The functions of tfjs-core; each backend brings the instance that its kernels are registered with. */
export type TensorFlow = typeof tensorflow;

export type BackendName = 'cuda' | 'webgpu' | 'wasm' | 'native';

export interface Backend {
  readonly name: BackendName;
  /** @throws any error whose message says, in one line, why it cannot be used here */
  load(options: BackendOptions): Promise<LoadedBackend>;
}

export interface BackendOptions {
  /** Threads of `wasm`; 0 or absent: as many as there are cores, at most 8. */
  threads?: number;
  /** False: `wasm` takes the binary without SIMD, also where the processor has it. */
  simd?: boolean;
  /** Whether a GPU that is emulated on the processor is good enough. Never so for `auto`. */
  allowSoftwareAdapter?: boolean;
}

export interface LoadedBackend {
  readonly tf: TensorFlow;
  readonly info: BackendInfo;
  /** Ends threads and frees memory; the backend is of no use afterwards. */
  readonly dispose: () => void;
}

/** The part of a run's environment that belongs on record; absent members are unknown or do not apply. */
export interface BackendInfo {
  backend: BackendName;
  /** The processor's or the graphics adapter's own name. */
  device: string;
  /** Driver or math library under the backend. */
  driver?: string;
  /** Version of Node and of each npm package that computes. */
  versions: Record<string, string>;
  /** Which of tfjs-backend-wasm's binaries computes; a replay must use the same. */
  variant?: WasmVariant;
  /** SHA-256 of the WebAssembly binary. */
  binaryDigest?: string;
  threads?: number;
  /** True when a graphics adapter is emulated on the processor. */
  isFallbackAdapter: boolean;
}

export type WasmVariant = 'plain' | 'simd' | 'threaded-simd';

export function processorName(): string {
  return cpus()[0]?.model.trim() || process.arch;
}

/** The XNNPACK pool of the WebAssembly binary has at most 8 threads. */
export const MAX_THREADS = 8;

export function threadCount(wanted = 0): number {
  return Math.min(MAX_THREADS, wanted > 0 ? Math.trunc(wanted) : availableParallelism());
}
