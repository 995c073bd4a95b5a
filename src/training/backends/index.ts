/** Picks the backend of a run: by name, or the best one that loads here. */
import { RegistryError } from '../../core/errors.ts';
import type { Backend, BackendName, BackendOptions, LoadedBackend } from './backend.ts';
import { cuda } from './cuda.ts';
import { native } from './native.ts';
import { wasm } from './wasm.ts';
import { webgpu } from './webgpu.ts';

export type { Backend, BackendInfo, BackendName, BackendOptions, LoadedBackend, TensorFlow } from './backend.ts';

export const BACKENDS: Readonly<Record<BackendName, Backend>> = { cuda, webgpu, wasm, native };

/** The order in which `auto` tries; `native` is slower than `wasm` and only taken by name. */
export const AUTO_ORDER = ['cuda', 'webgpu', 'wasm'] as const satisfies readonly BackendName[];

export interface ChosenBackend extends LoadedBackend {
  /** One line for each backend that `auto` tried before and could not load. */
  readonly skipped: readonly string[];
}

/**
 * Loads the backend named, or with `auto` the first of `AUTO_ORDER` that loads; software graphics adapters are good
 * enough only when their backend is asked for by name.
 * @throws RegistryError `backend_unavailable`, its message says why; `invalid_input` for an unknown name
 */
export async function chooseBackend(
  name: BackendName | 'auto',
  options: Pick<BackendOptions, 'simd' | 'threads'> = {},
): Promise<ChosenBackend> {
  if (name !== 'auto') {
    if (!Object.hasOwn(BACKENDS, name)) {
      throw new RegistryError('invalid_input', `There is no backend "${String(name).slice(0, 40)}".`, {
        field: 'backend',
        fix: `Use auto, ${Object.keys(BACKENDS).join(', ')}.`,
      });
    }
    try {
      return { ...(await BACKENDS[name].load({ ...options, allowSoftwareAdapter: true })), skipped: [] };
    } catch (cause) {
      throw new RegistryError('backend_unavailable', reason(name, cause), {
        field: 'backend',
        fix: 'Use the backend auto or wasm, or install what this one needs (docs/training.md).',
        cause,
      });
    }
  }
  const skipped: string[] = [];
  for (const candidate of AUTO_ORDER) {
    try {
      return { ...(await BACKENDS[candidate].load({ ...options, allowSoftwareAdapter: false })), skipped };
    } catch (cause) {
      skipped.push(reason(candidate, cause));
    }
  }
  throw new RegistryError('backend_unavailable', `No backend could be loaded. ${skipped.join(' ')}`, {
    field: 'backend',
    fix: 'Install the npm packages again; wasm needs nothing else.',
  });
}

function reason(name: BackendName, cause: unknown): string {
  const message = cause instanceof Error || (cause as Error | null)?.message ? (cause as Error).message : String(cause);
  const [firstLine = ''] = message.split('\n');
  return `The backend ${name} cannot be loaded: ${firstLine.trim().replace(/\.$/, '')}.`;
}

/**
 * Whether a backend computes what another one did, as its environment tells. The number of threads does not change a bit
 * of what `wasm` computes; whether it uses SIMD does.
 */
export function sameArithmetic(info: ChosenBackend['info'], before: Record<string, unknown>): boolean {
  return (
    info.backend === before['backend'] &&
    (info.variant === 'plain') === (before['variant'] === 'plain') &&
    info.isFallbackAdapter === before['isFallbackAdapter'] &&
    (info.backend === 'wasm' || info.device === before['device'])
  );
}
