/**
 * Objects of an HDF5 file: a group or a dataset is a header of messages, each of which says one thing about it (File
 * Format Specification 4.0, II and IV). Read are those that say what a dataset holds and where; how a group lists its
 * members is told by hdf5-links.ts.
 */
import type { Cursor, Hdf5File } from './hdf5-bytes.ts';
import { Cursor as Fields, EARLIEST_FIX, malformed, unsupported } from './hdf5-bytes.ts';
import type { Datatype } from './hdf5-datatype.ts';
import { readDatatype } from './hdf5-datatype.ts';
import { MAX_RANK } from './limits.ts';

export const MESSAGE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  oldFillValue: 0x04,
  fillValue: 0x05,
  link: 0x06,
  externalFiles: 0x07,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
} as const;

export interface Message {
  readonly type: number;
  /** Stands at another object, which the data names */
  readonly shared: boolean;
  readonly data: Uint8Array;
}

export class HeaderMessages {
  constructor(
    readonly all: readonly Message[],
    /** Names the object in errors */
    readonly field: string,
  ) {}

  has(type: number): boolean {
    return this.all.some((message) => message.type === type);
  }

  /** The one message of a type */
  one(type: number): Message | undefined {
    const [first, second] = this.all.filter((message) => message.type === type);
    if (second !== undefined) throw malformed('The object says one thing twice.', this.field);
    return first;
  }

  /** Its fields */
  fields(type: number, what: string): Cursor | undefined {
    const message = this.one(type);
    if (message?.shared === true) throw unsupported(`The ${what} is a shared message.`, this.field, EARLIEST_FIX);
    return message === undefined ? undefined : new Fields(message.data, `${what} of ${this.field}`);
  }
}

const V1_PREFIX_BYTES = 16;
const CHECKSUM_BYTES = 4;
const SHARED = 2;

/** @throws RegistryError `malformed_container`, `unsupported_container` */
export async function readObject(file: Hdf5File, address: number | undefined, field: string): Promise<HeaderMessages> {
  const what = `object header of ${field}`;
  const start = await file.at(address, V1_PREFIX_BYTES, what);
  const isV2 = start.bytes[0] === 0x4f;
  const { block, read } = isV2 ? await openV2(file, address!, what) : await openV1(file, address!, start, what);
  const messages: Message[] = [];
  const blocks = [block];
  for (let next = blocks.pop(); next !== undefined; next = blocks.pop()) {
    for (const message of read(next)) {
      if (message.type !== MESSAGE.continuation) {
        if (message.type !== 0) messages.push(message);
        continue;
      }
      const place = new Fields(message.data, what);
      const continued = await file.at(place.address(), place.u64(), what);
      blocks.push(isV2 ? unwrapped(continued) : continued);
    }
  }
  return new HeaderMessages(messages, field);
}

interface Header {
  block: Cursor;
  read: (block: Cursor) => Iterable<Message>;
}

async function openV1(file: Hdf5File, address: number, start: Cursor, what: string): Promise<Header> {
  if (start.u8() !== 1) throw malformed(`There is no ${what} where the file says that one is.`, what);
  start.skip(7);
  return { block: await file.at(address + V1_PREFIX_BYTES, start.u32(), what), read: messagesV1 };
}

function* messagesV1(block: Cursor): Generator<Message, void, undefined> {
  while (block.left >= 8) {
    const [type, size, flags] = [block.u16(), block.u16(), block.u8()];
    block.skip(3);
    yield { type, shared: (flags & SHARED) !== 0, data: block.take(size) };
  }
}

async function openV2(file: Hdf5File, address: number, what: string): Promise<Header> {
  const start = await file.at(address, 6, what);
  start.signature('OHDR');
  start.version(2);
  const flags = start.u8();
  const width = 1 << (flags & 3);
  const skipped = ((flags & 0x20) === 0 ? 0 : 16) + ((flags & 0x10) === 0 ? 0 : 4);
  const prefix = await file.at(address + 6, skipped + width, what);
  prefix.skip(skipped);
  const block = await file.at(address + 6 + skipped + width, prefix.uint(width), what);
  return { block, read: (next) => messagesV2(next, (flags & 4) !== 0) };
}

function* messagesV2(block: Cursor, ordered: boolean): Generator<Message, void, undefined> {
  // What is left and shorter than a message is a gap.
  while (block.left >= (ordered ? 6 : 4)) {
    const [type, size, flags] = [block.u8(), block.u16(), block.u8()];
    if (ordered) block.skip(2);
    yield { type, shared: (flags & SHARED) !== 0, data: block.take(size) };
  }
}

