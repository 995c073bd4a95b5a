/**
 * The GGUF container of ggml and llama.cpp, versions 2 and 3, little endian: magic, version, counts, metadata, a description
 * of each tensor, the tensors' bytes. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; where it is silent,
 * what ggml itself refuses (llama.cpp, ggml/src/gguf.cpp) is refused. Quantized tensors are kept as their blocks are.
 *
 * GGUF writes the dimension that runs fastest first; here, as in the digest, it is the last.
 *
 * A large model is cut into shards, `NAME-00001-of-00003.gguf` and so on, each a GGUF of its own. The first is its main
 * file.
 *
 * A hostile file may claim 2^63 tensors, strings or array elements, dimensions whose product overflows, or tensors
 * that overlap, lie past the end or leave room for a hidden one. Every length is held against the
 * bytes that are there, and the data has no byte outside of a tensor but what aligns the next.
 */
import { fromUtf8 } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import type { ContainerReader, OpenedContainer, Siblings, StoredTensor } from './container.ts';
import { storedAt } from './container.ts';
import type { TensorHead } from './digest.ts';
import type { Dtype } from './dtype.ts';
import { tensorBytes } from './dtype.ts';
import { shown } from './header-json.ts';
import { MAX_RANK, MAX_TENSORS } from './limits.ts';
import { WINDOW_BYTES, windowed } from './windowed.ts';

/** Everything before the data: a vocabulary of 256,000 tokens takes 20 MB. */
export const MAX_HEADER_BYTES = 100_000_000;
export const MAX_ENTRIES = 10_000;
/** The format's bound on a key; longer texts than this are left out of the metadata. */
const MAX_TEXT_BYTES = 65_535;
/** ggml stops at 64, unless it is built otherwise. */
const MAX_NAME_BYTES = 1000;
/** More than a page anywhere. Larger ones would be room to hide something in. */
const MAX_ALIGNMENT = 65_536;
const DEFAULT_ALIGNMENT = 32;

export const gguf: ContainerReader = {
  container: 'gguf',
  endings: ['.gguf'],
  recognizes: async (source) => source.size >= 4 && isMagic(await source.read(0, 4)),
  async open(source, siblings) {
    const main = await openFile(source);
    const count = main.split('count') ?? 1;
    return count > 1 ? withShards(main, count, siblings) : main;
  },
};

interface GgufFile extends OpenedContainer {
  /** What the file says of the shards, `split.no` for example */
  split(key: 'count' | 'no' | 'tensors.count'): number | undefined;
}

interface TensorInfo extends TensorHead {
  /** Counted from where the data begins */
  offset: number;
}

async function openFile(source: ByteSource): Promise<GgufFile> {
  const cursor = new Cursor(windowed(source));
  const { tensorCount, entryCount } = await readStart(cursor);
  const entries = await readEntries(cursor, entryCount);
  const infos: TensorInfo[] = [];
  while (infos.length < tensorCount) infos.push(await readTensorInfo(cursor));
  const alignment = alignmentOf(entries);
  return {
    tensors: placeTensors(source, infos, aligned(cursor.at, alignment), alignment),
    metadata: Object.fromEntries(
      [...entries].flatMap(([key, value]) => (value === null ? [] : [[key, String(value)]])),
    ),
    split: (key) => {
      const value = entries.get(`split.${key}`);
      if (value === undefined) return undefined;
      const number = typeof value === 'bigint' ? Number(value) : value;
      if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
      throw malformed('Here stands something else where a number of shards or tensors is needed.', `split.${key}`);
    },
  };
}

/**
 * The tensors of all shards; the metadata is in the first.
 * @param main the first
 */
