/** ONNX models put together by hand from the wire format, true ones and lying ones. */
import { concat, utf8 } from '../../../../src/core/bytes.ts';

export function varint(value: bigint | number): Uint8Array {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  return Uint8Array.of(...bytes, Number(left));
}

export const tag = (field: number, wire: number): Uint8Array => varint(field * 8 + wire);
export const number = (field: number, value: bigint | number): Uint8Array => concat(tag(field, 0), varint(value));
export const message = (field: number, ...parts: Uint8Array[]): Uint8Array => {
  const whole = concat(...parts);
  return concat(tag(field, 2), varint(whole.length), whole);
};
export const text = (field: number, value: string): Uint8Array => message(field, utf8(value));
export const packed = (field: number, values: readonly (bigint | number)[]): Uint8Array =>
  message(field, ...values.map(varint));

/** The fields of a TensorProto but for its data. */
export const tensor = (
  name: string,
  type: number,
  dims: readonly (bigint | number)[],
  ...data: Uint8Array[]
): Uint8Array => concat(packed(1, dims), number(2, type), ...(name === '' ? [] : [text(8, name)]), ...data);
export const raw = (data: Uint8Array): Uint8Array => message(9, data);

/** Where data lies in another file. */
export const external = (entries: Record<string, string>): Uint8Array =>
  concat(...Object.entries(entries).map(([key, value]) => message(13, text(1, key), text(2, value))), number(14, 1));

export const node = (output: string, type: string, ...attributes: Uint8Array[]): Uint8Array =>
  concat(text(2, output), text(4, type), ...attributes.map((attribute) => message(5, attribute)));
export const attribute = (name: string, ...value: Uint8Array[]): Uint8Array => concat(text(1, name), ...value);

export const graphOf = (...initializers: Uint8Array[]): Uint8Array =>
  concat(...initializers.map((one) => message(5, one)));
export const modelOf = (graph: Uint8Array, ...more: Uint8Array[]): Uint8Array =>
  concat(number(1, 10), text(2, 'hand'), message(7, graph), ...more);
/** A model of these initializers. */
export const onnxOf = (...initializers: Uint8Array[]): Uint8Array => modelOf(graphOf(...initializers));
