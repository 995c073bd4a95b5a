/**
 * Element types, by the names that are the canonical ones in weight digests, whatever container the tensors came in.
 *
 * Most are those of safetensors 0.8, with its widths and in its order of rising alignment, by which its writer sorts. Small
 * integers are called as they would be there. Quantized types of ggml are kept as they are, under ggml's names: a row of
 * such a tensor is cut into blocks, each with its own scales, and what the elements are is known only to ggml.
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

/** Integers of ONNX. */
const SMALL_BITS = { I2: 2, U2: 2, I4: 4, U4: 4 } as const;

const ELEMENT_BITS = { ...BITS, ...SMALL_BITS };

/**
 * Elements and bytes of a block: https://github.com/ggml-org/llama.cpp, the structs of ggml/src/ggml-common.h, as the table
 * GGML_QUANT_SIZES of gguf-py/gguf/constants.py 0.19 has them.
 */
const BLOCKS = {
  Q1_0: [128, 18],
  Q2_K: [256, 84],
  Q3_K: [256, 110],
  Q4_0: [32, 18],
  Q4_1: [32, 20],
  Q4_K: [256, 144],
  Q5_0: [32, 22],
  Q5_1: [32, 24],
  Q5_K: [256, 176],
  Q6_K: [256, 210],
  Q8_0: [32, 34],
  Q8_1: [32, 40],
  Q8_K: [256, 292],
  IQ1_M: [256, 56],
  IQ1_S: [256, 50],
  IQ2_S: [256, 82],
  IQ2_XS: [256, 74],
  IQ2_XXS: [256, 66],
  IQ3_S: [256, 110],
  IQ3_XXS: [256, 98],
  IQ4_NL: [32, 18],
  IQ4_XS: [256, 136],
  TQ1_0: [256, 54],
  TQ2_0: [256, 66],
  MXFP4: [32, 17],
  NVFP4: [64, 36],
} as const satisfies Record<string, readonly [elements: number, bytes: number]>;

export type SafetensorsDtype = keyof typeof BITS;
export type BlockDtype = keyof typeof BLOCKS;
export type ElementDtype = keyof typeof ELEMENT_BITS;
export type Dtype = BlockDtype | ElementDtype;

/** Those of safetensors, in order of rising alignment. */
export const DTYPES = Object.keys(BITS) as SafetensorsDtype[];
export const BLOCK_DTYPES = Object.keys(BLOCKS) as BlockDtype[];

/** Whether safetensors has a type of this name. */
export function isDtype(name: unknown): name is SafetensorsDtype {
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
 * Bytes that a tensor takes, its elements packed without gaps, from the low bits of a byte on; the last byte is filled up.
 * @throws RegistryError `malformed_container` when they are too many to count, or rows do not fill whole blocks
 */
export function tensorBytes(dtype: Dtype, shape: readonly number[], field: string): number {
  const elements = elementCount(shape);
  const bytes = elements === undefined ? undefined : bytesOf(dtype, elements, shape.at(-1) ?? 1, field);
  if (bytes !== undefined && bytes <= Number.MAX_SAFE_INTEGER / 8) return bytes;
  throw refuse(`A tensor of shape [${shape.join(', ')}] is too large to count.`, field);
}

/** Bits of an element; `undefined` where elements come in blocks. */
export function elementBits(dtype: Dtype): number | undefined {
  return isBlockDtype(dtype) ? undefined : ELEMENT_BITS[dtype];
}

export function isBlockDtype(name: string): name is BlockDtype {
  return Object.hasOwn(BLOCKS, name);
}

function bytesOf(dtype: Dtype, elements: number, rowElements: number, field: string): number {
  if (!isBlockDtype(dtype)) return Math.ceil((elements * ELEMENT_BITS[dtype]) / 8);
  const [blockElements, blockBytes] = BLOCKS[dtype];
  if (rowElements % blockElements === 0) return (elements / blockElements) * blockBytes;
  throw refuse(`Rows of ${rowElements} elements of ${dtype} do not fill whole blocks of ${blockElements}.`, field);
}

function refuse(sentence: string, field: string): RegistryError {
  return new RegistryError('malformed_container', sentence, { field });
}