async function withShards(main: GgufFile, count: number, siblings: Siblings): Promise<OpenedContainer> {
  const name = shardNamer(siblings.main, main.split('no') ?? 0, count);
  const tensors = [...main.tensors];
  for (let no = 1; no < count; no++) {
    const shard = await openFile(await siblings.open(name(no)));
    const [itsNo, itsCount] = [shard.split('no'), shard.split('count')];
    if (itsNo !== no || itsCount !== count) {
      throw malformed(`Shard ${no + 1} of ${count} says it is number ${itsNo} (from 0 on) of ${itsCount}.`, name(no));
    }
    for (const tensor of shard.tensors) tensors.push(tensor);
    if (tensors.length > MAX_TENSORS) throw malformed(`The shards have more than ${MAX_TENSORS} tensors.`, name(no));
  }
  const claimed = main.split('tensors.count') ?? tensors.length;
  if (claimed !== tensors.length) {
    throw malformed(`The shards have ${tensors.length} tensors, not ${claimed}.`, 'split.tensors.count');
  }
  return { tensors, metadata: main.metadata };
}

/** By the names that llama.cpp writes and demands. */
function shardNamer(main: string | undefined, no: number, count: number): (no: number) => string {
  const digits = (number: number): string => String(number).padStart(5, '0');
  const ending = (no: number): string => `-${digits(no + 1)}-of-${digits(count)}.gguf`;
  if (no === 0 && main?.endsWith(ending(0)) === true) {
    const prefix = main.slice(0, -ending(0).length);
    return (no) => `${prefix}${ending(no)}`;
  }
  throw new RegistryError('unsupported_container', `The file is shard ${no + 1} of ${count}.`, {
    field: 'split.no',
    fix: `Name the first one, whose name ends in "${ending(0)}", where it lies beside the others.`,
  });
}

const isMagic = ([g, g2, u, f]: Uint8Array): boolean => g === 0x47 && g2 === 0x47 && u === 0x55 && f === 0x46;

async function readStart(cursor: Cursor): Promise<{ tensorCount: number; entryCount: number }> {
  const magic = await cursor.take(4, 'magic');
  if (!isMagic(new Uint8Array(magic.buffer, magic.byteOffset, 4))) {
    throw malformed('The file does not begin with "GGUF".', 'magic');
  }
  const version = await cursor.u32('version');
  if (version !== 0 && version % 0x10000 === 0) {
    throw unsupported('The file is big endian.', 'version', 'Turn it around: gguf-convert-endian FILE little.');
  }
  if (version !== 2 && version !== 3) {
    throw unsupported(`The file has version ${version} of GGUF; 2 and 3 are read.`, 'version', CONVERT_AGAIN);
  }
  const tensorCount = await cursor.natural('tensorCount');
  const entryCount = await cursor.natural('metadataCount');
  if (tensorCount > MAX_TENSORS) {
    throw malformed(`The file claims ${tensorCount} tensors; at most ${MAX_TENSORS} are read.`, 'tensorCount');
  }
  if (entryCount > MAX_ENTRIES) {
    throw malformed(`The file claims ${entryCount} metadata; at most ${MAX_ENTRIES} are read.`, 'metadataCount');
  }
  return { tensorCount, entryCount };
}

/** What is said in one value; null for a list, or text that is too long to be kept. */
type Value = bigint | boolean | number | string | null;

async function readEntries(cursor: Cursor, count: number): Promise<Map<string, Value>> {
  const entries = new Map<string, Value>();
  while (entries.size < count) {
    const key = await cursor.text(MAX_TEXT_BYTES, 'metadata');
    if (key === '') throw malformed('A key of the metadata is empty.', 'metadata');
    const field = shown(key);
    if (entries.has(key)) throw malformed(`The key "${field}" stands twice in the metadata.`, field);
    entries.set(key, await readValue(cursor, field));
  }
  return entries;
}

const [BOOL, STRING, ARRAY] = [7, 8, 9];

interface Scalar {
  bytes: number;
  read: (view: DataView) => bigint | number;
}

