/**
 * Python's pickle read as data. A pickle is a program: it names functions and calls them, which is how loading one runs
 * whatever its writer liked. Here a call is written down and never made, so what comes out is a tree of values: the
 * literals, and for the rest what would have been called with what.
 * Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py, the binary ones of protocols 1 to 5.
 *
 * A hostile pickle claims strings of 2^63 bytes, nests without end, refers to itself, or says little to make much. Every
 * length is held against the bytes that are there, nothing recurses, and what can be made is counted.
 */
import { RegistryError } from '../errors.ts';
import { PickleBytes } from './pickle-bytes.ts';
import type { PickleValue } from './pickle-values.ts';
import { PickleCall, PickleDict, PickleGlobal, PickleList, PicklePersistent, PickleTuple } from './pickle-values.ts';

/** A pickle of torch.save takes about 200 bytes for a tensor. */
export const MAX_PICKLE_BYTES = 32 * 1024 * 1024;
/** About 45 a tensor. */
const MAX_OPCODES = 16_000_000;
/** Lists, dicts, tuples, calls: about 8 a tensor. */
const MAX_OBJECTS = 2_000_000;
const MAX_MEMO = 4_000_000;
const MAX_STACK = 1_000_000;
const MAX_PROTOCOL = 5;

export interface ReadPickle {
  value: PickleValue;
  /** All that the pickle names, in that order */
  persistent: PicklePersistent[];
  /** The first byte behind it */
  end: number;
}

export interface PickleOptions {
  /** Where the pickle begins */
  start?: number;
  /** What it is called in errors */
  field: string;
  /** Throws for a global of whose use nothing must come. */
  allow: (name: string) => void;
}

/** @throws RegistryError `malformed_container`, `unsupported_container`, and what `allow` throws */
export function readPickle(bytes: Uint8Array, { start = 0, field, allow }: PickleOptions): ReadPickle {
  return new Machine(new PickleBytes(bytes, start, field), allow).run();
}

const STOP = 0x2e;
const TOO_FEW = 'takes more from the stack than there is';

class Machine {
  readonly #bytes: PickleBytes;
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo: PickleValue[] = [];
  readonly #persistent: PicklePersistent[] = [];
  readonly #globals = new Map<string, PickleGlobal>();
  #memoized = 0;
  #objects = 0;

  constructor(
    bytes: PickleBytes,
    private readonly allow: (name: string) => void,
  ) {
    this.#bytes = bytes;
  }

