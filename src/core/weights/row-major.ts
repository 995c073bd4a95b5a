/**
 * Arrays that stand in a file in another order than the digest wants, column-major (Fortran) or big endian, put in order
 * while they are read.
 *
 * Turning a column-major array around takes every first index from all over the data. It is done for as many first indexes
 * at a time as fit into `BAND_BYTES`, so memory is bounded, and the data is read once for each such band.
 */
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { readPieces } from './byte-source.ts';
import type { StoredTensor } from './container.ts';
import { storedAt } from './container.ts';
import type { TensorHead } from './digest.ts';
import { CHUNK_BYTES } from './digest.ts';
import type { Dtype } from './dtype.ts';
import { tensorBytes } from './dtype.ts';
import { shown } from './header-json.ts';

export interface Layout {
  /** The first index runs fastest, not the last */
  columnMajor: boolean;
  bigEndian: boolean;
}

/** What is held of a column-major array at one time. */
export const BAND_BYTES = 64 * CHUNK_BYTES;
/** A column-major array may need as many readings as it has bands. */
export const MAX_COLUMN_MAJOR_BYTES = 4 * 1024 * CHUNK_BYTES;
/** One more read takes about as long as reading so much further. */
const READ_BYTES = 16_384;

/**
 * A tensor whose data stands in `source` in this layout.
 * @throws RegistryError `unsupported_container` when it is too large to be turned around
 */
export function laidOutAt(source: ByteSource, head: TensorHead, offset: number, layout: Layout): StoredTensor {
  const { dtype, shape } = head;
  const byteLength = tensorBytes(dtype, shape, shown(head.name));
  const { columnMajor, bigEndian } = simplest(dtype, shape, layout);
  if (!columnMajor && !bigEndian) return storedAt(source, head, offset, byteLength);
  if (columnMajor && (byteLength > MAX_COLUMN_MAJOR_BYTES || byteLength / shape[0]! > BAND_BYTES)) {
    throw tooLarge(head);
  }
  const end = offset + byteLength;
  const pieces = (): AsyncIterable<Uint8Array> => {
    const read = columnMajor
      ? turnedAround(source, { shape, offset, width: widthOf(dtype) })
      : readPieces(source, offset, end, CHUNK_BYTES);
    return bigEndian ? swapped(read, scalarOf(dtype)) : read;
  };
  return { ...head, byteLength, pieces };
}

/**
 * A tensor whose data comes in pieces, from a compressed entry for example.
 * @param pieces the data in this layout
 * @throws RegistryError `unsupported_container` when it is column-major and larger than `BAND_BYTES`
 */
export function laidOutIn(pieces: () => AsyncIterable<Uint8Array>, head: TensorHead, layout: Layout): StoredTensor {
  const { dtype, shape } = head;
  const byteLength = tensorBytes(dtype, shape, shown(head.name));
  const { columnMajor, bigEndian } = simplest(dtype, shape, layout);
  if (columnMajor && byteLength > BAND_BYTES) throw tooLarge(head);
  const ordered = (): AsyncIterable<Uint8Array> => {
    const read = columnMajor ? turnedAroundIn(pieces(), byteLength, { shape, width: widthOf(dtype) }) : pieces();
    return bigEndian ? swapped(read, scalarOf(dtype)) : read;
  };
  return { ...head, byteLength, pieces: ordered };
}

function tooLarge({ name }: TensorHead): RegistryError {
  return new RegistryError(
    'unsupported_container',
    'The array is column-major (Fortran order) and too large for that.',
    {
      field: shown(name),
      fix: 'Write it row-major, with numpy.ascontiguousarray for example.',
    },
  );
}

/** Without the orders that make no difference for this dtype and shape. */
const simplest = (dtype: Dtype, shape: readonly number[], { columnMajor, bigEndian }: Layout): Layout => ({
  columnMajor: columnMajor && !shape.includes(0) && shape.filter((dimension) => dimension !== 1).length > 1,
  bigEndian: bigEndian && scalarOf(dtype) > 1,
});

