/**
 * Datasets of an HDF5 file that are cut into chunks: the index that finds the chunks (File Format Specification 4.0,
 * III.A.1), the filters that they went through, and their elements in row-major order.
 *
 * Elements of one row lie in many chunks. So a band of whole chunks is held at a time, MAX_BAND_BYTES at most, and every
 * chunk is read and decompressed once. What a chunk decompresses to is known beforehand; not a byte more is taken, and
 * not a byte less is let pass (the reference library then hands out what happened to lie in memory).
 */
import type { ByteSource } from './byte-source.ts';
import { elementCount } from './dtype.ts';
import { RegistryError } from '../errors.ts';
import type { Hdf5File } from './hdf5-bytes.ts';
import { malformed, unsupported } from './hdf5-bytes.ts';
import { NODE_BYTES, nodeOf } from './hdf5-links.ts';
import type { ChunkIndex, Filter } from './hdf5-object.ts';

export const MAX_BAND_BYTES = 64 * 1024 * 1024;
const TARGET_BYTES = 4 * 1024 * 1024;
/** Decompressed at the same time, by threads where there are some */
const CHUNKS_TOGETHER = 16;

export interface Chunk {
  readonly address: number;
  /** As it is stored */
  readonly bytes: number;
  /** Bit i is set where filter i was left out */
  readonly mask: number;
}

export interface ChunkedData {
  readonly source: ByteSource;
  /** Names the dataset in errors */
  readonly field: string;
  readonly shape: readonly number[];
  /** Lengths of a chunk along the same axes */
  readonly chunk: readonly number[];
  readonly elementBytes: number;
  readonly filters: readonly Filter[];
  /** By number, in row-major order of the grid; those that were never written are absent */
  readonly chunks: ReadonlyMap<number, Chunk>;
  /** An element of what was never written; zeros if absent */
  readonly fill: Uint8Array | undefined;
}

/** @throws RegistryError `malformed_container`, `unsupported_container` */
export async function readChunkIndex(
  file: Hdf5File,
  index: ChunkIndex,
  { shape, chunk, elementBytes, field }: Pick<ChunkedData, 'chunk' | 'elementBytes' | 'field' | 'shape'>,
): Promise<Map<number, Chunk>> {
  const whole = product(chunk) * elementBytes;
  if (index.kind === 'single') {
    if (chunk.some((length, i) => length < shape[i]!)) throw malformed('There are more chunks than one.', field);
    const { address, stored, mask } = index;
    return new Map(address === undefined ? [] : [[0, placed(file, field, { address, bytes: stored ?? whole, mask })]]);
  }
  const grid = gridOf(shape, chunk);
  file.countChunks(product(grid), field);
  const chunks = new Map<number, Chunk>();
  const nodes = index.address === undefined ? [] : [{ address: index.address, level: undefined as number | undefined }];
  for (let next = nodes.pop(); next !== undefined; next = nodes.pop()) {
    const head = await file.at(next.address, NODE_BYTES, `chunk index of ${field}`);
    const { level, entries } = nodeOf(head, 1, next.level);
    const node = await file.at(next.address + NODE_BYTES, entries * (8 + 8 * (shape.length + 1) + 8), head.what);
    for (let i = 0; i < entries; i++) {
      const [bytes, mask] = [node.u32(), node.u32()];
      const origin = shape.map(() => node.u64());
      node.skip(8);
      const address = node.address();
      if (address === undefined) throw malformed('A chunk of the dataset is nowhere.', field);
      if (level > 0) {
        nodes.push({ address, level: level - 1 });
        continue;
      }
      const number = numberOf(origin, chunk, grid, field);
      // A dataset that became smaller leaves chunks behind.
      if (number === undefined) continue;
      if (chunks.has(number)) throw malformed('A chunk of the dataset stands twice.', field);
      chunks.set(number, placed(file, field, { address, bytes, mask }));
    }
  }
  return chunks;
}

function placed(file: Hdf5File, field: string, chunk: Chunk): Chunk {
  if (chunk.address + chunk.bytes <= file.source.size) return chunk;
  throw malformed(`A chunk of the dataset ends past the ${file.source.size} bytes of the file.`, field);
}

const gridOf = (shape: readonly number[], chunk: readonly number[]): number[] =>
  shape.map((length, i) => Math.ceil(length / chunk[i]!));

