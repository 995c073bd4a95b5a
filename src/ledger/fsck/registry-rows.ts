/**
 * Rows of the tables of `core/registry/tables` as they stand in the database, in log order, all tables in one stream:
 * each as the number of its table, its `recorded_index`, and the row in PostgreSQL's binary form (`record_send`: a count
 * of columns, then each as type, length and bytes). The tables themselves are read, not their indexes, which somebody
 * may have made blind to a row.
 *
 * Nearly every row is as it should be. That is told from its bytes alone; only a row that differs is made an object of.
 */
import type { TableName } from '../../core/registry/tables.ts';
import { TABLE_NAMES } from '../../core/registry/row-keys.ts';
import { CopyOut, readInt8 } from './copy-out.ts';
import type { SharedBytes } from './tuple-buffer.ts';
import { giveBack, TupleBuffer } from './tuple-buffer.ts';

/** A row with the members' names of `core/registry/tables`. */
export type RegistryRow = Record<string, unknown> & { recordedIndex: number };

/** The members of the rows of each table, in the order of its columns. */
export type Columns = Readonly<Record<TableName, readonly string[]>>;

/** Bytes that are handed on at a time, and that may wait: a page of rows can be as large as somebody made it. */
const BLOCK = 1024 * 1024;
const WAITING = 4 * BLOCK;

/** Where a tuple of the stream holds `recorded_index`: its length behind the int2 and the first field, then its bytes. */
const INDEX_LENGTH_AT = 2 + 4 + 4;
const INDEX_AT = INDEX_LENGTH_AT + 4;

/** @param from rows that statements below it made are left out */
const inLogOrder = (from: number): string =>
  TABLE_NAMES.map((table, number) => {
    const rows = `SELECT ${number} AS t, recorded_index, record_send(x) FROM registry.${table} x`;
    return from === 0 ? rows : `${rows} WHERE recorded_index >= ${from} OR recorded_index IS NULL`;
  }).join(' UNION ALL ') + ' ORDER BY recorded_index';

interface Block {
  readonly tuples: TupleBuffer;
  readonly indexes: number[];
  /** Where each tuple ends */
  readonly ends: number[];
  /** How many were taken */
  at: number;
}

export class RegistryRows {
  readonly #copy: CopyOut;
  #blocks: Block[] = [];
  #waiting = 0;
  #ended = false;
  #arrived: () => void = () => undefined;

  /** @param start sends the query on a connection that does nothing else */
  constructor(from: number, start: (copy: CopyOut) => void) {
    this.#copy = new CopyOut(inLogOrder(from), (tuple) => this.#add(tuple));
    this.#copy.done.then(
      () => this.#end(),
      () => this.#end(),
    );
    start(this.#copy);
  }