const widthOf = (dtype: Dtype): number => tensorBytes(dtype, [1], dtype);

/** The bytes that are swapped with each other: of a complex number those of each part. */
const scalarOf = (dtype: Dtype): number => (dtype === 'C64' ? 4 : widthOf(dtype));

interface Columns {
  shape: readonly number[];
  /** Bytes of an element: 1, 2, 4 or 8 */
  width: number;
}

async function* turnedAroundIn(
  pieces: AsyncIterable<Uint8Array>,
  byteLength: number,
  columns: Columns,
): AsyncGenerator<Uint8Array, void, undefined> {
  const whole = new Uint8Array(byteLength);
  let at = 0;
  for await (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  const read = async (offset: number, length: number): Promise<Uint8Array> =>
    Promise.resolve(whole.subarray(offset, offset + length));
  yield* turnedAround({ size: byteLength, read }, { ...columns, offset: 0 });
}

/** The array in bands of first indexes, row-major. */
async function* turnedAround(
  source: ByteSource,
  columns: Columns & { offset: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const [first = 1, ...others] = columns.shape;
  const rowBytes = product(others) * columns.width;
  const perBand = Math.max(1, Math.floor(BAND_BYTES / rowBytes));
  for (let from = 0; from < first; from += perBand) {
    const band = new Uint8Array(Math.min(perBand, first - from) * rowBytes);
    await fill(band, source, columns, from);
    for (let at = 0; at < band.length; at += CHUNK_BYTES) yield band.subarray(at, at + CHUNK_BYTES);
  }
}

/** Fills the rows of a band from the columns of the file, which stand there one behind the other. */
async function fill(
  band: Uint8Array,
  source: ByteSource,
  { shape, width, offset }: Columns & { offset: number },
  from: number,
): Promise<void> {
  const [first = 1, ...others] = shape;
  const columns = product(others);
  const [step, length] = [first * width, band.length / columns];
  // Columns that lie near each other are read with what is between them.
  const perRead = step - length <= READ_BYTES ? Math.max(1, Math.floor(CHUNK_BYTES / step)) : 1;
  const nextPlace = rowMajorPlaces(others);
  for (let column = 0; column < columns; column += perRead) {
    const count = Math.min(perRead, columns - column);
    const read = await source.read(offset + column * step + from * width, (count - 1) * step + length);
    for (let at = 0; at < read.length; at += step) {
      let to = nextPlace() * width;
      for (let byte = at; byte < at + length; to += (columns - 1) * width) {
        for (const end = byte + width; byte < end;) band[to++] = read[byte++]!;
      }
    }
  }
}

/** Where each column stands in a row: the row-major places of all indexes, counted with the first one running fastest. */
function rowMajorPlaces(shape: readonly number[]): () => number {
  const steps = shape.map((_, axis) => product(shape.slice(axis + 1)));
  const index = shape.map(() => 0);
  let place = 0;
  return () => {
    const now = place;
    for (let axis = 0; axis < shape.length; axis++) {
      place += steps[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      place -= shape[axis]! * steps[axis]!;
      index[axis] = 0;
    }
    return now;
  };
}

/** The bytes of each `size` in the other order, wherever the pieces are cut. */
async function* swapped(pieces: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  let rest = new Uint8Array(0);
  for await (const piece of pieces) {
    const all = new Uint8Array(rest.length + piece.length);
    all.set(rest);
    all.set(piece, rest.length);
    const whole = all.length - (all.length % size);
    rest = all.slice(whole);
    for (let at = 0; at < whole; at += size) {
      for (let low = at, high = at + size - 1; low < high; low++, high--) {
        const byte = all[low]!;
        all[low] = all[high]!;
        all[high] = byte;
      }
    }
    yield all.subarray(0, whole);
  }
  // A part of an element is left where the data is too short, which whoever counts the bytes refuses.
  if (rest.length > 0) yield rest;
}

const product = (shape: readonly number[]): number => shape.reduce((count, dimension) => count * dimension, 1);