function numberOf(
  origin: readonly number[],
  chunk: readonly number[],
  grid: readonly number[],
  field: string,
): number | undefined {
  let number = 0;
  for (const [i, at] of origin.entries()) {
    if (at % chunk[i]! !== 0) throw malformed('A chunk of the dataset begins inside another.', field);
    const place = at / chunk[i]!;
    if (place >= grid[i]!) return undefined;
    number = number * grid[i]! + place;
  }
  return number;
}

/**
 * Refuses chunks that cannot be put in order within bounds.
 * @throws RegistryError `unsupported_container`
 */
export function checkBands({ shape, chunk, elementBytes, filters, field }: Omit<ChunkedData, 'chunks'>): void {
  const known = new Set<number>([DEFLATE, SHUFFLE, FLETCHER32]);
  for (const { id } of filters) {
    if (known.has(id)) continue;
    throw unsupported(`The dataset went through filter ${id}, which is not read here.`, field, FILTER_FIX);
  }
  if (product(chunk) * elementBytes <= MAX_BAND_BYTES && bandAxis(shape, chunk, elementBytes) !== undefined) return;
  throw unsupported(
    `More than ${MAX_BAND_BYTES} bytes of the dataset would have to be held at a time to put its chunks in order.`,
    field,
    'Save it with smaller chunks, or with none.',
  );
}

const FILTER_FIX = 'Save it with gzip, shuffle or fletcher32, or with no filter at all.';

/**
 * The axis along which bands are cut: the first where a row of chunks fits, with nothing before it that chunks would
 * reach across.
 */
function bandAxis(shape: readonly number[], chunk: readonly number[], elementBytes: number): number | undefined {
  for (const [axis, length] of chunk.entries()) {
    if (Math.min(length, shape[axis]!) * product(shape.slice(axis + 1)) * elementBytes <= MAX_BAND_BYTES) return axis;
    if (length > 1) return undefined;
  }
  return undefined;
}

/** The elements in row-major order. `checkBands` has let the dataset pass. */
export async function* chunkedPieces(data: ChunkedData): AsyncGenerator<Uint8Array, void, undefined> {
  const { shape, chunk, elementBytes, chunks } = data;
  const axis = bandAxis(shape, chunk, elementBytes)!;
  const rowBytes = product(shape.slice(axis + 1)) * elementBytes;
  const height = Math.max(1, Math.floor(TARGET_BYTES / rowBytes / chunk[axis]!)) * chunk[axis]!;
  const grid = gridOf(shape, chunk);
  const together = Math.max(1, Math.min(CHUNKS_TOGETHER, Math.floor(MAX_BAND_BYTES / product(chunk) / elementBytes)));
  for (const before of places(shape.slice(0, axis))) {
    for (let top = 0; top < shape[axis]!; top += height) {
      const rows = Math.min(height, shape[axis]! - top);
      const band = filled(rows * rowBytes, data.fill, elementBytes);
      const bandShape = [...before.map(() => 1), rows, ...shape.slice(axis + 1)];
      const bandOrigin = [...before, top, ...shape.slice(axis + 1).map(() => 0)];
      const first = bandOrigin.map((at, i) => Math.floor(at / chunk[i]!));
      const counts = bandShape.map((length, i) => Math.ceil((bandOrigin[i]! + length) / chunk[i]!) - first[i]!);
      const needed: { stored: Chunk; offset: number[] }[] = [];
      for (const step of places(counts)) {
        const place = step.map((at, i) => first[i]! + at);
        const stored = chunks.get(place.reduce((number, at, i) => number * grid[i]! + at, 0));
        if (stored !== undefined)
          needed.push({ stored, offset: place.map((at, i) => at * chunk[i]! - bandOrigin[i]!) });
      }
      for (let at = 0; at < needed.length; at += together) {
        const some = needed.slice(at, at + together);
        const read = await Promise.allSettled(some.map(({ stored }) => readChunk(data, stored)));
        for (const [i, result] of read.entries()) {
          if (result.status === 'rejected') throw result.reason;
          copyInto(band, bandShape, result.value, chunk, some[i]!.offset, elementBytes);
        }
      }
      yield band;
    }
  }
}

/** All places of a grid, the last axis fastest */
function* places(counts: readonly number[]): Generator<number[], void, undefined> {
  const place = counts.map(() => 0);
  if (counts.includes(0)) return;
  for (;;) {
    yield [...place];
    let axis = counts.length - 1;
    while (axis >= 0 && ++place[axis]! === counts[axis]!) place[axis--] = 0;
    if (axis < 0) return;
  }
}