function unwrapped(block: Cursor): Cursor {
  block.signature('OCHK');
  return new Fields(block.take(Math.max(0, block.left - CHECKSUM_BYTES)), block.what);
}

/** What the object's elements are, by its own message or by that of a committed datatype */
export async function datatypeOf(file: Hdf5File, object: HeaderMessages): Promise<Datatype> {
  const message = object.one(MESSAGE.datatype);
  if (message === undefined) throw malformed('The dataset has no datatype.', object.field);
  const fields = new Fields(message.data, `datatype of ${object.field}`);
  if (!message.shared) return readDatatype(fields);
  const version = fields.version(1, 2, 3);
  const kind = fields.u8();
  if (version === 3 && kind !== COMMITTED) throw unsupported('The datatype is shared.', object.field, EARLIEST_FIX);
  if (version === 1) fields.skip(6);
  const committed = await readObject(file, fields.address(), `datatype of ${object.field}`);
  const inner = committed.fields(MESSAGE.datatype, 'datatype');
  if (inner === undefined) throw malformed('The datatype that the dataset names is none.', object.field);
  return readDatatype(inner);
}

const COMMITTED = 2;

/** Lengths along each axis; `undefined` where the dataset has no elements at all, which is not even an empty array */
export function shapeOf(object: HeaderMessages): number[] | undefined {
  const fields = object.fields(MESSAGE.dataspace, 'dataspace');
  if (fields === undefined) throw malformed('The dataset has no dataspace.', object.field);
  const version = fields.version(1, 2);
  const rank = fields.u8();
  if (rank > MAX_RANK) throw malformed(`The dataset has ${rank} axes.`, object.field);
  fields.skip(1);
  const kind = version === 2 ? fields.u8() : undefined;
  if (version === 1) fields.skip(5);
  if (kind === NO_ELEMENTS) return undefined;
  return Array.from({ length: rank }, () => fields.u64());
}

const NO_ELEMENTS = 2;

export interface Filter {
  readonly id: number;
  /** Whether a chunk may do without it */
  readonly optional: boolean;
  readonly parameters: readonly number[];
}

/** In the order in which they were applied */
export function filtersOf(object: HeaderMessages): Filter[] {
  const fields = object.fields(MESSAGE.filters, 'filters');
  if (fields === undefined) return [];
  const version = fields.version(1, 2);
  const count = fields.u8();
  if (version === 1) fields.skip(6);
  return Array.from({ length: count }, () => {
    const id = fields.u16();
    const nameLength = version === 1 || id >= 256 ? fields.u16() : 0;
    const [flags, values] = [fields.u16(), fields.u16()];
    fields.skip(version === 1 ? Math.ceil(nameLength / 8) * 8 : nameLength);
    const parameters = Array.from({ length: values }, () => fields.u32());
    if (version === 1 && values % 2 === 1) fields.skip(4);
    return { id, optional: (flags & 1) !== 0, parameters };
  });
}

/** What stands where nothing was written: one element, or zeros */
export function fillValueOf(object: HeaderMessages): Uint8Array | undefined {
  const fields = object.fields(MESSAGE.fillValue, 'fill value');
  if (fields === undefined) return undefined;
  const version = fields.version(1, 2, 3);
  if (version === 3) return (fields.u8() & 0x20) === 0 ? undefined : sized(fields);
  fields.skip(2);
  return fields.u8() === 0 && version === 2 ? undefined : sized(fields);
}

function sized(fields: Cursor): Uint8Array | undefined {
  const value = fields.take(fields.u32());
  return value.length === 0 ? undefined : value;
}

/** Where the elements are. Sizes are not yet checked against the shape. */
export type Layout =
  | { readonly kind: 'compact'; readonly data: Uint8Array }
  /** No address: nothing was written */
  | { readonly kind: 'contiguous'; readonly address: number | undefined; readonly bytes: number }
  | { readonly kind: 'chunked'; readonly chunk: readonly number[]; readonly index: ChunkIndex };

/** Which structure finds the chunks. `chunk` above has the axes of the dataset alone. */
export type ChunkIndex =
  | { readonly kind: 'btree'; readonly address: number | undefined }
  | {
      readonly kind: 'single';
      readonly address: number | undefined;
      /** In bytes, where it was filtered */
      readonly stored: number | undefined;
      readonly mask: number;
    };