  run(): ReadPickle {
    for (let opcodes = 0; opcodes < MAX_OPCODES; opcodes++) {
      const opcode = this.#bytes.opcode();
      if (opcode === STOP) return { value: this.#pop(), persistent: this.#persistent, end: this.#bytes.next };
      this.#step(opcode);
      if (this.#stack.length > MAX_STACK) throw this.#bytes.refuse(`holds more than ${MAX_STACK} values at one time`);
    }
    throw this.#bytes.refuse(`has more than ${MAX_OPCODES} opcodes`);
  }

  #step(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        if (this.#bytes.u8() > MAX_PROTOCOL) throw this.#bytes.refuse('is of a protocol that nobody knows');
        return;
      case 0x95: // FRAME
        if (this.#bytes.u64() > this.#bytes.left) throw this.#bytes.refuse('claims a frame that is not there');
        return;

      case 0x4e: // NONE
        return this.#push(null);
      case 0x88: // NEWTRUE
        return this.#push(true);
      case 0x89: // NEWFALSE
        return this.#push(false);
      case 0x4a: // BININT
        return this.#push(this.#bytes.i32());
      case 0x4b: // BININT1
        return this.#push(this.#bytes.u8());
      case 0x4d: // BININT2
        return this.#push(this.#bytes.u16());
      case 0x8a: // LONG1
        return this.#push(this.#bytes.long(this.#bytes.u8()));
      case 0x8b: // LONG4
        return this.#push(this.#bytes.long(this.#bytes.i32()));
      case 0x47: // BINFLOAT
        return this.#push(this.#bytes.f64());

      case 0x8c: // SHORT_BINUNICODE
        return this.#push(this.#bytes.text(this.#bytes.u8()));
      case 0x58: // BINUNICODE
        return this.#push(this.#bytes.text(this.#bytes.u32()));
      case 0x8d: // BINUNICODE8
        return this.#push(this.#bytes.text(this.#bytes.u64()));
      case 0x55: // SHORT_BINSTRING
        return this.#push(this.#bytes.python2Text(this.#bytes.u8()));
      case 0x54: // BINSTRING
        return this.#push(this.#bytes.python2Text(this.#bytes.i32()));
      case 0x43: // SHORT_BINBYTES
        return this.#push(this.#bytes.slice(this.#bytes.u8()));
      case 0x42: // BINBYTES
        return this.#push(this.#bytes.slice(this.#bytes.u32()));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#push(this.#bytes.slice(this.#bytes.u64()));

      case 0x28: // MARK
        this.#marks.push(this.#stack.length);
        if (this.#marks.length > MAX_STACK) throw this.#bytes.refuse(`marks more than ${MAX_STACK} places at one time`);
        return;
      case 0x30: // POP
        if (this.#stack.length > (this.#marks.at(-1) ?? 0)) this.#pop();
        else this.#popMark();
        return;
      case 0x31: // POP_MARK
        this.#popMark();
        return;
      case 0x32: // DUP
        return this.#push(this.#top());

      case 0x29: // EMPTY_TUPLE
        return this.#push(NO_ITEMS);
      case 0x85: // TUPLE1
        return this.#push(this.#made(new PickleTuple(this.#popMany(1))));
      case 0x86: // TUPLE2
        return this.#push(this.#made(new PickleTuple(this.#popMany(2))));
      case 0x87: // TUPLE3
        return this.#push(this.#made(new PickleTuple(this.#popMany(3))));
      case 0x74: // TUPLE
        return this.#push(this.#made(new PickleTuple(this.#popMark())));
      case 0x5d: // EMPTY_LIST
        return this.#push(this.#made(new PickleList()));
      case 0x6c: {
        // LIST
        const items = this.#popMark();
        this.#push(this.#made(new PickleList()));
        return this.#append(items);
      }
      case 0x61: // APPEND
        return this.#append(this.#popMany(1));
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        return this.#append(this.#popMark());
      case 0x7d: // EMPTY_DICT
        return this.#push(this.#made(new PickleDict()));
      case 0x64: {
        // DICT
        const pairs = this.#popMark();
        this.#push(this.#made(new PickleDict()));
        return this.#setItems(pairs);
      }
      case 0x73: // SETITEM
        return this.#setItems(this.#popMany(2));
      case 0x75: // SETITEMS
        return this.#setItems(this.#popMark());
      case 0x8f: // EMPTY_SET
        return this.#call(this.#global('builtins', 'set'), []);
      case 0x91: {
        // FROZENSET
        const items = this.#popMark();
        this.#call(this.#global('builtins', 'frozenset'), []);
        return this.#append(items);
      }

      case 0x71: // BINPUT
        return this.#remember(this.#bytes.u8());
      case 0x72: // LONG_BINPUT
        return this.#remember(this.#bytes.u32());
      case 0x70: // PUT
        return this.#remember(this.#bytes.decimal());
      case 0x94: // MEMOIZE
        return this.#remember(this.#memoized);
      case 0x68: // BINGET
        return this.#recall(this.#bytes.u8());
      case 0x6a: // LONG_BINGET
        return this.#recall(this.#bytes.u32());
      case 0x67: // GET
        return this.#recall(this.#bytes.decimal());

      case 0x63: // GLOBAL
        return this.#push(this.#global(this.#bytes.line(), this.#bytes.line()));
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.#popMany(2);
        return this.#push(this.#global(module!, name!));
      }
      case 0x69: // INST
        return this.#call(this.#global(this.#bytes.line(), this.#bytes.line()), this.#popMark());
      case 0x6f: {
        // OBJ
        const [callee, ...args] = this.#popMark();
        return this.#call(callee, args);
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const [callee, args] = this.#popMany(2);
        return this.#call(callee, this.#tuple(args));
      }
      case 0x92: {
        // NEWOBJ_EX
        const [callee, args, named] = this.#popMany(3);
        if (!(named instanceof PickleDict)) throw this.#bytes.refuse('calls with named arguments that are no dict');
        return this.#call(callee, [...this.#tuple(args), named]);
      }
      case 0x62: {
        // BUILD
        const [state] = this.#popMany(1);
        const built = this.#top();
        if (!(built instanceof PickleCall)) throw this.#bytes.refuse('gives a state to something that is no object');
        if (built.state !== undefined) throw this.#bytes.refuse('gives two states to one object');
        built.state = state;
        return;
      }

      case 0x51: {
        // BINPERSID
        const persistent = this.#made(new PicklePersistent(this.#pop()));
        this.#persistent.push(persistent);
        return this.#push(persistent);
      }

      default:
        throw new RegistryError(
          'unsupported_container',
          `The opcode 0x${opcode.toString(16).padStart(2, '0')} of a pickle, at ${this.#bytes.at}, is not read here.`,
          { field: this.#bytes.field, fix: 'Save the weights alone, with torch.save(model.state_dict(), path).' },
        );
    }
  }

  #push(value: PickleValue): void {
    this.#stack.push(value);
  }

  #pop(): PickleValue {
    return this.#popMany(1)[0]!;
  }

  #top(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw this.#bytes.refuse(TOO_FEW);
    return this.#stack.at(-1)!;
  }