export function filled(bytes: number, fill: Uint8Array | undefined, elementBytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  if (fill === undefined || fill.every((byte) => byte === 0)) return all;
  for (let at = 0; at < bytes; at += elementBytes) all.set(fill, at);
  return all;
}

/** Copies the part of a chunk that lies in the band, run by run along the last axis. */
function copyInto(
  band: Uint8Array,
  bandShape: readonly number[],
  elements: Uint8Array,
  chunk: readonly number[],
  offset: readonly number[],
  elementBytes: number,
): void {
  const part = chunk.map((length, i) => Math.min(length, bandShape[i]! - offset[i]!));
  const run = part.at(-1)! * elementBytes;
  for (const row of places(part.slice(0, -1))) {
    let [from, to] = [0, 0];
    for (const [i, at] of row.entries()) {
      from = (from + at) * chunk[i + 1]!;
      to = (to + offset[i]! + at) * bandShape[i + 1]!;
    }
    const target = (to + offset.at(-1)!) * elementBytes;
    band.set(elements.subarray(from * elementBytes, from * elementBytes + run), target);
  }
}

const [DEFLATE, SHUFFLE, FLETCHER32] = [1, 2, 3];
const CHECKSUM_BYTES = 4;

/** Decompressed: exactly the bytes of a chunk */
async function readChunk(data: ChunkedData, { address, bytes, mask }: Chunk): Promise<Uint8Array> {
  const { source, field, filters } = data;
  const whole = product(data.chunk) * data.elementBytes;
  const applied = filters.filter((_, i) => (mask & (1 << i)) === 0);
  // Deflate adds 5 bytes to 16 KiB that it cannot compress; nobody stores more.
  if (bytes > whole + whole / 1024 + 1024) throw malformed(`A chunk of ${whole} bytes takes ${bytes}.`, field);
  let elements = await source.read(address, bytes);
  for (const { id, parameters } of applied.toReversed()) {
    if (id === FLETCHER32) elements = withoutChecksum(elements, field);
    else if (id === SHUFFLE) elements = unshuffled(elements, parameters[0] ?? data.elementBytes);
    else elements = await inflated(elements, whole + CHECKSUM_BYTES, field);
  }
  if (elements.length === whole) return elements;
  throw malformed(`A chunk of ${whole} bytes is ${elements.length} bytes long.`, field);
}

/** @param max more than this is not taken */
async function inflated(bytes: Uint8Array, max: number, field: string): Promise<Uint8Array> {
  const out = new Uint8Array(max);
  let length = 0;
  const stream = new DecompressionStream('deflate');
  const writer = stream.writable.getWriter();
  // What goes wrong is thrown by the reader below.
  writer.write(bytes).catch(() => undefined);
  writer.close().catch(() => undefined);
  const reader = stream.readable.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const piece = next.value as Uint8Array;
      if (length + piece.length > max) throw malformed(`A chunk decompresses to more than ${max} bytes.`, field);
      out.set(piece, length);
      length += piece.length;
    }
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError('malformed_container', 'A chunk cannot be decompressed.', { field, cause });
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  return out.subarray(0, length);
}

/** The first bytes of all elements stand first, then the second ones; what does not fill an element stays at the end. */
function unshuffled(bytes: Uint8Array, width: number): Uint8Array {
  if (width <= 1) return bytes;
  const count = Math.floor(bytes.length / width);
  const out = new Uint8Array(bytes);
  for (let part = 0; part < width; part++) {
    const start = part * count;
    for (let i = 0; i < count; i++) out[i * width + part] = bytes[start + i]!;
  }
  return out;
}

function withoutChecksum(bytes: Uint8Array, field: string): Uint8Array {
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < 0) throw malformed('A chunk is too short for its checksum.', field);
  const data = bytes.subarray(0, end);
  const stated = new DataView(bytes.buffer, bytes.byteOffset + end, CHECKSUM_BYTES).getUint32(0, true);
  if (fletcher32(data) !== stated) throw malformed('A chunk does not match its checksum.', field);
  return data;
}

/** As the reference library computes it: over big endian words of two bytes, an odd last byte being the high one */
function fletcher32(bytes: Uint8Array): number {
  let [low, high] = [0, 0];
  for (let at = 0; at < bytes.length; at += 2) {
    low = (low + bytes[at]! * 256 + (bytes[at + 1] ?? 0)) % 65_535;
    high = (high + low) % 65_535;
  }
  return ((high << 16) | low) >>> 0;
}

function product(lengths: readonly number[]): number {
  return elementCount(lengths) ?? Number.POSITIVE_INFINITY;
}