/** By gguf_metadata_value_type */
const SCALARS: Readonly<Record<number, Scalar>> = {
  0: { bytes: 1, read: (view) => view.getUint8(0) },
  1: { bytes: 1, read: (view) => view.getInt8(0) },
  2: { bytes: 2, read: (view) => view.getUint16(0, true) },
  3: { bytes: 2, read: (view) => view.getInt16(0, true) },
  4: { bytes: 4, read: (view) => view.getUint32(0, true) },
  5: { bytes: 4, read: (view) => view.getInt32(0, true) },
  6: { bytes: 4, read: (view) => view.getFloat32(0, true) },
  [BOOL]: { bytes: 1, read: (view) => view.getUint8(0) },
  10: { bytes: 8, read: (view) => view.getBigUint64(0, true) },
  11: { bytes: 8, read: (view) => view.getBigInt64(0, true) },
  12: { bytes: 8, read: (view) => view.getFloat64(0, true) },
};

async function readValue(cursor: Cursor, field: string): Promise<Value> {
  const type = await cursor.u32(field);
  if (type === ARRAY) {
    await skipArray(cursor, field);
    return null;
  }
  if (type === STRING) {
    const length = await cursor.natural(field);
    if (length <= MAX_TEXT_BYTES) return cursor.textOf(length, field);
    cursor.skip(length, field);
    return null;
  }
  const { bytes, read } = scalarOf(type, field);
  const value = read(await cursor.take(bytes, field));
  if (type !== BOOL) return value;
  if (value !== 0 && value !== 1) throw malformed(`The byte ${value} is neither true nor false.`, field);
  return value === 1;
}

async function skipArray(cursor: Cursor, field: string): Promise<void> {
  const type = await cursor.u32(field);
  const count = await cursor.natural(field);
  if (type === ARRAY) throw unsupported('Lists of lists are not read here, nor by ggml.', field, CONVERT_AGAIN);
  if (type === STRING) await cursor.skipTexts(count, field);
  else cursor.skip(scalarOf(type, field).bytes * count, field);
}

function scalarOf(type: number, field: string): Scalar {
  const scalar = SCALARS[type];
  if (scalar === undefined) throw malformed(`The metadata have no values of type ${type}.`, field);
  return scalar;
}

function alignmentOf(entries: ReadonlyMap<string, Value>): number {
  const alignment = entries.get(ALIGNMENT) ?? DEFAULT_ALIGNMENT;
  const valid = typeof alignment === 'number' && alignment > 0 && alignment <= MAX_ALIGNMENT;
  if (valid && Number.isInteger(Math.log2(alignment)) && entries.get(ALIGNMENT) !== null) return alignment;
  throw malformed(`The alignment ${String(alignment)} is no power of two up to ${MAX_ALIGNMENT}.`, ALIGNMENT);
}

const ALIGNMENT = 'general.alignment';

const aligned = (offset: number, alignment: number): number => Math.ceil(offset / alignment) * alignment;

async function readTensorInfo(cursor: Cursor): Promise<TensorInfo> {
  const name = await cursor.text(MAX_NAME_BYTES, 'tensors');
  const field = shown(name);
  const rank = await cursor.u32(field);
  if (rank > MAX_RANK) throw malformed(`The tensor claims ${rank} dimensions; at most ${MAX_RANK} are read.`, field);
  const shape: number[] = [];
  while (shape.length < rank) shape.unshift(await cursor.natural(field));
  const type = await cursor.u32(field);
  const dtype = TYPES[type];
  if (dtype === undefined) throw unsupported(`The ggml type ${type} is not read here.`, field, CONVERT_AGAIN);
  return { name, dtype, shape, offset: await cursor.natural(field) };
}

const CONVERT_AGAIN = 'Convert the model again with a current llama.cpp.';

/** By ggml_type. The numbers that are missing are types that ggml has given up. */
const TYPES: Readonly<Record<number, Dtype>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  6: 'Q5_0',
  7: 'Q5_1',
  8: 'Q8_0',
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  12: 'Q4_K',
  13: 'Q5_K',
  14: 'Q6_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  30: 'BF16',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
  40: 'NVFP4',
  41: 'Q1_0',
};

