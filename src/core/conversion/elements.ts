/** The elements of tensors as numbers, and back to bytes: the types between which converters cast. */
import type { Dtype } from '../weights/dtype.ts';
import { fromBfloat, fromHalf, toBfloat, toHalf } from './float-bits.ts';
import type { GgmlBlock } from './ggml-blocks.ts';
import { fromBlocks, GGML_BLOCKS, toBlocks } from './ggml-blocks.ts';

const FLOATS = ['F64', 'F32', 'BF16', 'F16'] as const;
type Float = (typeof FLOATS)[number];
export type NumberDtype = Float | GgmlBlock;

export const isBlock = (dtype: Dtype): dtype is GgmlBlock => (GGML_BLOCKS as readonly Dtype[]).includes(dtype);
export const isFloat = (dtype: Dtype): dtype is Float => (FLOATS as readonly Dtype[]).includes(dtype);
export const isNumber = (dtype: Dtype): dtype is NumberDtype => isFloat(dtype) || isBlock(dtype);

const WIDTH: Readonly<Record<Float, number>> = { F64: 8, F32: 4, BF16: 2, F16: 2 };

/** @param bytes whole elements, or whole blocks of them */
export function numbersOf(dtype: NumberDtype, bytes: Uint8Array): Float64Array {
  if (isBlock(dtype)) return fromBlocks(dtype, bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const width = WIDTH[dtype];
  const values = new Float64Array(bytes.length / width);
  for (let i = 0, at = 0; i < values.length; i++, at += width) {
    if (dtype === 'F32') values[i] = view.getFloat32(at, true);
    else if (dtype === 'F64') values[i] = view.getFloat64(at, true);
    else values[i] = (dtype === 'F16' ? fromHalf : fromBfloat)(view.getUint16(at, true));
  }
  return values;
}

export type Encode = (values: Float64Array) => Uint8Array;

/** The ways in which writers make a type from numbers. */
export function encodersOf(dtype: NumberDtype): Encode[] {
  if (!isBlock(dtype)) return [(values) => floatBytes(dtype, values)];
  const ways = dtype === 'Q8_0' ? [false] : [false, true];
  return ways.map((fused) => (values) => toBlocks(dtype, values, fused));
}

function floatBytes(dtype: Float, values: Float64Array): Uint8Array {
  const width = WIDTH[dtype];
  const bytes = new Uint8Array(values.length * width);
  const view = new DataView(bytes.buffer);
  for (let i = 0, at = 0; i < values.length; i++, at += width) {
    const value = values[i]!;
    if (dtype === 'F32') view.setFloat32(at, value, true);
    else if (dtype === 'F64') view.setFloat64(at, value, true);
    else view.setUint16(at, (dtype === 'F16' ? toHalf : toBfloat)(value), true);
  }
  return bytes;
}