export function layoutOf(object: HeaderMessages, rank: number, elementBytes: number): Layout {
  const fields = object.fields(MESSAGE.layout, 'layout');
  if (fields === undefined) throw malformed('The dataset does not say where its elements are.', object.field);
  const version = fields.version(3, 4);
  const kind = fields.u8();
  if (kind === 0) return { kind: 'compact', data: fields.take(fields.u16()) };
  if (kind === 1) return { kind: 'contiguous', address: fields.address(), bytes: fields.u64() };
  if (kind === 3) {
    throw unsupported(
      'The dataset is a virtual one, put together of others.',
      object.field,
      'Save its elements themselves: h5py does when the array is assigned to a dataset.',
    );
  }
  if (kind !== 2) throw malformed('The layout of the dataset is none.', object.field);
  const flags = version === 4 ? fields.u8() : 0;
  const axes = fields.u8();
  if (axes !== rank + 1) throw malformed('The chunks have other axes than the dataset.', object.field);
  const btree = version === 3 ? fields.address() : undefined;
  const width = version === 4 ? fields.u8() : 4;
  if (width < 1 || width > 8) throw malformed('The layout of the dataset is none.', object.field);
  const chunk = Array.from({ length: axes }, () => fields.uint(width));
  if (chunk.pop() !== elementBytes) throw malformed('The chunks hold elements of another size.', object.field);
  if (chunk.includes(0)) throw malformed('The chunks are empty.', object.field);
  if (version === 3) return { kind: 'chunked', chunk, index: { kind: 'btree', address: btree } };
  return { kind: 'chunked', chunk, index: newIndex(fields, flags, object.field) };
}

const [SINGLE_CHUNK, FILTERED_SINGLE] = [1, 2];

function newIndex(fields: Cursor, flags: number, field: string): ChunkIndex {
  if (fields.u8() !== SINGLE_CHUNK) {
    throw unsupported('The chunks are listed in a way that is not read here.', field, EARLIEST_FIX);
  }
  const filtered = (flags & FILTERED_SINGLE) !== 0;
  const [stored, mask] = filtered ? [fields.u64(), fields.u32()] : [undefined, 0];
  return { kind: 'single', stored, mask, address: fields.address() };
}

/**
 * The text of an attribute, where it is one string of at most `max` bytes.
 * @throws RegistryError `malformed_container`
 */
export async function textAttribute(
  file: Hdf5File,
  object: HeaderMessages,
  name: string,
  max: number,
): Promise<string | undefined> {
  for (const message of object.all) {
    if (message.type !== MESSAGE.attribute || message.shared) continue;
    const fields = new Fields(message.data, `attribute of ${object.field}`);
    const version = fields.version(1, 2, 3);
    const flags = fields.u8();
    const [nameSize, typeSize, spaceSize] = [fields.u16(), fields.u16(), fields.u16()];
    if (version === 3) fields.skip(1);
    const part = (size: number): Uint8Array => {
      const bytes = fields.take(size);
      if (version === 1) fields.skip((8 - (size % 8)) % 8);
      return bytes;
    };
    const found = new Fields(part(nameSize), fields.what).name();
    if (found !== name || (version > 1 && flags !== 0)) continue;
    const type = part(typeSize);
    part(spaceSize);
    if (readDatatype(new Fields(type, fields.what)).called !== 'string') return undefined;
    const isVariable = (type[0]! & 15) === 9;
    const text = isVariable ? await variableText(file, fields, max) : fields.take(fields.left);
    return text === undefined || text.length > max ? undefined : textOf(text, fields.what);
  }
  return undefined;
}

function textOf(bytes: Uint8Array, what: string): string {
  const end = bytes.indexOf(0);
  return new Fields(bytes, what).text(end === -1 ? bytes.length : end);
}

/** Out of a global heap (III.E) */
async function variableText(file: Hdf5File, fields: Cursor, max: number): Promise<Uint8Array | undefined> {
  const [length, address, index] = [fields.u32(), fields.address(), fields.u32()];
  if (length > max) return undefined;
  const head = await file.at(address, 16, 'global heap');
  head.signature('GCOL');
  head.skip(4);
  const heap = await file.at(address, head.u64(), 'global heap');
  heap.skip(16);
  while (heap.left >= 16) {
    const found = heap.u16();
    heap.skip(6);
    const size = heap.u64();
    if (found === 0) break;
    const data = heap.take(size);
    if (found === index) return data.subarray(0, length);
    heap.skip(Math.min(heap.left, (8 - (size % 8)) % 8));
  }
  throw malformed('A text stands nowhere in its heap.', fields.what);
}