  #popMany(count: number): PickleValue[] {
    const from = this.#stack.length - count;
    if (from < (this.#marks.at(-1) ?? 0)) throw this.#bytes.refuse(TOO_FEW);
    return this.#stack.splice(from, count);
  }

  #popMark(): PickleValue[] {
    const from = this.#marks.pop();
    if (from === undefined) throw this.#bytes.refuse(TOO_FEW);
    return this.#stack.splice(from);
  }

  #made<T>(object: T): T {
    if (++this.#objects > MAX_OBJECTS) throw this.#bytes.refuse(`makes more than ${MAX_OBJECTS} objects`);
    return object;
  }

  #append(items: readonly PickleValue[]): void {
    const list = this.#top();
    if (!(list instanceof PickleList || list instanceof PickleCall))
      throw this.#bytes.refuse('appends to what is no list');
    for (const item of items) list.items.push(item);
  }

  #setItems(pairs: readonly PickleValue[]): void {
    const dict = this.#top();
    if (!(dict instanceof PickleDict || dict instanceof PickleCall))
      throw this.#bytes.refuse('sets an item of what is no dict');
    if (pairs.length % 2 !== 0) throw this.#bytes.refuse('sets a key without a value');
    for (const item of pairs) dict.pairs.push(item);
  }

  #remember(place: number): void {
    if (place >= MAX_MEMO) throw this.#bytes.refuse(`remembers a value under ${place}; at most ${MAX_MEMO} are kept`);
    if (this.#memo[place] === undefined) this.#memoized++;
    this.#memo[place] = this.#top();
  }

  #recall(place: number): void {
    const value = this.#memo[place];
    if (value === undefined) throw this.#bytes.refuse(`recalls ${place}, which it never remembered`);
    this.#push(value);
  }

  #global(module: PickleValue, name: PickleValue): PickleGlobal {
    if (typeof module !== 'string' || typeof name !== 'string')
      throw this.#bytes.refuse('names a global by what is no text');
    const full = `${module}.${name}`;
    const known = this.#globals.get(full);
    if (known !== undefined) return known;
    this.allow(full);
    const global = new PickleGlobal(full);
    this.#globals.set(full, global);
    return global;
  }

  #call(callee: PickleValue | undefined, args: readonly PickleValue[]): void {
    if (!(callee instanceof PickleGlobal)) throw this.#bytes.refuse('calls what is no global');
    this.#push(this.#made(new PickleCall(callee, args)));
  }

  #tuple(args: PickleValue | undefined): readonly PickleValue[] {
    if (!(args instanceof PickleTuple)) throw this.#bytes.refuse('calls with arguments that are no tuple');
    return args.items;
  }
}

const NO_ITEMS = new PickleTuple([]);
