/**
 * Views of elements in a file that stand there in another order than the digest wants, transposed (Fortran order), sliced,
 * expanded or big endian, put in order while they are read.
 *
 * A view is a list of axes: how many steps each has, and how far one step goes in the file. What is asked for row by row
 * may lie column by column, so it is made in bands of as many rows as fit into `BAND_BYTES`, each filled in the order of
 * the file. Memory is bounded by the band; a transposed view is read once for each band that it has.
 */
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { bytesSource, readPieces } from './byte-source.ts';
import type { StoredTensor } from './container.ts';
import { storedAt } from './container.ts';
import type { TensorHead } from './digest.ts';
import { CHUNK_BYTES } from './digest.ts';
import { tensorBytes } from './dtype.ts';
import { shown } from './header-json.ts';
import { gathered, swapped } from './pieces.ts';

/** What is held of a view at one time; a view that lies within so many bytes is read at once. */
export const BAND_BYTES = 64 * CHUNK_BYTES;
/** A transposed view is read as often as it has bands. */
export const MAX_STRIDED_BYTES = 4 * 1024 * CHUNK_BYTES;
/** One more read takes about as long as reading so much further. */
const GAP_BYTES = 16_384;

/** How the elements stand where the data is. */
export interface Order {
  /** For each dimension, in elements */
  strides: readonly number[];
  bigEndian: boolean;
}

export interface Placed extends Order {
  source: ByteSource;
  /** Of the first element */
  offset: number;
}

/** The steps of an array without gaps: of `columnMajor` (Fortran order) the first index runs fastest, else the last. */
export function packedStrides(shape: readonly number[], columnMajor: boolean): number[] {
  const sizes = columnMajor ? shape : shape.toReversed();
  const strides = sizes.map((_, axis) => sizes.slice(0, axis).reduce((product, size) => product * size, 1));
  return columnMajor ? strides : strides.reverse();
}

/**
 * A tensor that stands in a file as a view. That it is inside the file is for the caller to know.
 * @throws RegistryError `unsupported_container` when it is too large to be put in order
 */
export function stridedAt(head: TensorHead, { source, offset, ...order }: Placed): StoredTensor {
  const { byteLength, width, swap, axes } = seen(head, order);
  if (axes === undefined) {
    if (swap === undefined) return storedAt(source, head, offset, byteLength);
    const inFile = (): AsyncIterable<Uint8Array> => readPieces(source, offset, offset + byteLength, CHUNK_BYTES);
    return { ...head, byteLength, pieces: () => swapped(inFile(), swap) };
  }
  const extent = extentOf(axes, width);
  if (extent > BAND_BYTES && (byteLength > MAX_STRIDED_BYTES || overlaps(axes, width))) throw tooLarge(head);
  const view = { source, offset, axes, width, extent };
  return { ...head, byteLength, pieces: () => (swap === undefined ? inOrder(view) : swapped(inOrder(view), swap)) };
}

/**
 * A tensor without gaps whose data comes in pieces, out of a compressed entry for example.
 * @throws RegistryError `unsupported_container` when it is to be put in order and larger than `BAND_BYTES`
 */
export function stridedIn(head: TensorHead, data: () => AsyncIterable<Uint8Array>, order: Order): StoredTensor {
  const { byteLength, swap, axes } = seen(head, order);
  if (axes === undefined) {
    return { ...head, byteLength, pieces: () => (swap === undefined ? data() : swapped(data(), swap)) };
  }
  if (byteLength > BAND_BYTES) throw tooLarge(head);
  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    const source = bytesSource(await gathered(data(), byteLength));
    yield* stridedAt(head, { source, offset: 0, ...order }).pieces();
  }
  return { ...head, byteLength, pieces };
}

/** What there is to do: `axes` when the elements are not in order, `swap` when their bytes are not, so many at a time. */
function seen({ name, dtype, shape }: TensorHead, { strides, bigEndian }: Order) {
  const byteLength = tensorBytes(dtype, shape, shown(name));
  const width = tensorBytes(dtype, [1], dtype);
  // The parts of a complex number are swapped each on its own.
  const scalar = dtype === 'C64' ? width / 2 : width;
  const axes = byteLength === 0 ? [] : axesOf(shape, strides, width);
  const ordered = axes.length === 0 || (axes.length === 1 && axes[0]!.stride === width);
  return {
    byteLength,
    width,
    swap: bigEndian && scalar > 1 ? scalar : undefined,
    axes: ordered ? undefined : axes,
  };
}

function tooLarge({ name }: TensorHead): RegistryError {
  return new RegistryError('unsupported_container', 'The tensor is a view too large to be put in order.', {
    field: shown(name),
    fix: 'Save it row by row, with tensor.contiguous() of PyTorch or numpy.ascontiguousarray.',
  });
}

interface Axis {
  size: number;
  /** Bytes from one step to the next in the file */
  stride: number;
}

interface View {
  source: ByteSource;
  offset: number;
  /** The first runs slowest */
  axes: readonly Axis[];
  /** Bytes of an element */
  width: number;
  /** Bytes from the first element to the end of the last one */
  extent: number;
}

/** Without the axes of one step, and those put together of which one goes on where the other ends. */
function axesOf(shape: readonly number[], strides: readonly number[], width: number): Axis[] {
  const axes: Axis[] = [];
  for (const [i, size] of shape.entries()) {
    if (size === 1) continue;
    const [stride, slower] = [strides[i]! * width, axes.at(-1)];
    if (slower?.stride === size * stride) axes[axes.length - 1] = { size: slower.size * size, stride };
    else axes.push({ size, stride });
  }
  return axes;
}

const extentOf = (axes: readonly Axis[], width: number): number =>
  axes.reduce((extent, { size, stride }) => extent + (size - 1) * stride, width);

