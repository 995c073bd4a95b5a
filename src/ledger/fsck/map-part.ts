/**
 * The maps over the digests of one bucket, which is what a thread computes of them at a time: all keys that begin with the
 * same byte meet in one subtree, whatever the others are. Packed as bytes, since it travels between threads.
 */
import type { Sha256 } from '../../core/digest.ts';
import type { MapPart } from '../../core/map/history.ts';
import { MapHistory } from '../../core/map/history.ts';
import type { Stored } from '../../core/map/stored.ts';
import { HASH_SIZE } from '../../core/merkle/tree.ts';
import { NAMING_BYTES } from './named.ts';
import type { SharedBytes } from './tuple-buffer.ts';
import { TupleBuffer } from './tuple-buffer.ts';

export interface BucketTask {
  /** One after the other, in any order */
  readonly namings: Uint8Array;
  /** How many entries each of the maps covers, ascending */
  readonly sizes: readonly number[];
  /** Place of the first map whose leaves and nodes are shown */
  readonly watchFrom: number;
}

export interface Bucket {
  /** Undefined where no map has a digest of the bucket */
  readonly part: PackedPart | undefined;
  /** What `MapHistory` shows, as `shownIn` reads it */
  readonly shown: SharedBytes;
}

interface PackedPart extends Pick<MapPart, 'newKeys'> {
  /** The first key, the last one, and the hashes of the course */
  readonly bytes: Uint8Array;
  readonly steps: readonly number[];
}

export function mapBucket(sha256: Sha256, { namings, sizes, watchFrom }: BucketTask): Bucket {
  const shown = new TupleBuffer(namings.length);
  const watch = (stored: Stored, until: number) => addShown(shown, stored, until);
  const history = new MapHistory(sha256, sizes, { watch, watchFrom });
  let key: Buffer | undefined;
  let entries: number[] = [];
  for (const naming of sorted(namings)) {
    const next = naming.subarray(0, HASH_SIZE);
    if (key !== undefined && !key.equals(next)) {
      history.add(key, entries);
      entries = [];
    }
    key = next;
    entries.push(Number(naming.readBigUInt64BE(HASH_SIZE)));
  }
  if (key !== undefined) history.add(key, entries);
  return { part: pack(history.part()), shown: shown.bytes() };
}

export function unpack({ bytes, steps, newKeys }: PackedPart): MapPart {
  const [first, last, ...hashes] = Array.from({ length: bytes.length / HASH_SIZE }, (_, i) =>
    bytes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE),
  );
  return { first: first!, last: last!, course: { steps, hashes }, newKeys };
}

/** Leaves and nodes, with the place of the first map that does not have them any more. */
export function* shownIn(shown: SharedBytes): Generator<readonly [stored: Stored, until: number]> {
  const view = new DataView(shown.buffer, shown.byteOffset, shown.byteLength);
  for (let at = 0; at < shown.length;) {
    const [until, end] = [view.getUint32(at), at + HEAD_BYTES + HASH_SIZE + view.getUint32(at + 4)];
    at += HEAD_BYTES;
    yield [{ hash: shown.subarray(at, at + HASH_SIZE), content: shown.subarray(at + HASH_SIZE, end) }, until];
    at = end;
  }
}

/** `u32be until ‖ u32be bytes of the content`, then the hash and the content. */
const HEAD_BYTES = 8;
const head = new DataView(new ArrayBuffer(HEAD_BYTES));

function addShown(shown: TupleBuffer, { hash, content }: Stored, until: number): void {
  head.setUint32(0, until);
  head.setUint32(4, content.length);
  shown.add(new Uint8Array(head.buffer));
  shown.add(hash);
  shown.add(content);
}

/** By key, those of one key in log order. */
function sorted(namings: Uint8Array): Buffer[] {
  const buffer = Buffer.from(namings.buffer, namings.byteOffset, namings.byteLength);
  const each = Array.from({ length: buffer.length / NAMING_BYTES }, (_, i) =>
    buffer.subarray(i * NAMING_BYTES, (i + 1) * NAMING_BYTES),
  );
  return each.sort((a, b) => Buffer.compare(a, b));
}

function pack(part: MapPart | undefined): PackedPart | undefined {
  if (part === undefined) return undefined;
  const { first, last, course, newKeys } = part;
  const bytes = new Uint8Array((2 + course.hashes.length) * HASH_SIZE);
  for (const [i, hash] of [first, last, ...course.hashes].entries()) bytes.set(hash, i * HASH_SIZE);
  return { bytes, steps: course.steps, newKeys };
}
