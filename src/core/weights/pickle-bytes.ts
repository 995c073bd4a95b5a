/**
 * The bytes of a pickle, read opcode by opcode with what belongs to each. Every length is held against the bytes that are
 * there, and every error says at which opcode it is.
 */
import { RegistryError } from '../errors.ts';
import { shown } from './header-json.ts';

const MAX_NAME_BYTES = 1000;
const MAX_LONG_BYTES = 1024;

export class PickleBytes {
  readonly #view: DataView;
  /** Of the opcode that is read */
  at: number;

  constructor(
    private readonly bytes: Uint8Array,
    /** The first byte that is not read */
    public next: number,
    /** What the pickle is called in errors */
    readonly field: string,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = next;
  }

  get left(): number {
    return this.bytes.length - this.next;
  }

  opcode(): number {
    this.at = this.next;
    return this.u8();
  }

  u8(): number {
    return this.bytes[this.#take(1)]!;
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** Big endian, of all numbers alone */
  f64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /** A number past 2^53 is too large for whatever it counts, rounded or not. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  /** @returns where the next `length` bytes begin */
  #take(length: number): number {
    const at = this.next;
    if (length < 0 || length > this.bytes.length - at)
      throw this.refuse('ends in the middle, or claims more than there is');
    this.next = at + length;
    return at;
  }

  slice(length: number): Uint8Array {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** Two's complement, little endian */
  long(length: number): bigint | number {
    if (length > MAX_LONG_BYTES) throw this.refuse(`has a number of ${length} bytes`);
    let value = 0n;
    for (const byte of this.slice(length).toReversed()) value = (value << 8n) | BigInt(byte);
    value = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  text(length: number): string {
    const text = this.slice(length);
    try {
      return decoder.decode(text);
    } catch (cause) {
      throw this.refuse('has a text that is not UTF-8', cause);
    }
  }

  /** A `str` of Python 2 is bytes that are mostly text. */
  python2Text(length: number): Uint8Array | string {
    const text = this.slice(length);
    try {
      return decoder.decode(text);
    } catch {
      return text;
    }
  }

  line(): string {
    const end = this.bytes.subarray(this.next, this.next + MAX_NAME_BYTES + 1).indexOf(0x0a);
    if (end < 0) throw this.refuse('has a line without an end');
    const line = this.text(end);
    this.#take(1);
    return line;
  }

  decimal(): number {
    const line = this.line();
    if (!/^[0-9]{1,10}$/.test(line)) throw this.refuse(`has "${shown(line)}" for a number`);
    return Number(line);
  }

  refuse(what: string, cause?: unknown): RegistryError {
    return new RegistryError('malformed_container', `The pickle ${what}, at byte ${this.at}.`, {
      field: this.field,
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
