/**
 * TensorProto of ONNX, read to where its data lies: in `raw_data`, in a list of numbers of one type, or in another file.
 * Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.in.proto, IR version 14, whose field numbers stand below.
 *
 * Lists of numbers are turned into the bytes that `raw_data` would have while they are hashed, so nothing is held of them.
 * A tensor may claim a type that its list cannot have, data in two places, a place outside of the file, or the place of
 * another tensor: all of this is refused.
 */
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { readPieces } from './byte-source.ts';
import type { Siblings, StoredTensor } from './container.ts';
import { storedAt } from './container.ts';
import type { TensorHead } from './digest.ts';
import { CHUNK_BYTES } from './digest.ts';
import type { ElementDtype } from './dtype.ts';
import { elementBits, elementCount, tensorBytes } from './dtype.ts';
import { shown } from './header-json.ts';
import { MAX_RANK, MAX_TENSORS } from './limits.ts';
import { ExternalFiles, MAX_ENTRIES } from './onnx-external.ts';
import type { Range } from './protobuf.ts';
import { MessageType, readEntry, repeated, single, VarintDecoder, WireReader } from './protobuf.ts';
import { windowed } from './windowed.ts';

const LISTS = {
  float_data: repeated(4, 'fixed32'),
  int32_data: repeated(5, 'varint'),
  int64_data: repeated(7, 'varint'),
  double_data: repeated(10, 'fixed64'),
  uint64_data: repeated(11, 'varint'),
} as const;
type List = keyof typeof LISTS;

const TENSOR = new MessageType({
  dims: repeated(1, 'varint'),
  data_type: single(2, 'varint'),
  segment: single(3),
  ...LISTS,
  string_data: repeated(6),
  name: single(8),
  raw_data: single(9),
  external_data: repeated(13),
  data_location: single(14, 'varint'),
});

/** TensorProto.DataType: the number, the list that such data may stand in, and how it is called here */
const TYPES: Readonly<Record<number, readonly [name: string, list: List, dtype: ElementDtype] | undefined>> = {
  1: ['FLOAT', 'float_data', 'F32'],
  2: ['UINT8', 'int32_data', 'U8'],
  3: ['INT8', 'int32_data', 'I8'],
  4: ['UINT16', 'int32_data', 'U16'],
  5: ['INT16', 'int32_data', 'I16'],
  6: ['INT32', 'int32_data', 'I32'],
  7: ['INT64', 'int64_data', 'I64'],
  9: ['BOOL', 'int32_data', 'BOOL'],
  10: ['FLOAT16', 'int32_data', 'F16'],
  11: ['DOUBLE', 'double_data', 'F64'],
  12: ['UINT32', 'uint64_data', 'U32'],
  13: ['UINT64', 'uint64_data', 'U64'],
  14: ['COMPLEX64', 'float_data', 'C64'],
  16: ['BFLOAT16', 'int32_data', 'BF16'],
  17: ['FLOAT8E4M3FN', 'int32_data', 'F8_E4M3'],
  18: ['FLOAT8E4M3FNUZ', 'int32_data', 'F8_E4M3FNUZ'],
  19: ['FLOAT8E5M2', 'int32_data', 'F8_E5M2'],
  20: ['FLOAT8E5M2FNUZ', 'int32_data', 'F8_E5M2FNUZ'],
  21: ['UINT4', 'int32_data', 'U4'],
  22: ['INT4', 'int32_data', 'I4'],
  23: ['FLOAT4E2M1', 'int32_data', 'F4'],
  24: ['FLOAT8E8M0', 'int32_data', 'F8_E8M0'],
  25: ['UINT2', 'int32_data', 'U2'],
  26: ['INT2', 'int32_data', 'I2'],
  27: ['FLOAT6E2M3', 'int32_data', 'F6_E2M3'],
  28: ['FLOAT6E3M2', 'int32_data', 'F6_E3M2'],
};

const NOT_READ: Readonly<Record<number, string>> = { 8: 'STRING', 15: 'COMPLEX128' };

/** All names together, so that a long path which many tensors share does not fill the memory. */
const MAX_NAME_CHARACTERS = 100_000_000;

/** The tensors of one model, as they are found. */
export class OnnxTensors {
  readonly #found: StoredTensor[] = [];
  readonly #source: ByteSource;
  readonly #wire: WireReader;
  readonly #external: ExternalFiles;
  #nameCharacters = 0;