  /** The next rows that statements below `to` made, in parts that are to be given back. */
  async *take(to: number): AsyncGenerator<SharedBytes> {
    for (;;) {
      const [block] = this.#blocks;
      if (block === undefined) {
        if (this.#ended) return this.#copy.done;
        await new Promise<void>((resolve) => (this.#arrived = resolve));
        continue;
      }
      const first = block.at;
      while (block.at < block.indexes.length && block.indexes[block.at]! < to) block.at++;
      const whole = first === 0 && block.at === block.indexes.length;
      if (whole) yield block.tuples.bytes();
      else if (block.at > first) yield block.tuples.copy(block.ends[first - 1] ?? 0, block.ends[block.at - 1]!);
      if (block.at < block.indexes.length) return;
      this.#blocks.shift();
      if (!whole) giveBack(block.tuples.bytes());
      this.#waiting -= block.tuples.length;
      if (this.#waiting < WAITING) this.#copy.resume();
    }
  }

  #add(tuple: Buffer): void {
    let block = this.#blocks.at(-1);
    if (block === undefined || block.tuples.length > BLOCK || block.at > 0) {
      block = { tuples: new TupleBuffer(BLOCK + BLOCK / 4), indexes: [], ends: [], at: 0 };
      this.#blocks.push(block);
    }
    block.tuples.add(tuple);
    block.ends.push(block.tuples.length);
    // A row without its place belongs behind all others, as PostgreSQL sorts it.
    block.indexes.push(tuple.readInt32BE(INDEX_LENGTH_AT) < 0 ? Infinity : readInt8(tuple, INDEX_AT));
    this.#waiting += tuple.length;
    if (this.#waiting >= WAITING) this.#copy.pause();
    this.#arrived();
  }

  #end(): void {
    this.#ended = true;
    this.#arrived();
  }
}

/** Walks the rows of a part of the stream. */
export class RowCursor {
  table!: TableName;
  #buffer: Buffer;
  /** Of the current record's count of columns, and of the next tuple */
  #at = 0;
  #next = 0;
  #names: readonly string[] = [];

  constructor(
    bytes: Uint8Array,
    private readonly columns: Columns,
  ) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  next(): boolean {
    const buffer = this.#buffer;
    if (this.#next === buffer.length) return false;
    const start = this.#next;
    this.table = TABLE_NAMES[buffer.readInt32BE(start + INDEX_LENGTH_AT - 4)]!;
    this.#names = this.columns[this.table];
    const lengthAt = start + INDEX_AT + Math.max(0, buffer.readInt32BE(start + INDEX_LENGTH_AT));
    this.#at = lengthAt + 4;
    this.#next = this.#at + buffer.readInt32BE(lengthAt);
    return true;
  }

  /** Whether the row has these values in all its columns. A no may be wrong, where the bytes alone do not tell. */
  matches(row: Readonly<Record<string, unknown>>): boolean {
    const buffer = this.#buffer;
    const names = this.#names;
    if (buffer.readInt32BE(this.#at) !== names.length) return false;
    let at = this.#at + 4;
    for (let i = 0; i < names.length; i++) {
      const type = buffer.readInt32BE(at);
      const length = buffer.readInt32BE(at + 4);
      at += 8;
      const value = row[names[i]!];
      if (length < 0) {
        if (value !== null) return false;
        continue;
      }
      const end = at + length;
      if (type === TEXT) {
        if (typeof value !== 'string' || !isAscii(buffer, at, length, value)) return false;
      } else if (!same(readValue(buffer, type, at, end), value)) return false;
      at = end;
    }
    return true;
  }

  row(): RegistryRow {
    const buffer = this.#buffer;
    const row: Record<string, unknown> = {};
    const count = buffer.readInt32BE(this.#at);
    for (let i = 0, at = this.#at + 4; i < count; i++) {
      const type = buffer.readInt32BE(at);
      const length = buffer.readInt32BE(at + 4);
      at += 8;
      row[this.#names[i]!] = length < 0 ? null : readValue(buffer, type, at, at + length);
      if (length > 0) at += length;
    }
    return row as RegistryRow;
  }
}

/** Whether bytes are a text of ASCII alone; of any other text the code units are not the bytes. */
function isAscii(bytes: Uint8Array, at: number, length: number, text: string): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code !== bytes[at + i] || code > 127) return false;
  }
  return true;
}

/** Whether two JSON values are the same, whatever the order of their members. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  for (const name of names) if (!same(left[name], right[name])) return false;
  return true;
}

const TEXT = 25;

/** By the OIDs of PostgreSQL's types (`pg_type.dat`). What has a type that no table has differs from any value. */
function readValue(record: Buffer, type: number, from: number, to: number): unknown {
  switch (type) {
    case TEXT:
      return record.toString('utf8', from, to);
    case 20: // int8
      return readInt8(record, from);
    case 23: // int4
      return record.readInt32BE(from);
    case 16: // bool
      return record[from] === 1;
    case 114: // json
      return JSON.parse(record.toString('utf8', from, to)) as unknown;
    case 3802: // jsonb: a version, then its text
      return JSON.parse(record.toString('utf8', from + 1, to)) as unknown;
    case 1009: // text[]
      return readTexts(record.subarray(from, to));
    case 1560: // bit
      return readBits(record.subarray(from, to));
    default:
      return record.subarray(from, to);
  }
}

/** A count of bits, and the bits from the highest of the first byte on. */
function readBits(bits: Buffer): string {
  let text = '';
  for (const byte of bits.subarray(4)) text += byte.toString(2).padStart(8, '0');
  return text.slice(0, bits.readInt32BE(0));
}

/** An array: dimensions, flags, type of the elements, then length and lower bound of each dimension, then the elements. */
function readTexts(array: Buffer): (string | null)[] {
  if (array.readInt32BE(0) === 0) return [];
  const texts: (string | null)[] = [];
  for (let at = 12 + 8 * array.readInt32BE(0); at < array.length;) {
    const length = array.readInt32BE(at);
    at += 4;
    texts.push(length < 0 ? null : array.toString('utf8', at, at + length));
    if (length > 0) at += length;
  }
  return texts;
}
