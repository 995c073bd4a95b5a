/**
 * A tensor's elements as 32-bit floats, whatever type they are stored in: floats and integers by their value, blocks of
 * ggml as conversions read them.
 *
 * A fingerprint of what is not finite would say nothing, so NaN, infinities and numbers beyond 32 bits are refused.
 */
import { isNumber, numbersOf } from '../conversion/elements.ts';
import { RegistryError } from '../errors.ts';
import type { StoredTensor } from '../weights/container.ts';
import type { Dtype } from '../weights/dtype.ts';
import { elementBits, elementCount, tensorBytes } from '../weights/dtype.ts';
import { shown } from '../weights/header-json.ts';
import { whole } from '../weights/pieces.ts';
import { stackUnknown } from './stack.ts';

/** Elements of a block of ggml's types that are decoded */
const BLOCK = 32;

/**
 * @throws RegistryError `stack_unknown` for types that are not decoded here and for elements that are not finite;
 *   `malformed_container` when the data is shorter or longer than the shape says
 */
export async function decode(tensor: StoredTensor): Promise<Float32Array> {
  const { name, dtype, shape } = tensor;
  const numbers = readerOf(dtype);
  if (numbers === undefined) {
    throw stackUnknown(
      `The elements are of type ${dtype}, which is not turned into numbers here.`,
      name,
      'Save the weights as F32 or F16.',
    );
  }
  const values = new Float32Array(elementCount(shape) ?? 0);
  const wanted = tensorBytes(dtype, shape, name);
  const bits = elementBits(dtype);
  const [elements, bytes] = bits === undefined ? [BLOCK, tensorBytes(dtype, [BLOCK], name)] : [1, bits / 8];
  let read = 0;
  for await (const piece of whole(tensor.pieces(), bytes)) {
    if (read + piece.length > wanted || piece.length % bytes !== 0) throw wrongLength(name, wanted);
    values.set(numbers(piece), (read / bytes) * elements);
    read += piece.length;
  }
  if (read !== wanted) throw wrongLength(name, wanted);
  requireFinite(values, name);
  return values;
}

/** @throws RegistryError `stack_unknown` */
export function requireFinite(values: Float32Array, name: string): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    throw stackUnknown(
      `Element ${i} is ${values[i]}; of weights that are not finite there is no fingerprint.`,
      name,
      'Register weights that are numbers: this model has diverged, or its file is damaged.',
    );
  }
}

const INTEGERS: Partial<Record<Dtype, (view: DataView, at: number) => number>> = {
  I8: (view, at) => view.getInt8(at),
  U8: (view, at) => view.getUint8(at),
  I16: (view, at) => view.getInt16(at, true),
  U16: (view, at) => view.getUint16(at, true),
  I32: (view, at) => view.getInt32(at, true),
  U32: (view, at) => view.getUint32(at, true),
  I64: (view, at) => Number(view.getBigInt64(at, true)),
  U64: (view, at) => Number(view.getBigUint64(at, true)),
};

/** @returns what reads a piece of whole elements or blocks */
function readerOf(dtype: Dtype): ((piece: Uint8Array) => Float64Array) | undefined {
  if (isNumber(dtype)) return (piece) => numbersOf(dtype, piece);
  const valueAt = INTEGERS[dtype];
  if (valueAt === undefined) return undefined;
  const width = elementBits(dtype)! / 8;
  return (piece) => {
    const view = new DataView(piece.buffer, piece.byteOffset, piece.length);
    return Float64Array.from({ length: piece.length / width }, (_, i) => valueAt(view, i * width));
  };
}

function wrongLength(name: string, wanted: number): RegistryError {
  return new RegistryError('malformed_container', `The data of the tensor are not the ${wanted} bytes of its shape.`, {
    field: shown(name),
  });
}
