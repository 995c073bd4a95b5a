/**
 * Element types, by the names of the safetensors format: these names are the canonical ones in weight digests, whatever
 * container the tensors came in. The list and the widths are those of safetensors 0.8, in its order of rising alignment,
 * by which its writer sorts.
 */
import { RegistryError } from '../errors.ts';

const BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type Dtype = keyof typeof BITS;

/** In order of rising alignment. */
export const DTYPES = Object.keys(BITS) as Dtype[];

export function isDtype(name: unknown): name is Dtype {
  return typeof name === 'string' && Object.hasOwn(BITS, name);
}

/** Elements of a tensor of this shape; a scalar, of shape `[]`, has one. `undefined` past 2^53 − 1. */
export function elementCount(shape: readonly number[]): number | undefined {
  // A zero anywhere makes the tensor empty, even where the other dimensions alone would overflow.
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const dimension of shape) {
    count *= dimension;
    if (count > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return count;
}

/**
 * Bytes that a tensor takes, its elements packed without gaps.
 * @throws RegistryError `malformed_container` when they are too many to count or do not fill whole bytes
 */
export function tensorBytes(dtype: Dtype, shape: readonly number[], field: string): number {
  const elements = elementCount(shape);
  const bits = elements === undefined ? undefined : elements * BITS[dtype];
  if (bits === undefined || bits > Number.MAX_SAFE_INTEGER) {
    throw new RegistryError('malformed_container', `A tensor of shape [${shape.join(', ')}] is too large to count.`, {
      field,
    });
  }
  if (bits % 8 === 0) return bits / 8;
  throw new RegistryError('malformed_container', `${elements} elements of ${dtype} do not fill whole bytes.`, {
    field,
  });
}