  constructor(source: ByteSource, wire: WireReader, siblings: Siblings) {
    this.#source = source;
    this.#wire = wire;
    this.#external = new ExternalFiles(siblings);
  }

  /**
   * @param nameOf the name of the tensor in the model, from that which it gives itself, or `undefined`
   * @throws RegistryError `malformed_container`, `unsupported_container`, `not_found`
   */
  async add(message: Range, where: string, nameOf: (own: string | undefined) => string): Promise<void> {
    const claimed = await this.#read(message, where);
    const name = nameOf(claimed.name);
    this.#nameCharacters += name.length;
    if (this.#found.length === MAX_TENSORS) throw malformed(`The model has more than ${MAX_TENSORS} tensors.`, where);
    if (this.#nameCharacters > MAX_NAME_CHARACTERS) throw malformed('The names of the tensors are too long.', where);
    const field = shown(name);
    const [typeName, list, dtype] = typeOf(claimed.type, field);
    const head: TensorHead = { name, dtype, shape: claimed.shape.map((dimension) => natural(dimension, field)) };
    const byteLength = tensorBytes(dtype, head.shape, field);
    this.#found.push(await this.#place(message, claimed, { head, dtype, typeName, list, byteLength, field }));
  }

  /**
   * Says that there are no more.
   * @throws RegistryError `malformed_container` when two of them share bytes of another file
   */
  finish(): StoredTensor[] {
    this.#external.requireDistinct();
    return this.#found;
  }

  async #read(message: Range, where: string): Promise<ClaimedTensor> {
    const claimed: ClaimedTensor = { shape: [], type: 0, lists: new Map(), external: [], isExternal: false };
    for await (const field of this.#wire.fields(TENSOR, message, where)) {
      const { name, value } = field;
      if (name === 'dims') claimed.shape.push(...(await this.#wire.varints(field, MAX_RANK, where)));
      else if (name === 'data_type') claimed.type = Number(value);
      else if (name === 'name') claimed.name = await this.#wire.name(field, where);
      else if (name === 'raw_data') claimed.raw = field;
      else if (name === 'data_location') claimed.isExternal = locationOf(value, where);
      else if (name === 'external_data') claimed.external.push(await readEntry(this.#wire, field, where));
      else if (name === 'string_data') claimed.type = STRING;
      else if (name === 'segment')
        throw unsupported('The tensor is cut into segments.', where, 'Write it in one piece.');
      else claimed.lists.set(name, { first: claimed.lists.get(name)?.first ?? field, last: field });
      if (claimed.shape.length > MAX_RANK) throw malformed(`The tensor has more than ${MAX_RANK} dimensions.`, where);
      if (claimed.external.length > MAX_ENTRIES) throw malformed('The place of the data is too long.', where);
    }
    return claimed;
  }

  async #place(message: Range, claimed: ClaimedTensor, known: KnownTensor): Promise<StoredTensor> {
    const { head, typeName, list, byteLength, field } = known;
    const { raw, lists, external, isExternal } = claimed;
    if (Number(raw !== undefined) + lists.size + Number(isExternal || external.length > 0) > 1) {
      throw malformed('The tensor has data in two places.', field);
    }
    if (isExternal !== external.length > 0) throw malformed('Where the data lies is contradicted.', field);
    if (isExternal) {
      const { source, offset } = await this.#external.place(external, byteLength, field);
      return filledUp(storedAt(source, head, offset, byteLength));
    }
    const [other] = [...lists.keys()].filter((name) => name !== list);
    if (other !== undefined) throw malformed(`Data of type ${typeName} cannot stand in ${other}.`, field);
    if (lists.size > 0) return this.#listed(message, lists.get(list)!, known);
    const given = raw === undefined ? 0 : raw.end - raw.start;
    if (given !== byteLength) {
      throw malformed(
        `A tensor [${head.shape.join(', ')}] of ${head.dtype} takes ${byteLength} bytes, not ${given}.`,
        field,
      );
    }
    return filledUp(storedAt(this.#source, head, raw?.start ?? message.start, byteLength));
  }

  /** A packed list of floats has the very bytes that raw data has. */
  #listed(
    message: Range,
    { first, last }: FoundList,
    { head, dtype, list, byteLength, field }: KnownTensor,
  ): StoredTensor {
    if (dtype === 'F6_E2M3' || dtype === 'F6_E3M2') {
      throw unsupported('Elements of six bits are read from raw_data only.', field, 'Write them to raw_data.');
    }
    if (LISTS[list].wire !== 'varint' && first === last && first.end - first.start === byteLength) {
      return storedAt(this.#source, head, first.start, byteLength);
    }
    const source = this.#source;
    return filledUp({
      ...head,
      byteLength,
      pieces: () => listPieces(source, message, list, dtype, field),
    });
  }
}

interface FoundList {
  first: Range;
  last: Range;
}

interface ClaimedTensor {
  name?: string;
  shape: bigint[];
  type: number;
  raw?: Range;
  lists: Map<List, FoundList>;
  external: [key: string, value: string][];
  isExternal: boolean;
}

interface KnownTensor {
  head: TensorHead;
  dtype: ElementDtype;
  typeName: string;
  list: List;
  byteLength: number;
  field: string;
}

const STRING = 8;

function typeOf(type: number, field: string): readonly [string, List, ElementDtype] {
  const known = TYPES[type];
  if (known !== undefined) return known;
  const name = NOT_READ[type];
  if (name !== undefined) {
    throw unsupported(`Tensors of ${name} are not read here.`, field, 'Leave such tensors out of the model.');
  }
  throw malformed(`The element type ${type} is unknown.`, field);
}

function natural(dimension: bigint, field: string): number {
  if (dimension <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(dimension);
  throw malformed(`The dimension ${BigInt.asIntN(64, dimension)} cannot be.`, field);
}

/** TensorProto.DataLocation */
function locationOf(value: bigint, where: string): boolean {
  if (value === 0n || value === 1n) return value === 1n;
  throw malformed(`There is no data location ${value}.`, where);
}

/**
 * The bytes that raw data of this type would have.
 * @throws RegistryError `malformed_container` when a number does not fit the type
 */
async function* listPieces(
  source: ByteSource,
  message: Range,
  list: List,
  dtype: ElementDtype,
  where: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  // Of a list that is not packed, every number is a field of its own.
  const near = windowed(source);
  for await (const { name, start, end } of new WireReader(source).fields(TENSOR, message, where)) {
    if (name !== list) continue;
    const { wire } = LISTS[list];
    if (wire !== 'varint') {
      if ((end - start) % (wire === 'fixed32' ? 4 : 8) !== 0) throw malformed('A number breaks off.', where);
      yield* readPieces(near, start, end, CHUNK_BYTES);
      continue;
    }
    const decoder = decoderOf(dtype, where);
    for await (const bytes of readPieces(near, start, end, LIST_PIECE_BYTES)) yield decoder.decode(bytes);
    decoder.end();
  }
}

/** One byte of a list becomes at most eight of data. */
const LIST_PIECE_BYTES = CHUNK_BYTES / 8;

function decoderOf(dtype: ElementDtype, where: string): VarintDecoder {
  const bits = elementBits(dtype)!;
  // Elements below a byte stand packed, one byte a number.
  const width = (Math.max(bits, 8) / 8) as 1 | 2 | 4 | 8;
  if (width === 8) return new VarintDecoder(8, () => true, where);
  if (dtype === 'U32') return new VarintDecoder(4, (_, high) => high === 0, where);
  // int32: the lower 32 bits count; bit patterns of unsigned and of float types stand in it as unsigned numbers.
  const [least, most] = [-(2 ** (8 * width - 1)), 2 ** (8 * width) - 1];
  return new VarintDecoder(width, (low) => width === 4 || ((low | 0) >= least && (low | 0) <= most), where);
}

/** The bits behind the last element count for nothing, and are 0 in the digest. */
function filledUp(tensor: StoredTensor): StoredTensor {
  const { dtype, shape, byteLength, name } = tensor;
  const used = (elementCount(shape)! * elementBits(dtype)!) % 8;
  if (used === 0) return tensor;
  const pieces = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    let at = 0;
    for await (const piece of tensor.pieces()) {
      at += piece.length;
      if (at !== byteLength) yield piece;
      else {
        const last = new Uint8Array(piece);
        last[last.length - 1]! &= (1 << used) - 1;
        yield last;
      }
    }
  };
  return { name, dtype, shape, byteLength, pieces };
}

const malformed = (sentence: string, field: string): RegistryError =>
  new RegistryError('malformed_container', sentence, { field: shown(field) });

const unsupported = (sentence: string, field: string, fix: string): RegistryError =>
  new RegistryError('unsupported_container', sentence, { field: shown(field), fix });
