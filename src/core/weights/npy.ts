/**
 * NumPy's .npy container: a magic string, a version, the length of a header (u16 in version 1, u32 in 2 and 3, little
 * endian), the header, the array's bytes. Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
 *
 * The header is the text of a Python dictionary, which NumPy has Python evaluate. Here it is read by a grammar of its own,
 * which knows the three members that the format allows and nothing else: a string, a truth value, a tuple of whole numbers.
 * An array of Python objects is a pickle, a program for whoever loads it, and is never read.
 */
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import type { ContainerReader } from './container.ts';
import type { Dtype } from './dtype.ts';
import { tensorBytes } from './dtype.ts';
import { shown } from './header-json.ts';
import { MAX_RANK } from './limits.ts';
import type { Order } from './strided.ts';
import { packedStrides, stridedAt } from './strided.ts';

/** The one array of a file has no name there; so it is called what `numpy.savez` calls an array without one. */
const THE_ARRAY = 'arr_0';

export const npy: ContainerReader = {
  container: 'npy',
  endings: ['.npy'],
  recognizes: async (source) => source.size >= MAGIC.length && isMagic(await source.read(0, MAGIC.length)),
  async open(source) {
    const { dtype, shape, order, dataOffset } = await readNpyHeader(source, 0, source.size, '');
    const array = stridedAt({ name: THE_ARRAY, dtype, shape }, { source, offset: dataOffset, ...order });
    return { tensors: [array], metadata: {} };
  },
};

export interface NpyHeader {
  dtype: Dtype;
  shape: number[];
  order: Order;
  /** Where the data begins, which goes on to the end */
  dataOffset: number;
}

/** Far more than 64 dimensions take. */
export const MAX_HEADER_BYTES = 65_535;
/** What stands before the header at most. */
export const PREAMBLE_BYTES = 12;

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
const isMagic = (start: Uint8Array): boolean => MAGIC.every((byte, i) => start[i] === byte);

/**
 * The header of the array that stands in `source` from `begin` to `end`.
 * @param path begins the names of fields in errors
 * @throws RegistryError `malformed_container`, `unsupported_container`
 */
export async function readNpyHeader(source: ByteSource, begin: number, end: number, path: string): Promise<NpyHeader> {
  const field = `${path}header`;
  if (end - begin < PREAMBLE_BYTES) throw refuse(`The array has only ${end - begin} bytes.`, field);
  const start = await source.read(begin, PREAMBLE_BYTES);
  if (!isMagic(start)) throw refuse('The array does not begin as NumPy has it.', field);
  const [major, minor] = [start[6]!, start[7]!];
  if (major < 1 || major > 3 || minor !== 0) {
    throw unsupported(`Version ${major}.${minor} of the format is not read here.`, `${path}version`);
  }
  const view = new DataView(start.buffer, start.byteOffset, PREAMBLE_BYTES);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES) {
    throw refuse(`The array claims a header of ${length} bytes; at most ${MAX_HEADER_BYTES} are read.`, field);
  }
  const headerOffset = begin + (major === 1 ? 10 : 12);
  const dataOffset = headerOffset + length;
  if (dataOffset > end) {
    throw refuse(`The array claims a header of ${length} bytes but has only ${end - begin} bytes.`, field);
  }
  // What is allowed in the header is ASCII in all versions, so one decoder does.
  const text = new TextDecoder('latin1').decode(await source.read(headerOffset, length));
  const { descr, columnMajor, shape } = new HeaderText(text, path).read();
  const { dtype, bigEndian } = elementOf(descr, `${path}descr`);
  const byteLength = tensorBytes(dtype, shape, `${path}shape`);
  if (byteLength !== end - dataOffset) {
    throw refuse(
      `A tensor [${shape.join(', ')}] of ${dtype} takes ${byteLength} bytes, not ${end - dataOffset}.`,
      `${path}shape`,
    );
  }
  return { dtype, shape, order: { strides: packedStrides(shape, columnMajor), bigEndian }, dataOffset };
}

const DTYPES: Partial<Record<string, Dtype>> = {
  b1: 'BOOL',
  u1: 'U8',
  i1: 'I8',
  u2: 'U16',
  i2: 'I16',
  f2: 'F16',
  u4: 'U32',
  i4: 'I32',
  f4: 'F32',
  u8: 'U64',
  i8: 'I64',
  f8: 'F64',
  c8: 'C64',
};

