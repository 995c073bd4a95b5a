/**
 * The JSON text of a safetensors header, read by its own small grammar (RFC 8259, cut down to what the format allows):
 * an object whose members are `__metadata__`, an object of strings, or a tensor, `{dtype, shape, data_offsets}`.
 *
 * JSON.parse would keep the last of two members of one name, round offsets past 2^53, take `1.0` and `1e3`, and recurse
 * as deep as an attacker likes. This reader refuses all of that, says where, and stops at the first offense.
 */
import { RegistryError } from '../errors.ts';
import { MAX_RANK, MAX_TENSORS } from './limits.ts';

/** A tensor as the header claims it, not yet checked against its neighbors and the file. */
export interface ClaimedTensor {
  name: string;
  dtype: string;
  shape: number[];
  /** `[begin, end)` within the data, which starts after the header. */
  dataOffsets: [number, number];
}

/** @throws RegistryError `malformed_container` */
export function parseHeaderText(text: string): { tensors: ClaimedTensor[]; metadata: Record<string, string> } {
  const scanner = new Scanner(text);
  const tensors: ClaimedTensor[] = [];
  let metadata: Record<string, string> = {};
  if (!text.startsWith('{')) throw refuse('The header does not start with "{".', 'header');
  scanner.object('header', (name) => {
    if (name === '__metadata__') {
      metadata = readMetadata(scanner);
      return;
    }
    if (tensors.length === MAX_TENSORS) throw refuse(`The header names more than ${MAX_TENSORS} tensors.`, 'header');
    tensors.push(readTensor(scanner, name));
  });
  scanner.end();
  return { tensors, metadata };
}

function readMetadata(scanner: Scanner): Record<string, string> {
  const members: [string, string][] = [];
  scanner.object('__metadata__', (name) => members.push([name, scanner.string(`__metadata__.${shown(name)}`)]));
  return Object.fromEntries(members);
}

function readTensor(scanner: Scanner, name: string): ClaimedTensor {
  const field = shown(name);
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.object(field, (member) => {
    if (member === 'dtype') dtype = scanner.string(`${field}.dtype`);
    else if (member === 'shape') shape = scanner.naturals(`${field}.shape`, MAX_RANK);
    else if (member === 'data_offsets') offsets = scanner.naturals(`${field}.data_offsets`, 2);
    else throw refuse(`A tensor has no member "${shown(member)}".`, `${field}.${shown(member)}`);
  });
  const [begin, end] = offsets ?? [];
  if (dtype === undefined) throw refuse('The tensor has no dtype.', `${field}.dtype`);
  if (shape === undefined) throw refuse('The tensor has no shape.', `${field}.shape`);
  if (begin === undefined || end === undefined) {
    throw refuse('The tensor has no two data offsets.', `${field}.data_offsets`);
  }
  return { name, dtype, shape, dataOffsets: [begin, end] };
}

/** A name as it may stand in a message: short. */
export function shown(name: string): string {
  return name.length <= 80 ? name : `${name.slice(0, 80)}…`;
}

class Scanner {
  private at = 0;

  constructor(private readonly text: string) {}

  /** Reads an object, calling `value` at the start of each member's value. */
  object(field: string, value: (name: string) => void): void {
    this.take('{', field);
    const seen = new Set<string>();
    if (this.peek() === '}') {
      this.at++;
      return;
    }
    for (;;) {
      const name = this.string(field);
      if (seen.has(name)) throw refuse(`The name "${shown(name)}" stands twice.`, field);
      seen.add(name);
      this.take(':', field);
      value(name);
      if (this.peek() !== ',') break;
      this.at++;
    }
    this.take('}', field);
  }

  string(field: string): string {
    if (this.peek() !== '"') throw this.unexpected('a string', field);
    const start = this.at++;
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (Number.isNaN(code)) throw refuse('A string does not end.', field);
      if (code < 0x20) throw refuse('A string holds a bare control character.', field);
      this.at++;
      if (code === 0x5c) this.at++;
      else if (code === 0x22) break;
    }
    const value = unquote(this.text.slice(start, this.at), field);
    if (!value.isWellFormed()) throw refuse('A string holds a lone surrogate.', field);
    return value;
  }

  /** An array of at most `most` whole numbers from 0 to 2^53 − 1, written without sign, point or exponent. */
  naturals(field: string, most: number): number[] {
    const numbers: number[] = [];
    this.take('[', field);
    if (this.peek() === ']') {
      this.at++;
      return numbers;
    }
    for (;;) {
      if (numbers.length === most) throw refuse(`The list has more than ${most} numbers.`, field);
      numbers.push(this.natural(field));
      if (this.peek() !== ',') break;
      this.at++;
    }
    this.take(']', field);
    return numbers;
  }

  end(): void {
    if (this.peek() !== undefined) throw refuse('There is text after the header.', 'header');
  }

  private natural(field: string): number {
    this.peek();
    NUMBER_LIKE.lastIndex = this.at;
    const written = NUMBER_LIKE.exec(this.text)?.[0] ?? '';
    if (!/^(?:0|[1-9][0-9]*)$/.test(written)) {
      const found = written === '' ? 'something else' : `"${shown(written)}"`;
      throw refuse(`Here stands ${found} where a whole number from 0 on is needed.`, field);
    }
    const value = Number(written);
    if (!Number.isSafeInteger(value)) throw refuse(`The number ${shown(written)} is larger than 2^53 - 1.`, field);
    this.at += written.length;
    return value;
  }

  private take(mark: string, field: string): void {
    if (this.peek() !== mark) throw this.unexpected(`"${mark}"`, field);
    this.at++;
  }

  /** The next character that is no blank. */
  private peek(): string | undefined {
    while (BLANKS.has(this.text.charCodeAt(this.at))) this.at++;
    return this.text[this.at];
  }

  private unexpected(wanted: string, field: string): RegistryError {
    return refuse(`The header is not well-formed: ${wanted} is missing at character ${this.at}.`, field);
  }
}

/** The four blanks of RFC 8259 §2. */
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);

const NUMBER_LIKE = /[-+.\w]+/y;

function unquote(quoted: string, field: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch (cause) {
    throw new RegistryError('malformed_container', 'A string holds an escape that JSON does not know.', {
      field,
      cause,
    });
  }
}

function refuse(sentence: string, field: string): RegistryError {
  return new RegistryError('malformed_container', sentence, { field });
}
