/**
 * Datatypes of HDF5 as element types of tensors (File Format Specification 4.0, IV.A.2.d). A type is told by all of its
 * fields: two bytes may be a half float, a bfloat16, or something that no framework computes with.
 *
 * What h5py makes of NumPy's other types is known too: bool is an enumeration of FALSE and TRUE, a complex number a
 * compound of r and i, and bfloat16 is opaque (its dataset says what it is).
 */
import type { Cursor } from './hdf5-bytes.ts';
import { malformed } from './hdf5-bytes.ts';
import type { Dtype } from './dtype.ts';

export interface Datatype {
  /** Of an element, in bytes */
  readonly size: number;
  /** Absent where an element is no number of a known type */
  readonly dtype?: Dtype;
  /** Width of the numbers whose bytes stand in reverse order, 1 where none do */
  readonly swapped: number;
  /** What it is, in a word of the format */
  readonly called: string;
}

const CLASSES = [
  'integer',
  'float',
  'time',
  'string',
  'bit field',
  'opaque',
  'compound',
  'reference',
  'enumeration',
  'variable-length',
  'array',
  'complex',
];
const [INTEGER, FLOAT, COMPOUND, ENUMERATION, VARIABLE, ARRAY] = [0, 1, 6, 8, 9, 10];
/** Types may hold types; nobody nests them deeper. */
const MAX_DEPTH = 8;

const INTEGERS: Record<string, Dtype> = {
  '1 signed': 'I8',
  '2 signed': 'I16',
  '4 signed': 'I32',
  '8 signed': 'I64',
  '1 unsigned': 'U8',
  '2 unsigned': 'U16',
  '4 unsigned': 'U32',
  '8 unsigned': 'U64',
};

/** By precision, position of the sign, of exponent and mantissa (bit, bits), and bias of the exponent */
const FLOATS: Record<string, Dtype> = {
  '8 7 2+5 0+2 15': 'F8_E5M2',
  '8 7 3+4 0+3 7': 'F8_E4M3',
  '16 15 10+5 0+10 15': 'F16',
  '16 15 7+8 0+7 127': 'BF16',
  '32 31 23+8 0+23 127': 'F32',
  '64 63 52+11 0+52 1023': 'F64',
};
const IMPLIED_BIT = 2;

export function readDatatype(cursor: Cursor, depth = 0): Datatype {
  const [head, low, middle] = [cursor.u8(), cursor.u8(), cursor.u8()];
  cursor.skip(1);
  const size = cursor.u32();
  const [kind, version] = [head & 15, head >> 4];
  const called = CLASSES[kind];
  if (called === undefined || depth === MAX_DEPTH || size === 0) throw malformed('A datatype is none.', cursor.what);
  const other: Datatype = { size, swapped: 1, called: kind === VARIABLE && (low & 15) === 1 ? 'string' : called };
  if (kind === INTEGER) return { ...other, ...integer(cursor, size, low) };
  if (kind === FLOAT) return { ...other, ...float(cursor, low, middle) };
  if (kind === COMPOUND) return { ...other, ...complex(cursor, version, size, low + 256 * middle, depth) };
  if (kind === ENUMERATION) return { ...other, ...boolean(cursor, version, low + 256 * middle, depth) };
  // Their fields are read by nobody: in a message they come last, and in a compound nothing follows that is a tensor.
  return kind === ARRAY ? { ...other, called: 'array' } : other;
}

type Known = Partial<Pick<Datatype, 'dtype' | 'swapped'>>;

const BIG_ENDIAN = 1;

function integer(cursor: Cursor, size: number, bits: number): Known {
  const [offset, precision] = [cursor.u16(), cursor.u16()];
  const dtype = INTEGERS[`${size} ${(bits & 8) === 0 ? 'unsigned' : 'signed'}`];
  if (dtype === undefined || offset !== 0 || precision !== 8 * size) return {};
  return { dtype, swapped: (bits & BIG_ENDIAN) === 0 ? 1 : size };
}

function float(cursor: Cursor, bits: number, sign: number): Known {
  const [offset, precision] = [cursor.u16(), cursor.u16()];
  const [exponentAt, exponentBits, mantissaAt, mantissaBits] = [cursor.u8(), cursor.u8(), cursor.u8(), cursor.u8()];
  const bias = cursor.u32();
  const layout = `${precision} ${sign} ${exponentAt}+${exponentBits} ${mantissaAt}+${mantissaBits} ${bias}`;
  const dtype = FLOATS[layout];
  const plain = offset === 0 && ((bits >> 4) & 3) === IMPLIED_BIT && (bits & VAX_ORDER) === 0;
  if (dtype === undefined || !plain) return {};
  return { dtype, swapped: (bits & BIG_ENDIAN) === 0 ? 1 : precision / 8 };
}

const VAX_ORDER = 0x40;

/** h5py's complex64: two floats, r and i */
function complex(cursor: Cursor, version: number, size: number, members: number, depth: number): Known {
  if (members !== 2) return {};
  const orders: number[] = [];
  for (const [i, expected] of ['r', 'i'].entries()) {
    const start = cursor.at;
    const name = cursor.name();
    if (version < 3) cursor.align(start);
    const offset = cursor.uint(version < 3 ? 4 : bytesFor(size));
    if (version === 1) cursor.skip(28);
    const { dtype, swapped } = readDatatype(cursor, depth + 1);
    if (name !== expected || offset !== 4 * i || dtype !== 'F32') return {};
    orders.push(swapped);
  }
  return size === 8 && orders[0] === orders[1] ? { dtype: 'C64', swapped: orders[0]! } : {};
}

/** h5py's bool: FALSE is 0 and TRUE is 1, in a byte */
function boolean(cursor: Cursor, version: number, members: number, depth: number): Known {
  const base = readDatatype(cursor, depth + 1);
  if (members !== 2 || base.size !== 1) return {};
  const names = [0, 1].map(() => {
    const start = cursor.at;
    const name = cursor.name();
    if (version < 3) cursor.align(start);
    return name;
  });
  const values = [cursor.u8(), cursor.u8()];
  return names.join() === 'FALSE,TRUE' && values.join() === '0,1' ? { dtype: 'BOOL' } : {};
}

/** Bytes that hold a number below `size`, or that itself */
function bytesFor(size: number): number {
  return Math.ceil((32 - Math.clz32(size)) / 8);
}
