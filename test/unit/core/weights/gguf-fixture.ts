/** GGUF files put together by hand, true ones and lying ones. */
import { concat, utf8 } from '../../../../src/core/bytes.ts';

export const u32 = (value: number): Uint8Array => number(4, (view) => view.setUint32(0, value, true));
export const u64 = (value: bigint | number): Uint8Array =>
  number(8, (view) => view.setBigUint64(0, BigInt(value), true));
export const text = (value: Uint8Array | string): Uint8Array => {
  const bytes = typeof value === 'string' ? utf8(value) : value;
  return concat(u64(bytes.length), bytes);
};

/** A key with its type and the bytes of its value. */
export const entry = (key: string, type: number, value: Uint8Array): Uint8Array => concat(text(key), u32(type), value);
export const uint32 = (key: string, value: number): Uint8Array => entry(key, 4, u32(value));
export const uint16 = (key: string, value: number): Uint8Array => entry(key, 2, u32(value).subarray(0, 2));

export interface MadeTensor {
  name: string;
  /** As GGUF has them: the one that runs fastest first */
  dimensions: (bigint | number)[];
  type?: number;
  data?: Uint8Array;
  claims?: { offset?: bigint | number };
}

export interface MadeGguf {
  version?: number;
  metadata?: Uint8Array[];
  tensors?: MadeTensor[];
  alignment?: number;
  claims?: { tensors?: bigint; metadata?: bigint };
  /** Behind the last tensor, in place of what aligns it */
  tail?: Uint8Array;
}

export function ggufOf({
  version = 3,
  metadata = [],
  tensors = [],
  alignment = 32,
  claims,
  tail,
}: MadeGguf): Uint8Array {
  let at = 0;
  const infos: Uint8Array[] = [];
  const data: Uint8Array[] = [];
  for (const [i, tensor] of tensors.entries()) {
    const { name, dimensions, type = 24, claims: lies } = tensor;
    const bytes = tensor.data ?? new Uint8Array(0);
    const offset = u64(lies?.offset ?? at);
    infos.push(text(name), u32(dimensions.length), ...dimensions.map(u64), u32(type), offset);
    const padding = i === tensors.length - 1 && tail !== undefined ? tail : zeros(-bytes.length, alignment);
    data.push(bytes, padding);
    at += bytes.length + padding.length;
  }
  const counts = [u64(claims?.tensors ?? tensors.length), u64(claims?.metadata ?? metadata.length)];
  const header = concat(utf8('GGUF'), u32(version), ...counts, ...metadata, ...infos);
  return concat(header, tensors.length === 0 ? new Uint8Array(0) : zeros(-header.length, alignment), ...data);
}

function number(size: number, set: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  set(new DataView(bytes.buffer));
  return bytes;
}

/** As many as `short` is short of a multiple, given as a negative number */
const zeros = (short: number, multiple: number): Uint8Array =>
  new Uint8Array(((short % multiple) + multiple) % multiple);
