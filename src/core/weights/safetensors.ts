/**
 * The safetensors container: a length (u64, little endian), a JSON header of that many bytes, the tensors' bytes.
 * Format: https://github.com/huggingface/safetensors#format; where it is silent, the checks of version 0.8 are kept.
 *
 * A hostile file may claim a header of 2^63 bytes, tensors that overlap, leave holes (room for a second, hidden model),
 * lie past the end or differ from their shape, or name a tensor twice. The length is bounded before it is believed, and
 * every byte of the data belongs to exactly one tensor.
 */
import { concat, fromUtf8, utf8 } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import type { ContainerReader } from './container.ts';
import { storedAt } from './container.ts';
import { compareBytes } from './compare-bytes.ts';
import type { Dtype, SafetensorsDtype } from './dtype.ts';
import { DTYPES, elementBits, elementCount, isDtype, tensorBytes } from './dtype.ts';
import type { ClaimedTensor } from './header-json.ts';
import { parseHeaderText, shown } from './header-json.ts';

/** The reference reader's bound on the header. */
export const MAX_HEADER_BYTES = 100_000_000;

const LENGTH_BYTES = 8;

export interface TensorInfo {
  name: string;
  dtype: Dtype;
  shape: number[];
  /** First byte, counted from the start of the source. */
  offset: number;
  byteLength: number;
}

export const safetensors: ContainerReader = {
  container: 'safetensors',
  endings: ['.safetensors'],
  recognizes: looksLikeSafetensors,
  async open(source) {
    const { tensors, metadata } = await readSafetensorsHeader(source);
    return {
      tensors: tensors.map(({ offset, byteLength, ...head }) => storedAt(source, head, offset, byteLength)),
      metadata,
    };
  },
};

export interface SafetensorsHeader {
  /** In the order of their bytes in the file, which they fill without gap from `dataOffset` to the end. */
  tensors: TensorInfo[];
  metadata: Record<string, string>;
  /** Where the data begins. */
  dataOffset: number;
}

export interface Tensor {
  name: string;
  dtype: Dtype;
  shape: readonly number[];
  /** Row-major, little endian. */
  data: Uint8Array;
}

/** @throws RegistryError `malformed_container` */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  if (source.size < LENGTH_BYTES) throw refuse('The file is too short to hold the length of a header.', 'headerLength');
  const dataOffset = LENGTH_BYTES + headerLength(await source.read(0, LENGTH_BYTES), source.size);
  const { tensors, metadata } = parseHeaderText(
    decodeHeader(await source.read(LENGTH_BYTES, dataOffset - LENGTH_BYTES)),
  );
  return { tensors: placeTensors(tensors, dataOffset, source.size), metadata, dataOffset };
}

/** Whether the source begins as a safetensors file does. It may still turn out malformed. */
export async function looksLikeSafetensors(source: ByteSource): Promise<boolean> {
  if (source.size < LENGTH_BYTES + 2) return false;
  const start = await source.read(0, LENGTH_BYTES + 1);
  return readLength(start) <= BigInt(MAX_HEADER_BYTES) && start[LENGTH_BYTES] === OPENING_BRACE;
}

/**
 * A file of these tensors; the same tensors and metadata always give the same bytes. As the reference writer does it:
 * wider types first so that every tensor is aligned, then by name; the header padded with blanks to 8 bytes.
 * @throws RegistryError `malformed_container` when a name stands twice, the data does not fit dtype and shape, or the
 *   format lacks the dtype
 */