function placeTensors(
  source: ByteSource,
  infos: readonly TensorInfo[],
  dataOffset: number,
  alignment: number,
): StoredTensor[] {
  const dataSize = source.size - dataOffset;
  const sized = infos.map((info) => ({ ...info, byteLength: tensorBytes(info.dtype, info.shape, shown(info.name)) }));
  let free = 0;
  const tensors = sized
    .sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength)
    .map(({ offset, byteLength, ...head }) => {
      const field = shown(head.name);
      if (offset % alignment !== 0) throw malformed(`The tensor begins at ${offset}, out of alignment.`, field);
      if (offset < free) throw malformed('The tensor overlaps another one.', field);
      if (offset > free) throw malformed(`The ${offset - free} bytes before the tensor are nobody's.`, field);
      const end = offset + byteLength;
      if (end > dataSize) throw malformed(`The tensor ends at ${end}, past the ${dataSize} bytes of data.`, field);
      free = aligned(end, alignment);
      return storedAt(source, head, dataOffset + offset, byteLength);
    });
  if (dataSize > free) throw malformed(`The last ${dataSize - free} bytes of the file are nobody's.`, 'data');
  return tensors;
}

/** The header from front to back. */
class Cursor {
  at = 0;
  readonly #source: ByteSource;
  readonly #end: number;

  constructor(source: ByteSource) {
    this.#source = source;
    this.#end = Math.min(source.size, MAX_HEADER_BYTES);
  }

  async take(length: number, field: string): Promise<DataView> {
    const begin = this.at;
    this.skip(length, field);
    const bytes = await this.#source.read(begin, length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  skip(length: number, field: string): void {
    if (length > this.#end - this.at) {
      const bound = this.#end === MAX_HEADER_BYTES ? 'that are read of a header' : 'of the file';
      throw malformed(`Here ${length} bytes are claimed at ${this.at}, past the ${this.#end} ${bound}.`, field);
    }
    this.at += length;
  }

  async u32(field: string): Promise<number> {
    return (await this.take(4, field)).getUint32(0, true);
  }

  /** A u64 that counts something */
  async natural(field: string): Promise<number> {
    return naturalAt(await this.take(8, field), 0, field);
  }

  async text(most: number, field: string): Promise<string> {
    const length = await this.natural(field);
    if (length <= most) return this.textOf(length, field);
    throw malformed(`The file claims a name of ${length} bytes; at most ${most} are read.`, field);
  }

  /** A vocabulary is a hundred thousand of them, so they are not read one by one. */
  async skipTexts(count: number, field: string): Promise<void> {
    for (let left = count; left > 0;) {
      const begin = this.at;
      const length = Math.max(8, Math.min(WINDOW_BYTES, this.#end - begin));
      const block = await this.take(length, field);
      this.at = begin;
      for (; left > 0 && this.at + 8 <= begin + length; left--) {
        const textBytes = naturalAt(block, this.at - begin, field);
        this.skip(8, field);
        this.skip(textBytes, field);
      }
    }
  }

  async textOf(length: number, field: string): Promise<string> {
    const { buffer, byteOffset } = await this.take(length, field);
    try {
      return fromUtf8(new Uint8Array(buffer, byteOffset, length));
    } catch (cause) {
      throw new RegistryError('malformed_container', 'A text is not UTF-8.', { field, cause });
    }
  }
}

function naturalAt(view: DataView, at: number, field: string): number {
  const number = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  if (number <= Number.MAX_SAFE_INTEGER) return number;
  throw malformed(`The number ${view.getBigUint64(at, true)} is larger than 2^53 - 1.`, field);
}

const malformed = (sentence: string, field: string): RegistryError =>
  new RegistryError('malformed_container', sentence, { field });

const unsupported = (sentence: string, field: string, fix: string): RegistryError =>
  new RegistryError('unsupported_container', sentence, { field, fix });
