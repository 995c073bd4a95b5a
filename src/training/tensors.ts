/** Between a backend's tensors and the little-endian bytes that are hashed, stored and registered. */
import { endianness } from 'node:os';
import type { Tensor } from '@tensorflow/tfjs-core';
import { RegistryError } from '../core/errors.ts';
import type { Tensor as StoredTensor } from '../core/weights/safetensors.ts';
import type { TensorFlow } from './backends/backend.ts';

type TensorSpec = { readonly name: string; readonly shape: readonly number[] };

/** Reads tensors back, in the order of their specs. */
export function storeTensors(specs: readonly TensorSpec[], tensors: readonly Tensor[]): Promise<StoredTensor[]> {
  return Promise.all(
    specs.map(async ({ name, shape }, i) => {
      // A copy: what a backend hands out may be its own memory.
      const values = Float32Array.from(await (tensors[i] as Tensor).data<'float32'>());
      return { name, dtype: 'F32' as const, shape: [...shape], data: swapped(new Uint8Array(values.buffer)) };
    }),
  );
}

/**
 * Hands stored tensors back to a backend, in the order of the specs.
 * @throws RegistryError `invalid_input` when one is missing, too many, or of another shape or type
 */
export function loadTensors(
  tf: TensorFlow,
  specs: readonly TensorSpec[],
  stored: readonly StoredTensor[],
  field: string,
): Tensor[] {
  const byName = new Map(stored.map((tensor) => [tensor.name, tensor]));
  const misfit = specs.find(({ name, shape }) => {
    const tensor = byName.get(name);
    return tensor?.dtype !== 'F32' || tensor.shape.join() !== shape.join() || tensor.data.length !== 4 * size(shape);
  });
  if (misfit !== undefined || byName.size !== specs.length || stored.length !== specs.length) {
    throw new RegistryError(
      'invalid_input',
      `The checkpoint does not fit the recipe${misfit === undefined ? '' : ` at ${misfit.name}`}.`,
      { field, fix: 'Resume with the tensors and the hyperparameters of the same run.' },
    );
  }
  return specs.map(({ name, shape }) => {
    const bytes = swapped(Uint8Array.from((byName.get(name) as StoredTensor).data));
    return tf.tensor(new Float32Array(bytes.buffer), [...shape]);
  });
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** The same bytes on a little-endian machine; each 32-bit word turned round on a big-endian one. */
function swapped(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (endianness() === 'BE') Buffer.from(bytes.buffer).swap32();
  return bytes;
}