/** Of a type as NumPy writes it: the order of the bytes, a letter for the kind, the bytes of an element. */
function elementOf(descr: string, field: string): { dtype: Dtype; bigEndian: boolean } {
  if (/^[<>|=]?O/.test(descr)) {
    throw unsupported('The array holds Python objects in a pickle, which is never read.', field);
  }
  const [, order, type = ''] = /^([<>|])([a-z][0-9]+)$/.exec(descr) ?? [];
  const dtype = Object.hasOwn(DTYPES, type) ? DTYPES[type] : undefined;
  if (dtype === undefined || (order === '|' && !type.endsWith('1'))) {
    throw unsupported(`Elements of the type "${shown(descr)}" are not read here.`, field);
  }
  return { dtype, bigEndian: order === '>' };
}

interface Members {
  descr: string;
  columnMajor: boolean;
  shape: number[];
}

/** The dictionary, as Python may write it; nothing in it is evaluated. */
class HeaderText {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly path: string,
  ) {}

  read(): Members {
    const found: Partial<Members> = {};
    const seen = new Set<string>();
    this.need(/\{/y, '"{"', 'header');
    while (this.take(/\}/y) === undefined) {
      const name = this.need(STRING, 'a name', 'header').slice(1, -1);
      if (seen.has(name)) throw this.refuse(`The name "${shown(name)}" stands twice.`, shown(name));
      seen.add(name);
      this.need(/:/y, '":"', 'header');
      if (name === 'descr') found.descr = this.descr();
      else if (name === 'fortran_order') found.columnMajor = this.need(/True|False/y, 'True or False', name) === 'True';
      else if (name === 'shape') found.shape = this.shape();
      else throw this.refuse(`The header has no member "${shown(name)}".`, shown(name));
      if (this.take(/,/y) === undefined) {
        this.need(/\}/y, '"}"', 'header');
        break;
      }
    }
    this.take(BLANKS);
    if (this.at < this.text.length) throw this.refuse('There is text after the header.', 'header');
    const { descr, columnMajor, shape } = found;
    if (descr === undefined) throw this.refuse('The header has no descr.', 'descr');
    if (columnMajor === undefined) throw this.refuse('The header has no fortran_order.', 'fortran_order');
    if (shape === undefined) throw this.refuse('The header has no shape.', 'shape');
    return { descr, columnMajor, shape };
  }

  private descr(): string {
    if (this.take(/[[(]/y) !== undefined) {
      throw unsupported('The array holds structures, not numbers.', `${this.path}descr`);
    }
    return this.need(STRING, 'a string', 'descr').slice(1, -1);
  }

  private shape(): number[] {
    const shape: number[] = [];
    this.need(/\(/y, '"("', 'shape');
    for (;;) {
      if (this.take(/\)/y) !== undefined) return shape;
      if (shape.length === MAX_RANK) throw this.refuse(`The array has more than ${MAX_RANK} dimensions.`, 'shape');
      // Python 2 wrote an L behind large numbers.
      const written = this.need(/(?:0|[1-9][0-9]*)(?:L|(?![\w.]))/y, 'a whole number from 0 on', 'shape');
      const dimension = Number(written.replace('L', ''));
      if (!Number.isSafeInteger(dimension)) throw this.refuse('A dimension is larger than 2^53 - 1.', 'shape');
      shape.push(dimension);
      if (this.take(/,/y) !== undefined) continue;
      // To Python, one number in parentheses is a number, no tuple.
      if (shape.length === 1) throw this.missing('","', 'shape');
      this.need(/\)/y, '")"', 'shape');
      return shape;
    }
  }

  private need(token: RegExp, wanted: string, field: string): string {
    const found = this.take(token);
    if (found === undefined) throw this.missing(wanted, field);
    return found;
  }

  /** The token that stands next, behind blanks, if it does. */
  private take(token: RegExp): string | undefined {
    BLANKS.lastIndex = this.at;
    token.lastIndex = this.at + (BLANKS.exec(this.text)?.[0].length ?? 0);
    const found = token.exec(this.text)?.[0];
    if (found !== undefined) this.at = token.lastIndex;
    return found;
  }

  private missing(wanted: string, field: string): RegistryError {
    return this.refuse(`The header is not well-formed: ${wanted} is missing at character ${this.at}.`, field);
  }

  private refuse(sentence: string, field: string): RegistryError {
    return refuse(sentence, `${this.path}${field}`);
  }
}

const BLANKS = /[ \t\r\n]*/y;
/** Nothing that the format allows takes an escape. */
const STRING = /'[^'\\\n]*'|"[^"\\\n]*"/y;

function unsupported(sentence: string, field: string): RegistryError {
  return new RegistryError('unsupported_container', sentence, {
    field,
    fix: 'Write an array of plain numbers, with numpy.save.',
  });
}

function refuse(sentence: string, field: string): RegistryError {
  return new RegistryError('malformed_container', sentence, { field });
}
