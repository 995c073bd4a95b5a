/**
 * Whether one tensor came from another by a conversion that is known here, tried by doing it again: the bytes must be the
 * same, all of them. Elements that are zero may have been pruned. What comes out is counted by how much it tells: a tensor
 * of zeros comes from anything.
 */
import type { StoredTensor } from '../weights/container.ts';
import { inChunks } from '../weights/digest.ts';
import type { Dtype } from '../weights/dtype.ts';
import { elementCount, tensorBytes } from '../weights/dtype.ts';
import type { Encode } from './elements.ts';
import { encodersOf, isFloat, isNumber, numbersOf } from './elements.ts';
import type { Layout } from './layouts.ts';
import { layoutsFrom, turn } from './layouts.ts';

export interface Explained {
  readonly child: string;
  readonly parent: string;
  readonly from: Dtype;
  readonly to: Dtype;
  readonly turned: boolean;
  /** Elements that are zero in the child alone */
  readonly pruned: number;
  /** Elements, or bytes of blocks, that are not zero and unlike the one before */
  readonly telling: number;
}

/** Elements that are compared at a time; every block type divides it. */
const SLAB = 1 << 17;
/** What is turned round is held in memory: 256 MiB as numbers. */
const MAX_HELD = 1 << 25;

/** @returns undefined where no known conversion makes the child from the parent */
export async function explainTensor(child: StoredTensor, parent: StoredTensor): Promise<Explained | undefined> {
  for (const layout of layoutsFrom(parent.shape, child.shape)) {
    for (const make of waysFrom(parent, child, layout)) {
      const matched = await compare(make(), child);
      if (matched === undefined) continue;
      const { name, dtype } = child;
      return { child: name, parent: parent.name, from: parent.dtype, to: dtype, turned: layout !== null, ...matched };
    }
  }
  return undefined;
}

type Slabs = AsyncIterable<Uint8Array>;

function waysFrom(parent: StoredTensor, child: StoredTensor, layout: Layout): (() => Slabs)[] {
  if (layout === null && parent.dtype === child.dtype) return [() => slabsOf(parent)];
  const { dtype } = child;
  if (!isNumber(dtype) || !isNumber(parent.dtype)) return [];
  if (layout === null) return encodersOf(dtype).map((encode) => () => encoded(parent, encode));
  if (elementCount(parent.shape)! > MAX_HELD) return [];
  return encodersOf(dtype).map((encode) => () => turned(parent, dtype, layout, encode));
}

const slabsOf = (tensor: StoredTensor): AsyncGenerator<Uint8Array, void, undefined> =>
  inChunks(tensor.pieces(), slabBytes(tensor.dtype));
const slabBytes = (dtype: Dtype): number => tensorBytes(dtype, [SLAB], 'slab');

async function* encoded(parent: StoredTensor, encode: Encode): Slabs {
  if (!isNumber(parent.dtype)) return;
  for await (const slab of slabsOf(parent)) yield encode(numbersOf(parent.dtype, slab));
}

async function* turned(parent: StoredTensor, to: Dtype, axes: readonly number[], encode: Encode): Slabs {
  yield* inChunks([encode(turn(await valuesOf(parent), parent.shape, axes))], slabBytes(to));
}

/** All elements of a tensor that is small enough, as numbers. */
export async function valuesOf(tensor: StoredTensor): Promise<Float64Array> {
  const values = new Float64Array(elementCount(tensor.shape)!);
  let at = 0;
  if (!isNumber(tensor.dtype)) return values;
  for await (const slab of slabsOf(tensor)) {
    const part = numbersOf(tensor.dtype, slab);
    values.set(part, at);
    at += part.length;
  }
  return values;
}

/** Whether a tensor can be held as numbers. */
export const isHeld = ({ dtype, shape }: Pick<StoredTensor, 'dtype' | 'shape'>): boolean =>
  isNumber(dtype) && elementCount(shape)! <= MAX_HELD;

async function compare(made: Slabs, child: StoredTensor): Promise<Pick<Explained, 'pruned' | 'telling'> | undefined> {
  const counted = { pruned: 0, telling: 0 };
  const own = slabsOf(child);
  try {
    for await (const slab of made) {
      const next = await own.next();
      if (next.done === true || !compareSlab(slab, next.value, child.dtype, counted)) return undefined;
    }
    return (await own.next()).done === true ? counted : undefined;
  } finally {
    // Whoever reads ahead stops before the file is closed.
    await own.return();
  }
}

/** @returns whether the slabs are the same but for pruned elements */
function compareSlab(
  made: Uint8Array,
  own: Uint8Array,
  dtype: Dtype,
  counted: { pruned: number; telling: number },
): boolean {
  if (made.length !== own.length) return false;
  const [theirs, ours, prunable] = [wordsOf(made, dtype), wordsOf(own, dtype), isFloat(dtype)];
  const perElement = dtype === 'F64' ? 2 : 1;
  let before = 0;
  for (let i = 0; i < ours.length; i += perElement) {
    const [high, low] = perElement === 2 ? [ours[i + 1]!, ours[i]!] : [ours[i]!, 0];
    const isSame = theirs[i] === ours[i] && (perElement === 1 || theirs[i + 1] === high);
    const zero = low === 0 && (high === 0 || (prunable && high === SIGN[ours.BYTES_PER_ELEMENT]));
    if (!isSame) {
      if (!prunable || !zero) return false;
      counted.pruned++;
    } else if (!zero && high !== before) {
      counted.telling++;
    }
    before = high;
  }
  return true;
}

const SIGN: Readonly<Record<number, number>> = { 2: 0x8000, 4: 0x80000000 };

/** The elements of floats; of anything else its bytes. They are compared with one another, so their order is any. */
function wordsOf(bytes: Uint8Array, dtype: Dtype): Uint8Array | Uint16Array | Uint32Array {
  if (!isFloat(dtype)) return bytes;
  // Views want their bytes aligned.
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return dtype === 'F32' || dtype === 'F64'
    ? new Uint32Array(buffer, byteOffset, length / 4)
    : new Uint16Array(buffer, byteOffset, length / 2);
}
