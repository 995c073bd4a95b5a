/**
 * Remembers which keys the fold made rows of, in constant memory: a Bloom filter (four bits in one word a key). Nearly
 * every statement speaks of something new, and "this was never made" need not ask the database. A yes may be wrong and
 * only costs a look-up; a no is always right, so nothing that somebody wrote to the database can make the fold overlook
 * an earlier row. Keys that somebody chose to collide make the verifier slower, not wrong.
 *
 * The words are shared by all threads. Pages are folded one after the other, and the messages between them order what
 * is written here.
 */
import type { IndexName } from '../../core/registry/row-keys.ts';
import type { TableName } from '../../core/registry/tables.ts';
import { INDEX_NAMES, TABLE_NAMES } from '../../core/registry/row-keys.ts';

const BYTES_A_WORD = 4;
/** 64 MiB hold a hundred million keys with one answer in ten wrong. */
const MAX_WORDS = 2 ** 24;
const WORDS_A_STATEMENT = 8;

export class MadeKeys {
  readonly #words: Int32Array;

  constructor(readonly shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared);
  }

  static forStatements(count: number): MadeKeys {
    const wanted = Math.min(MAX_WORDS, Math.max(1024, count * WORDS_A_STATEMENT));
    return new MadeKeys(new SharedArrayBuffer(BYTES_A_WORD * 2 ** Math.ceil(Math.log2(wanted))));
  }

  /** Takes every key for one that may have been made: for a fold that goes on where another one stopped. */
  static unknown(): MadeKeys {
    const made = new MadeKeys(new SharedArrayBuffer(BYTES_A_WORD));
    made.#words[0] = -1;
    return made;
  }

  /** @param key of a row in the table or index, as `nameOf` spells it */
  add(name: IndexName | TableName, key: string): void {
    const hash = hashOf(name, key);
    this.#words[this.#at(hash)]! |= bitsOf(hash);
  }

  mayHold(name: IndexName | TableName, key: string): boolean {
    const hash = hashOf(name, key);
    const bits = bitsOf(hash);
    return (this.#words[this.#at(hash)]! & bits) === bits;
  }

  #at(hash: number): number {
    return (hash >>> 0) & (this.#words.length - 1);
  }
}

/** Code units that are looked at, spread over the key: names are long and mostly random. */
const LOOKED_AT = 24;

const NUMBERS = new Map([...TABLE_NAMES, ...INDEX_NAMES].map((name, number) => [name, number]));

/** FNV-1a (32 bits), mixed as in MurmurHash3. */
function hashOf(name: IndexName | TableName, key: string): number {
  let hash = Math.imul(0x811c9dc5 ^ NUMBERS.get(name)! ^ (key.length << 8), 0x01000193);
  const step = 1 + Math.floor(key.length / LOOKED_AT);
  for (let i = key.length - 1; i >= 0; i -= step) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return mix(hash);
}

function bitsOf(hash: number): number {
  const bits = mix(hash ^ 0x9e3779b9);
  return (1 << (bits & 31)) | (1 << ((bits >>> 5) & 31)) | (1 << ((bits >>> 10) & 31)) | (1 << ((bits >>> 15) & 31));
}

function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