/** Whether a byte may belong to two elements. */
function overlaps(axes: readonly Axis[], width: number): boolean {
  let reach = width;
  return fastestFirst(axes).some(({ size, stride }) => {
    const within = stride < reach;
    reach += (size - 1) * stride;
    return within;
  });
}

const fastestFirst = <T extends Axis>(axes: readonly T[]): T[] => [...axes].sort((a, b) => a.stride - b.stride);

async function* inOrder({ source, offset, axes, width, extent }: View): AsyncGenerator<Uint8Array, void, undefined> {
  const held = extent <= BAND_BYTES ? bytesSource(await source.read(offset, extent)) : undefined;
  for (const { begin, steps, length } of bandsOf(axes, width, held === undefined ? BAND_BYTES : CHUNK_BYTES)) {
    const band = new Uint8Array(length);
    if (held !== undefined) await fill(band, held, begin, steps, { width, most: extent, gap: extent });
    else await fill(band, source, offset + begin, steps, { width, most: CHUNK_BYTES, gap: GAP_BYTES });
    for (let at = 0; at < length; at += CHUNK_BYTES) yield band.subarray(at, at + CHUNK_BYTES);
  }
}

interface Step extends Axis {
  /** Bytes from one step to the next in the band */
  to: number;
}

interface Band {
  /** Of its first element, from that of the view */
  begin: number;
  steps: Step[];
  length: number;
}

/** The view in bands of at most `most` bytes: some steps of one axis, with all of the axes that run faster. */
function* bandsOf(axes: readonly Axis[], width: number, most: number): Generator<Band, void, undefined> {
  const steps = axes.map((axis, i): Step => ({
    ...axis,
    to: axes.slice(i + 1).reduce((n, { size }) => n * size, width),
  }));
  const cut = steps.findIndex(({ to }) => to <= most);
  const { size, stride, to } = steps[cut]!;
  const perBand = Math.floor(most / to);
  for (const { from: outer } of placesOf(steps.slice(0, cut))) {
    for (let first = 0; first < size; first += perBand) {
      const count = Math.min(perBand, size - first);
      const inner = steps.slice(cut + 1);
      if (count > 1) inner.unshift({ size: count, stride, to });
      yield { begin: outer + first * stride, steps: inner, length: count * to };
    }
  }
}

interface ReadLimits {
  width: number;
  /** Bytes of one read */
  most: number;
  /** Bytes nobody asked for that are read rather than skipped */
  gap: number;
}

/** Reads what belongs into the band in the order of the file, and puts it in its places. */
async function fill(
  band: Uint8Array,
  source: ByteSource,
  begin: number,
  steps: readonly Step[],
  { width, most, gap }: ReadLimits,
): Promise<void> {
  const perRead: Step[] = [];
  const outer = fastestFirst(steps);
  let reach = width;
  while (outer.length > 0) {
    const { size, stride, to } = outer[0]!;
    const fitting = stride === 0 ? size : 1 + Math.floor((most - reach) / stride);
    const together = stride - reach > gap ? 1 : Math.min(size, fitting);
    if (together < size && together > 1) {
      // So many steps in one read, and a rest that is read on its own.
      const whole = size - (size % together);
      const [parts, rest] = [{ size: whole / together, stride: together * stride, to: together * to }, size - whole];
      const inner = { size: together, stride, to };
      await fillAll(band, source, begin, [...perRead, inner], [parts, ...outer.slice(1)], width);
      if (rest === 0) return;
      const last = { size: rest, stride, to };
      return fillAll(
        band.subarray(whole * to),
        source,
        begin + whole * stride,
        [...perRead, last],
        outer.slice(1),
        width,
      );
    }
    if (together < size) break;
    perRead.push(outer.shift()!);
    reach += (size - 1) * stride;
  }
  await fillAll(band, source, begin, perRead, outer, width);
}

/** @param inner what one read holds, fastest first; @param outer where it is read */
async function fillAll(
  band: Uint8Array,
  source: ByteSource,
  begin: number,
  inner: readonly Step[],
  outer: readonly Step[],
  width: number,
): Promise<void> {
  const length = extentOf(inner, width);
  for (const { from, to } of placesOf(outer.toReversed())) {
    scatter(await source.read(begin + from, length), band, inner, { from: 0, to, width });
  }
}

/** Every combination of steps, the last axis running fastest. */
function* placesOf(steps: readonly Step[]): Generator<{ from: number; to: number }, void, undefined> {
  const index = steps.map(() => 0);
  let [from, to] = [0, 0];
  for (let axis = 0; axis >= 0;) {
    yield { from, to };
    for (axis = steps.length - 1; axis >= 0; axis--) {
      const step = steps[axis]!;
      from += step.stride;
      to += step.to;
      if (++index[axis]! < step.size) break;
      from -= step.size * step.stride;
      to -= step.size * step.to;
      index[axis] = 0;
    }
  }
}

function scatter(
  read: Uint8Array,
  band: Uint8Array,
  steps: readonly Step[],
  { from, to, width }: { from: number; to: number; width: number },
): void {
  const [fastest, ...slower] = steps;
  if (fastest === undefined) {
    band.set(read.subarray(0, width), to);
    return;
  }
  for (const place of placesOf(slower.toReversed())) {
    let [a, b] = [from + place.from, to + place.to];
    if (fastest.stride === width && fastest.to === width) {
      band.set(read.subarray(a, a + fastest.size * width), b);
      continue;
    }
    for (let i = 0; i < fastest.size; i++) {
      for (let byte = 0; byte < width; byte++) band[b + byte] = read[a + byte]!;
      a += fastest.stride;
      b += fastest.to;
    }
  }
}