export function writeSafetensors(tensors: readonly Tensor[], metadata: Record<string, string> = {}): Uint8Array {
  const sorted = tensors
    .map((tensor) => ({ ...tensor, rank: (DTYPES as Dtype[]).indexOf(tensor.dtype), key: utf8(tensor.name) }))
    .sort((a, b) => b.rank - a.rank || compareBytes(a.key, b.key));
  const members: string[] = [];
  if (Object.keys(metadata).length > 0) members.push(`"__metadata__":${metadataText(metadata)}`);
  const names = new Set(['__metadata__']);
  let end = 0;
  for (const { name, dtype, shape, data } of sorted) {
    if (names.has(name))
      throw refuse(`A tensor cannot be called "${shown(name)}" here, the name is taken.`, shown(name));
    if (!name.isWellFormed()) throw refuse('A tensor name holds a lone surrogate.', shown(name));
    names.add(name);
    if (!isDtype(dtype)) throw refuse(`Safetensors has no dtype "${dtype}".`, shown(name));
    if (bytesOf(dtype, shape, shown(name)) !== data.length) {
      throw refuse(`${data.length} bytes do not fill a tensor [${shape.join(', ')}] of ${dtype}.`, shown(name));
    }
    const begin = end;
    end += data.length;
    members.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  const text = utf8(`{${members.join(',')}}`);
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  return concat(length, padded, ...sorted.map(({ data }) => data));
}

const OPENING_BRACE = 0x7b;

function readLength(start: Uint8Array): bigint {
  return new DataView(start.buffer, start.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
}

function headerLength(start: Uint8Array, size: number): number {
  const claimed = readLength(start);
  if (claimed > BigInt(MAX_HEADER_BYTES)) {
    throw refuse(`The file claims a header of ${claimed} bytes; at most ${MAX_HEADER_BYTES} are read.`, 'headerLength');
  }
  const length = Number(claimed);
  if (LENGTH_BYTES + length > size) {
    throw refuse(`The file claims a header of ${length} bytes but has only ${size} bytes.`, 'headerLength');
  }
  return length;
}

function decodeHeader(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch (cause) {
    throw new RegistryError('malformed_container', 'The header is not UTF-8.', { field: 'header', cause });
  }
}

function placeTensors(claimed: readonly ClaimedTensor[], dataOffset: number, size: number): TensorInfo[] {
  const dataSize = size - dataOffset;
  const byPlace = [...claimed].sort(
    (a, b) => a.dataOffsets[0] - b.dataOffsets[0] || a.dataOffsets[1] - b.dataOffsets[1],
  );
  let free = 0;
  const tensors = byPlace.map((tensor): TensorInfo => {
    const { name, dtype, shape } = tensor;
    const [begin, end] = tensor.dataOffsets;
    const field = shown(name);
    if (!isDtype(dtype)) throw refuse(`The dtype "${shown(dtype)}" is unknown.`, `${field}.dtype`);
    if (begin > end) throw refuse(`The tensor ends at ${end}, before it begins at ${begin}.`, `${field}.data_offsets`);
    if (end > dataSize) {
      throw refuse(`The tensor ends at ${end}, past the ${dataSize} bytes of data.`, `${field}.data_offsets`);
    }
    if (begin < free) throw refuse('The tensor overlaps another one.', `${field}.data_offsets`);
    if (begin > free)
      throw refuse(`The ${begin - free} bytes before the tensor are nobody's.`, `${field}.data_offsets`);
    const byteLength = bytesOf(dtype, shape, `${field}.shape`);
    if (byteLength !== end - begin) {
      throw refuse(
        `A tensor [${shape.join(', ')}] of ${dtype} takes ${byteLength} bytes, not ${end - begin}.`,
        `${field}.data_offsets`,
      );
    }
    free = end;
    return { name, dtype, shape, offset: dataOffset + begin, byteLength };
  });
  if (free !== dataSize) throw refuse(`The last ${dataSize - free} bytes of the file are nobody's.`, 'data');
  return tensors;
}

/** The format has no tensor that ends within a byte. */
function bytesOf(dtype: SafetensorsDtype, shape: readonly number[], field: string): number {
  const bytes = tensorBytes(dtype, shape, field);
  const elements = elementCount(shape)!;
  if ((elements * elementBits(dtype)!) % 8 === 0) return bytes;
  throw refuse(`${elements} elements of ${dtype} do not fill whole bytes.`, field);
}

function metadataText(metadata: Record<string, string>): string {
  const members = Object.keys(metadata).sort();
  for (const name of members) {
    if (name.isWellFormed() && metadata[name]!.isWellFormed()) continue;
    throw refuse('The metadata holds a lone surrogate.', `__metadata__.${shown(name)}`);
  }
  return `{${members.map((name) => `${JSON.stringify(name)}:${JSON.stringify(metadata[name])}`).join(',')}}`;
}

function refuse(sentence: string, field: string): RegistryError {
  return new RegistryError('malformed_container', sentence, { field });
}
