/**
 * A tensor's elements as 32-bit floats, whatever type they are stored in: floats and integers by their value, ggml's
 * blocks of 32 by the formulas of `dequantize_row_*` in https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c.
 *
 * A fingerprint of what is not finite would say nothing, so NaN, infinities and numbers beyond 32 bits are refused.
 */
import { RegistryError } from '../errors.ts';
import type { StoredTensor } from '../weights/container.ts';
import type { Dtype } from '../weights/dtype.ts';
import { elementCount } from '../weights/dtype.ts';
import { shown } from '../weights/header-json.ts';
import { whole } from '../weights/pieces.ts';
import { stackUnknown } from './stack.ts';

/**
 * @throws RegistryError `stack_unknown` for types that are not decoded here and for elements that are not finite;
 *   `malformed_container` when the data is shorter or longer than the shape says
 */
export async function decode(tensor: StoredTensor): Promise<Float32Array> {
  const { name, dtype, shape } = tensor;
  const unit = UNITS[dtype];
  if (unit === undefined) {
    throw stackUnknown(
      `The elements are of type ${dtype}, which is not turned into numbers here.`,
      name,
      'Save the weights as F32 or F16.',
    );
  }
  const values = new Float32Array(elementCount(shape) ?? 0);
  const wanted = (values.length / unit.elements) * unit.bytes;
  let read = 0;
  for await (const piece of whole(tensor.pieces(), unit.bytes)) {
    if (read + piece.length > wanted || piece.length % unit.bytes !== 0) throw wrongLength(name, wanted);
    const view = new DataView(piece.buffer, piece.byteOffset, piece.length);
    let to = (read / unit.bytes) * unit.elements;
    for (let at = 0; at < piece.length; at += unit.bytes, to += unit.elements) unit.put(view, at, values, to);
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

/** What is read at once: one element, or a block of them */
interface Unit {
  bytes: number;
  elements: number;
  put: (view: DataView, at: number, values: Float32Array, to: number) => void;
}

const element = (bytes: number, get: (view: DataView, at: number) => number): Unit => ({
  bytes,
  elements: 1,
  put: (view, at, values, to) => {
    values[to] = get(view, at);
  },
});

/** @param valueOf element `i` of the block at `at` */
const block = (bytes: number, valueOf: (view: DataView, at: number, i: number) => number): Unit => ({
  bytes,
  elements: 32,
  put: (view, at, values, to) => {
    for (let i = 0; i < 32; i++) values[to + i] = valueOf(view, at, i);
  },
});

/** Of 16 bytes, the lower halves are the first 16 numbers. */
const nibble = (view: DataView, at: number, i: number): number =>
  i < 16 ? view.getUint8(at + i) & 15 : view.getUint8(at + i - 16) >> 4;
/** The fifth bit of number `i` stands in a word before the 16 bytes. */
const fiveBits = (view: DataView, at: number, i: number): number =>
  nibble(view, at + 4, i) | (((view.getUint32(at, true) >>> i) & 1) << 4);

const UNITS: Partial<Record<Dtype, Unit>> = {
  F64: element(8, (view, at) => view.getFloat64(at, true)),
  F32: element(4, (view, at) => view.getFloat32(at, true)),
  F16: element(2, half),
  BF16: element(2, bfloat),
  I8: element(1, (view, at) => view.getInt8(at)),
  U8: element(1, (view, at) => view.getUint8(at)),
  I16: element(2, (view, at) => view.getInt16(at, true)),
  U16: element(2, (view, at) => view.getUint16(at, true)),
  I32: element(4, (view, at) => view.getInt32(at, true)),
  U32: element(4, (view, at) => view.getUint32(at, true)),
  I64: element(8, (view, at) => Number(view.getBigInt64(at, true))),
  U64: element(8, (view, at) => Number(view.getBigUint64(at, true))),
  Q8_0: block(34, (view, at, i) => half(view, at) * view.getInt8(at + 2 + i)),
  Q4_0: block(18, (view, at, i) => half(view, at) * (nibble(view, at + 2, i) - 8)),
  Q4_1: block(20, (view, at, i) => half(view, at) * nibble(view, at + 4, i) + half(view, at + 2)),
  Q5_0: block(22, (view, at, i) => half(view, at) * (fiveBits(view, at + 2, i) - 16)),
  Q5_1: block(24, (view, at, i) => half(view, at) * fiveBits(view, at + 4, i) + half(view, at + 2)),
};

/** IEEE 754 binary16 */
function half(view: DataView, at: number): number {
  const bits = view.getUint16(at, true);
  const [sign, exponent, fraction] = [bits >> 15 === 0 ? 1 : -1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const WORD = new DataView(new ArrayBuffer(4));

/** The upper half of a binary32 */
function bfloat(view: DataView, at: number): number {
  WORD.setUint32(0, view.getUint16(at, true) << 16);
  return WORD.getFloat32(0);
}

function wrongLength(name: string, wanted: number): RegistryError {
  return new RegistryError('malformed_container', `The data of the tensor are not the ${wanted} bytes of its shape.`, {
    field: shown(name),
  });
}
