/**
 * Zip archives as containers of weights are: entries found by name, read in pieces, those stored as they are at the place
 * where they stand. Format: PKWARE APPNOTE 6.3.10; the directory and the compressed entries are read by zip.js.
 *
 * Two readers can be shown two archives in one file. So an entry has one name, which its own header repeats; entries do
 * not overlap; and none is longer than it says, nor than its compressed bytes can become.
 */
import { Reader, ZipReader } from '@zip.js/zip.js';
import type { FileEntry } from '@zip.js/zip.js';
import { concat } from '../bytes.ts';
import { compareBytes } from './compare-bytes.ts';
import type { ByteSource } from './byte-source.ts';
import { checkRange, readPieces } from './byte-source.ts';
import { CHUNK_BYTES } from './digest.ts';
import { shown } from './header-json.ts';
import { MAX_INFLATION } from './limits.ts';
import { gathered } from './pieces.ts';
import { RegistryError } from '../errors.ts';
import { windowed } from './windowed.ts';

export interface ZipEntry {
  name: string;
  /** Number of bytes, once they are decompressed */
  size: number;
  /** Where the data stands in the archive, if it is stored as it is */
  offset?: number;
  pieces(): AsyncIterable<Uint8Array>;
  /**
   * All of it.
   * @throws RegistryError `malformed_container` when it is more than `max` bytes
   */
  bytes(max: number): Promise<Uint8Array>;
}

const MAX_DIRECTORY_BYTES = 100_000_000;
const MAX_ENTRIES = 500_000;
const LOCAL_HEADER_BYTES = 30;
/** So much is read for the headers of entries that stand near each other. */
const HEADERS_BYTES = 65_536;
/** Of the end of the directory without a comment, and of what stands before it in zip64. */
const END_BYTES = 22;
const ZIP64_LOCATOR_BYTES = 20;
const ZIP64_BYTES = 56 + ZIP64_LOCATOR_BYTES;
const [STORED, DEFLATED] = [0, 8];

export async function looksLikeZip(source: ByteSource): Promise<boolean> {
  if (source.size < 22) return false;
  const [p, k, a, b] = await source.read(0, 4);
  return p === 0x50 && k === 0x4b && ((a === 3 && b === 4) || (a === 5 && b === 6));
}

/**
 * The entries that are files, by name, in the order in which they stand.
 * @throws RegistryError `malformed_container`, `unsupported_container`
 */
export async function openZip(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const found = (await directory(source)).sort((a, b) => a.offset - b.offset);
  const headers = windowed(source, HEADERS_BYTES);
  const entries = new Map<string, ZipEntry>();
  let free = 0;
  for (const file of found) {
    const field = shown(file.filename);
    if (entries.has(file.filename)) throw refuse(`Two entries are called "${field}".`, field);
    if (file.offset < free) throw refuse('The entry overlaps another one.', field);
    const begin = await dataOffset(headers, file);
    free = begin + file.compressedSize;
    checkEnd(source, free, field);
    entries.set(file.filename, entryOf(source, file, begin));
  }
  return entries;
}

/** What is used of an entry of zip.js, which takes some kilobytes of memory. */
interface Listed extends Pick<FileEntry, 'filename' | 'rawFilename' | 'offset' | 'compressedSize' | 'encrypted'> {
  method: number;
  size: number;
  /** Where zip.js has to decompress it */
  deflated: FileEntry | undefined;
}

async function directory(source: ByteSource): Promise<Listed[]> {
  const files: Listed[] = [];
  try {
    for await (const entry of new ZipReader(new SourceReader(await withoutIdleZip64(source))).getEntriesGenerator()) {
      if (files.length === MAX_ENTRIES) throw refuse(`The archive has more than ${MAX_ENTRIES} entries.`, 'directory');
      if (!entry.directory) files.push(listed(entry));
    }
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError('malformed_container', 'The directory of the zip archive cannot be read.', {
      field: 'directory',
      cause,
    });
  }
  return files;
}

function listed(file: FileEntry): Listed {
  const { filename, rawFilename, offset, compressedSize, uncompressedSize: size, encrypted } = file;
  const method = file.compressionMethod;
  const deflated = method === DEFLATED ? file : undefined;
  return { filename, rawFilename, offset, compressedSize, size, encrypted, method, deflated };
}

/**
 * PyTorch ends every archive with the records of zip64 (APPNOTE 4.3.14 and 4.3.15), needed or not. Those that are not needed
 * make zip.js look for the directory by its distance from the end, and find its second entry where the first is as long as
 * these records; so they are taken out of its sight. Other readers believe them, so they must say the same.
 */
