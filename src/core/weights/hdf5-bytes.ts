/**
 * An HDF5 file as addresses and the bytes found there, and a cursor over such bytes.
 * Format: HDF5 File Format Specification 4.0, https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t4.html
 *
 * The structures of a hostile file may point at each other in circles, or all at one place. So the file counts what is
 * read of it: structures take no more bytes than the file has, but for those that several objects share.
 */
import { fromUtf8 } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';

/** Shared structures, datatypes say, are small: a file of honest structures reads none of them this often. */
const MAX_READINGS = 4;
const SLACK_BYTES = 65_536;
/** What a structure may take at once. Only attributes and the names of a group are large, and h5py splits them at 64 KiB. */
const MAX_STRUCTURE_BYTES = 64 * 1024 * 1024;
/** h5py makes chunks of 8 KiB to 1 MiB. */
const MAX_CHUNKS = 2_000_000;
const UNDEFINED_ADDRESS = 0xffff_ffff_ffff_ffffn;

export class Hdf5File {
  #budget: number;
  #chunks = MAX_CHUNKS;

  constructor(readonly source: ByteSource) {
    this.#budget = MAX_READINGS * source.size + SLACK_BYTES;
  }

  /**
   * The structure of `length` bytes at `address`.
   * @throws RegistryError `malformed_container`
   */
  async at(address: number | undefined, length: number, what: string): Promise<Cursor> {
    if (address === undefined) throw malformed(`There is no ${what} where the file says that one is.`, what);
    if (length > MAX_STRUCTURE_BYTES) throw malformed(`The ${what} claims ${length} bytes.`, what);
    this.#budget -= length + 16;
    if (this.#budget < 0) throw malformed('The structures of the file lead to each other in circles.', what);
    if (address + length > this.source.size) {
      throw malformed(`The ${what} at ${address} ends past the ${this.source.size} bytes of the file.`, what);
    }
    return new Cursor(await this.source.read(address, length), what);
  }

  /** Whether they were written or not: each is looked for. */
  countChunks(count: number, field: string): void {
    this.#chunks -= count;
    if (this.#chunks >= 0) return;
    throw unsupported(`The file has more than ${MAX_CHUNKS} chunks.`, field, 'Save it with larger chunks.');
  }
}

/** Little endian fields, one after the other. Every method throws `malformed_container` where there are too few bytes. */
export class Cursor {
  readonly #view: DataView;
  #at = 0;

  constructor(
    readonly bytes: Uint8Array,
    readonly what: string,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.bytes.length - this.#at;
  }

  take(length: number): Uint8Array {
    const begin = this.#advance(length);
    return this.bytes.subarray(begin, this.#at);
  }

  skip(length: number): void {
    this.#advance(length);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  u64(): number {
    return this.#safe(this.#view.getBigUint64(this.#advance(8), true));
  }

  /** A number of 1 to 8 bytes */
  uint(width: number): number {
    return this.#safe(this.take(width).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n));
  }

  /** `undefined` is what the format calls the undefined address */
  address(): number | undefined {
    const value = this.#view.getBigUint64(this.#advance(8), true);
    return value === UNDEFINED_ADDRESS ? undefined : this.#safe(value);
  }

  signature(expected: string): void {
    const found = String.fromCharCode(...this.take(expected.length));
    if (found !== expected) throw malformed(`The ${this.what} does not begin with ${expected}.`, this.what);
  }

  version(...known: number[]): number {
    const version = this.u8();
    if (known.includes(version)) return version;
    throw new RegistryError('unsupported_container', `The ${this.what} is of version ${version}.`, {
      field: this.what,
      fix: EARLIEST_FIX,
    });
  }

  /** Up to a zero byte, which is taken too */
  name(): string {
    const end = this.bytes.indexOf(0, this.#at);
    if (end === -1) throw malformed(`A name in the ${this.what} does not end.`, this.what);
    const name = this.text(end - this.#at);
    this.skip(1);
    return name;
  }

  text(length: number): string {
    const bytes = this.take(length);
    try {
      return fromUtf8(bytes);
    } catch (cause) {
      throw new RegistryError('malformed_container', `A name in the ${this.what} is not UTF-8.`, {
        field: this.what,
        cause,
      });
    }
  }

  /** To the next multiple of 8 from `start` on */
  align(start = 0): void {
    this.skip((8 - ((this.#at - start) % 8)) % 8);
  }

  #advance(length: number): number {
    if (length > this.left) throw malformed(`The ${this.what} is cut short.`, this.what);
    const begin = this.#at;
    this.#at += length;
    return begin;
  }

  #safe(value: bigint): number {
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw malformed(`The ${this.what} claims a number of ${value}.`, this.what);
    }
    return Number(value);
  }
}

export const EARLIEST_FIX = 'Save the file by h5py with its defaults (libver="earliest"), as Keras does.';

export function malformed(sentence: string, field: string): RegistryError {
  return new RegistryError('malformed_container', sentence, { field });
}

export function unsupported(sentence: string, field: string, fix: string): RegistryError {
  return new RegistryError('unsupported_container', sentence, { field, fix });
}

/** The path of a member of a group, for errors */
export const below = (group: string, name: string): string => (group === '/' ? name : `${group}/${name}`);
