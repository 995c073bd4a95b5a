/**
 * The wire format of Protocol Buffers, walked over a source: which fields a message has, and where their values lie. A value
 * is not read before somebody asks for it, so a message may hold gigabytes.
 * Format: https://protobuf.dev/programming-guides/encoding/
 *
 * The format lets a field that has one value stand twice: one reader takes the last, another merges the two, a third the
 * first. A file could show each of them another model, so this is refused, and so is a known field of another wire type,
 * which readers pass over in silence.
 */
import { fromUtf8 } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { shown } from './header-json.ts';
import type { WindowedSource } from './windowed.ts';
import { windowed } from './windowed.ts';

export type Wire = 'bytes' | 'fixed32' | 'fixed64' | 'varint';

interface FieldRule {
  number: number;
  wire: Wire;
  /** Repeated numbers stand one by one, or packed into bytes. */
  repeated: boolean;
}

export const single = (number: number, wire: Wire = 'bytes'): FieldRule => ({ number, wire, repeated: false });
export const repeated = (number: number, wire: Wire = 'bytes'): FieldRule => ({ number, wire, repeated: true });

/** The fields of a message that are read; others are passed over. */
export class MessageType<Name extends string> {
  readonly byNumber: ReadonlyMap<number, FieldRule & { name: Name }>;

  constructor(fields: Record<Name, FieldRule>) {
    const rules = Object.entries<FieldRule>(fields);
    this.byNumber = new Map(rules.map(([name, rule]) => [rule.number, { name: name as Name, ...rule }]));
  }
}

/** Where something stands in the source: from `start` up to, not including, `end` */
export interface Range {
  start: number;
  end: number;
}

export interface Field<Name extends string> extends Range {
  name: Name;
  wire: Wire;
  /** Of a varint; 0 of all else */
  value: bigint;
}

/** A graph of half a million nodes has about so many. */
export const MAX_FIELDS = 10_000_000;
export const MAX_TEXT_BYTES = 65_535;

export class WireReader {
  readonly #source: WindowedSource;
  readonly #maxFields: number;
  #fields = 0;

  constructor(source: ByteSource, maxFields = MAX_FIELDS) {
    this.#source = windowed(source);
    this.#maxFields = maxFields;
  }