async function withoutIdleZip64(source: ByteSource): Promise<ByteSource> {
  const cut = source.size - END_BYTES - ZIP64_BYTES;
  if (cut < 0) return source;
  const end = await source.read(cut, ZIP64_BYTES + END_BYTES);
  const view = new DataView(end.buffer, end.byteOffset, end.byteLength);
  const there = [0, ZIP64_BYTES - ZIP64_LOCATOR_BYTES, ZIP64_BYTES].map((at) => view.getUint32(at, true));
  if (there.join() !== [0x06064b50, 0x07064b50, 0x06054b50].join()) return source;
  const plain = [
    view.getUint16(ZIP64_BYTES + 10, true),
    view.getUint32(ZIP64_BYTES + 12, true),
    view.getUint32(ZIP64_BYTES + 16, true),
  ];
  if (plain[0] === 0xffff || plain[1] === 0xffffffff || plain[2] === 0xffffffff) return source;
  const wide = [32, 40, 48].map((at) => view.getBigUint64(at, true));
  if (wide.join() !== plain.join() || view.getBigUint64(ZIP64_BYTES - ZIP64_LOCATOR_BYTES + 8, true) !== BigInt(cut)) {
    throw refuse('The archive says two things of its directory.', 'directory');
  }
  const size = source.size - ZIP64_BYTES;
  return {
    size,
    read: async (offset, length) => {
      checkRange(size, offset, length);
      const before = Math.max(0, Math.min(length, cut - offset));
      if (before === length) return source.read(offset, length);
      const after = await source.read(offset + before + ZIP64_BYTES, length - before);
      return before === 0 ? after : concat(await source.read(offset, before), after);
    },
  };
}

class SourceReader extends Reader<ByteSource> {
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    super(source);
    this.#source = source;
    this.size = source.size;
  }

  override async readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    if (length > MAX_DIRECTORY_BYTES) throw refuse(`The directory claims ${length} bytes.`, 'directory');
    const end = Math.min(offset + length, this.#source.size);
    return this.#source.read(offset, Math.max(0, end - offset));
  }
}

function entryOf(source: ByteSource, file: Listed, begin: number): ZipEntry {
  const { filename: name, method, compressedSize, size, encrypted, deflated } = file;
  const field = shown(name);
  if (encrypted || (method !== STORED && deflated === undefined)) {
    throw new RegistryError(
      'unsupported_container',
      encrypted ? 'The entry is encrypted.' : `The entry is compressed by method ${method}.`,
      { field, fix: 'Write the archive with its entries stored or deflated, and not encrypted.' },
    );
  }
  if (method === STORED ? size !== compressedSize : size > MAX_INFLATION * compressedSize) {
    throw refuse(`The entry claims ${size} bytes out of ${compressedSize}.`, field);
  }
  const pieces = (): AsyncIterable<Uint8Array> =>
    deflated === undefined ? readPieces(source, begin, begin + size, CHUNK_BYTES) : inflate(deflated, field);
  return {
    name,
    size,
    ...(method === STORED ? { offset: begin } : {}),
    pieces,
    bytes: async (max) => {
      if (size > max) throw refuse(`The entry has ${size} bytes; at most ${max} are read.`, field);
      return gathered(pieces(), size);
    },
  };
}

/** @throws RegistryError `malformed_container` when the bytes cannot be decompressed, or are not what the entry says */
async function* inflate(file: FileEntry, field: string): AsyncGenerator<Uint8Array, void, undefined> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const work = file.getData(writable, { useWebWorkers: false, checkSignature: true });
  const reader = readable.getReader();
  // What goes wrong ends the reading and is thrown at the await of `work`; these two promises tell of it again.
  const stop = (): Promise<void> => reader.cancel().catch(() => undefined);
  work.catch(stop);
  reader.closed.catch(() => undefined);
  let length = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      length += next.value.length;
      if (length > file.uncompressedSize)
        throw refuse(`The entry is longer than ${file.uncompressedSize} bytes.`, field);
      yield next.value;
    }
    await work;
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError('malformed_container', 'The entry cannot be decompressed.', { field, cause });
  } finally {
    await stop();
  }
  if (length !== file.uncompressedSize) {
    throw refuse(`The entry has ${length} bytes and claims ${file.uncompressedSize}.`, field);
  }
}

/** Behind the entry's own header, which repeats its name. */
async function dataOffset(headers: ByteSource, { offset, filename, rawFilename }: Listed): Promise<number> {
  const field = shown(filename);
  const begin = offset + LOCAL_HEADER_BYTES;
  checkEnd(headers, begin, field);
  const header = await headers.read(offset, LOCAL_HEADER_BYTES);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.getUint32(0, true) !== 0x04034b50) throw refuse('The entry has no header of its own.', field);
  const [nameLength, extraLength] = [view.getUint16(26, true), view.getUint16(28, true)];
  checkEnd(headers, begin + nameLength, field);
  const name = await headers.read(begin, nameLength);
  if (compareBytes(name, rawFilename) !== 0) throw refuse('The entry has another name in its own header.', field);
  return begin + nameLength + extraLength;
}

function checkEnd({ size }: ByteSource, end: number, field: string): void {
  if (end > size) throw refuse(`The entry ends at ${end}, past the ${size} bytes of the file.`, field);
}

function refuse(sentence: string, field: string): RegistryError {
  return new RegistryError('malformed_container', sentence, { field });
}