  /**
   * The fields of the message in `range`, in their order.
   * @param where what the message is, for those who read an error
   * @throws RegistryError `malformed_container`
   */
  async *fields<Name extends string>(
    type: MessageType<Name>,
    { start, end }: Range,
    where: string,
  ): AsyncGenerator<Field<Name>, void, undefined> {
    const seen = new Set<number>();
    for (let at = start; at < end;) {
      if (this.#fields++ === this.#maxFields) throw malformed(`There are more than ${this.#maxFields} fields.`, where);
      const length = Math.min(2 * VARINT_BYTES, end - at);
      const found = fieldAt(at, end, this.#source.peek(at, length) ?? (await this.#source.read(at, length)), where);
      at = found.end;
      const rule = type.byNumber.get(found.number);
      if (rule === undefined) continue;
      const { name, wire } = rule;
      if (!rule.repeated && seen.has(found.number)) throw malformed(`The field "${name}" stands twice.`, where);
      if (found.wire !== wire && !(rule.repeated && found.wire === 'bytes')) {
        throw malformed(`The field "${name}" is of wire type ${found.wire}, not ${wire}.`, where);
      }
      seen.add(found.number);
      yield { name, wire: found.wire, start: found.start, end: found.end, value: found.value };
    }
  }

  /**
   * The text in `range`; `undefined` where it is longer than texts are kept.
   * @throws RegistryError `malformed_container` when it is not UTF-8
   */
  async text({ start, end }: Range, where: string): Promise<string | undefined> {
    if (end - start > MAX_TEXT_BYTES) return undefined;
    const bytes = await this.#source.read(start, end - start);
    try {
      return fromUtf8(bytes);
    } catch (cause) {
      throw new RegistryError('malformed_container', 'A text is not UTF-8.', { field: shown(where), cause });
    }
  }

  /** As `text`, where a longer one cannot be right. */
  async name(range: Range, where: string): Promise<string> {
    const name = await this.text(range, where);
    if (name !== undefined) return name;
    throw malformed(`A name has ${range.end - range.start} bytes; at most ${MAX_TEXT_BYTES} are read.`, where);
  }

  /**
   * The varints of a field, packed or one, as unsigned numbers of 64 bits.
   * @throws RegistryError `malformed_container`
   */
  async varints({ start, end }: Range, most: number, where: string): Promise<bigint[]> {
    if (end - start > most * VARINT_BYTES) throw malformed(`The list has more than ${most} numbers.`, where);
    const bytes = await this.#source.read(start, end - start);
    const numbers: bigint[] = [];
    for (let at = 0; at < bytes.length;) {
      const { value, next } = varintAt(bytes, at, where);
      numbers.push(value);
      at = next;
    }
    return numbers;
  }
}

/** By their number; 3 and 4, groups, are given up, and ONNX never had any. */
const WIRES: readonly (Wire | undefined)[] = ['varint', 'fixed64', 'bytes', undefined, undefined, 'fixed32'];
const MAX_FIELD_NUMBER = 2 ** 29 - 1;
/** 64 bits, seven a byte */
const VARINT_BYTES = 10;

/** @param bytes those from `at` on, up to `end` or enough to hold two numbers */
function fieldAt(
  at: number,
  end: number,
  bytes: Uint8Array,
  where: string,
): Omit<Field<string>, 'name'> & { number: number } {
  const tag = varintAt(bytes, 0, where);
  const wire = WIRES[Number(tag.value & 7n)];
  const number = Number(tag.value >> 3n);
  if (number === 0 || number > MAX_FIELD_NUMBER) throw malformed(`There is no field ${number}.`, where);
  if (wire === undefined) throw malformed(`The field ${number} is of a wire type that is not used.`, where);
  const next = wire === 'varint' || wire === 'bytes' ? varintAt(bytes, tag.next, where) : undefined;
  const start = at + (wire === 'bytes' ? next!.next : tag.next);
  const length = wire === 'fixed32' ? 4 : wire === 'fixed64' ? 8 : 0;
  const size = wire === 'bytes' ? Number(next!.value) : wire === 'varint' ? next!.next - tag.next : length;
  if (size > end - start) {
    throw malformed(`The field ${number} claims ${size} bytes where ${end - start} are left.`, where);
  }
  return { number, wire, start, end: start + size, value: wire === 'varint' ? next!.value : 0n };
}

/** The key-value pairs that stand for maps. */
const ENTRY = new MessageType({ key: single(1), value: single(2) });

/** @throws RegistryError `malformed_container` when one of the two is not UTF-8, or too long */
export async function readEntry(wire: WireReader, entry: Range, where: string): Promise<[key: string, value: string]> {
  const pair = { key: '', value: '' };
  for await (const field of wire.fields(ENTRY, entry, where)) pair[field.name] = await wire.name(field, where);
  return [pair.key, pair.value];
}

function varintAt(bytes: Uint8Array, at: number, where: string): { value: bigint; next: number } {
  const first = bytes[at];
  if (first !== undefined && first < 0x80) return { value: BigInt(first), next: at + 1 };
  let value = 0n;
  for (let i = 0; i < VARINT_BYTES; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) throw malformed('A number breaks off.', where);
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80 && value < 2n ** 64n) return { value, next: at + i + 1 };
  }
  throw malformed('A number has more than 64 bits.', where);
}

/** Turns the varints of a packed field, which come in pieces cut anywhere, into numbers of a fixed width. */
export class VarintDecoder {
  #low = 0;
  #high = 0;
  #shift = 0;

  /**
   * @param width bytes of a number, little endian
   * @param fits whether a number, given as its lower and its upper 32 bits, both without sign, can be written in them
   */
  constructor(
    private readonly width: 1 | 2 | 4 | 8,
    private readonly fits: (low: number, high: number) => boolean,
    private readonly where: string,
  ) {}

  decode(bytes: Uint8Array): Uint8Array {
    const out = new Uint8Array(bytes.length * this.width);
    const view = new DataView(out.buffer);
    let at = 0;
    for (const byte of bytes) {
      this.#take(byte & 0x7f);
      if (byte >= 0x80) continue;
      this.#write(view, at);
      at += this.width;
    }
    return out.subarray(0, at);
  }

  /** @throws RegistryError `malformed_container` when a number was left unfinished */
  end(): void {
    if (this.#shift !== 0) throw malformed('A number breaks off.', this.where);
  }

  #take(bits: number): void {
    if (this.#shift === 63 ? bits > 1 : this.#shift > 63)
      throw malformed('A number has more than 64 bits.', this.where);
    if (this.#shift < 28) this.#low |= bits << this.#shift;
    else if (this.#shift === 28) {
      this.#low |= bits << 28;
      this.#high = bits >>> 4;
    } else this.#high |= bits << (this.#shift - 32);
    this.#shift += 7;
  }

  #write(view: DataView, at: number): void {
    const [low, high] = [this.#low >>> 0, this.#high >>> 0];
    if (!this.fits(low, high)) throw malformed('A number does not fit the element type.', this.where);
    if (this.width === 1) view.setUint8(at, low & 0xff);
    else if (this.width === 2) view.setUint16(at, low & 0xffff, true);
    else view.setUint32(at, low, true);
    if (this.width === 8) view.setUint32(at + 4, high, true);
    this.#low = this.#high = this.#shift = 0;
  }
}

const malformed = (sentence: string, field: string): RegistryError =>
  new RegistryError('malformed_container', sentence, { field: shown(field) });
