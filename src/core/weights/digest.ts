/**
 * The weight digest: SHA-256 over a model's tensors, the same whatever container they came in. ‖ joins bytes, numbers
 * are unsigned little endian, H is SHA-256, R the Merkle root of RFC 6962 §2.1 over leaf hashes.
 *
 *   data      the tensor's elements, row-major, little endian, sub-byte types packed from the low bits on, the last byte
 *             filled up with zero bits; blocks of quantized types as ggml has them. Bytes count, not values: 0 and −0
 *             differ, and so do two spellings of NaN.
 *   chunks    data cut every 1,048,576 bytes, the last piece shorter; no chunk at all when the data is empty
 *   chunkRoot R(H(00 ‖ chunk) of each chunk), H("") when there is none
 *   shape     u32 rank ‖ u64 of each dimension; a scalar has rank 0
 *   text(s)   u32 number of bytes ‖ s in UTF-8, as it stands, not normalised
 *   leaf      H(00 ‖ "muniment tensor v1" ‖ 00 ‖ text(name) ‖ text(dtype) ‖ shape ‖ chunkRoot)
 *   digest    R(leaves, sorted by the UTF-8 bytes of their names)
 *
 *   nameless leaf    H(00 ‖ "muniment nameless tensor v1" ‖ 00 ‖ text(dtype) ‖ shape ‖ chunkRoot)
 *   nameless digest  R(nameless leaves, sorted by their bytes, equal ones kept)
 *
 * dtype is a name of dtype.ts. Names are distinct and at least one tensor is there. The tags end in 00 and every field
 * says its length, so no two different tensors have one pre-image, and a nameless leaf is never a named one. Moving a
 * byte from one tensor, dimension or name to the next therefore changes the digest; renaming changes only the first.
 */
import { concat, utf8 } from '../bytes.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { leafHash, rootOf } from '../merkle/tree.ts';
import { compareBytes } from './compare-bytes.ts';
import type { Dtype } from './dtype.ts';
import { tensorBytes } from './dtype.ts';
import { shown } from './header-json.ts';

export const CHUNK_BYTES = 1 << 20;

export interface WeightDigests {
  weightDigest: Digest;
  /** Stays the same when tensors are renamed. */
  namelessDigest: Digest;
}

export interface TensorHead {
  name: string;
  dtype: Dtype;
  shape: readonly number[];
}

export interface TensorInMemory extends TensorHead {
  data: Uint8Array;
}

export interface TensorStream extends TensorHead {
  /** The data in pieces of any size; a piece must not be written to after it was handed over. */
  pieces(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** `SHA-256(00 ‖ chunk)`, at once or later: the place for worker threads and WebCrypto. */
export type HashChunk = (chunk: Uint8Array) => Uint8Array | Promise<Uint8Array>;

export interface WeightDigestOptions {
  /** Instead of hashing chunks with `sha256`. */
  hashChunk?: HashChunk;
  /** Chunks that may wait for `hashChunk` at one time, so many MiB are held at most. */
  chunksInFlight?: number;
}

/**
 * Digests of tensors in memory, without leaving the call.
 * @throws RegistryError `malformed_container`
 */
export function weightDigestOf(sha256: Sha256, tensors: Iterable<TensorInMemory>): WeightDigests {
  const hashed: HashedTensor[] = [];
  for (const { data, ...head } of tensors) {
    checkLength(head, data.length);
    const leaves: Uint8Array[] = [];
    for (let at = 0; at < data.length; at += CHUNK_BYTES) {
      leaves.push(leafHash(sha256, data.subarray(at, at + CHUNK_BYTES)));
    }
    hashed.push({ ...head, chunkRoot: rootOf(sha256, leaves) });
  }
  return combine(sha256, hashed);
}

/**
 * Digests of tensors that arrive in pieces, one tensor after the other in the order given; memory is bounded by the
 * pieces and the chunks in flight.
 * @throws RegistryError `malformed_container`
 */
export async function weightDigest(
  sha256: Sha256,
  tensors: AsyncIterable<TensorStream> | Iterable<TensorStream>,
  options: WeightDigestOptions = {},
): Promise<WeightDigests> {
  const hashed: HashedTensor[] = [];
  for await (const tensor of tensors) hashed.push(await hashTensor(sha256, tensor, options));
  return combine(sha256, hashed);
}

/** @throws RegistryError `malformed_container` when the data does not fit dtype and shape */
export async function hashTensor(
  sha256: Sha256,
  tensor: TensorStream,
  { hashChunk = (chunk) => leafHash(sha256, chunk), chunksInFlight = 8 }: WeightDigestOptions = {},
): Promise<HashedTensor> {
  const queue = new HashQueue(hashChunk, chunksInFlight);
  let length = 0;
  for await (const chunk of inChunks(tensor.pieces())) {
    length += chunk.length;
    await queue.add(chunk);
  }
  const leaves = await queue.hashes();
  const { name, dtype, shape } = tensor;
  checkLength(tensor, length);
  return { name, dtype, shape, chunkRoot: rootOf(sha256, leaves) };
}

/** A tensor whose data has been hashed. */
export interface HashedTensor extends TensorHead {
  /** 32 bytes */
  chunkRoot: Uint8Array;
}

/**
 * The digests over tensors whose chunk roots are known.
 * @throws RegistryError `malformed_container` when there is no tensor or a name stands twice
 */
export function combine(sha256: Sha256, tensors: readonly HashedTensor[]): WeightDigests {
  if (tensors.length === 0) {
    // Otherwise all empty files would be one and the same model.
    throw new RegistryError('malformed_container', 'There is no tensor, so there is no weight digest.');
  }
  const named = tensors
    .map((tensor) => ({ key: utf8(tensor.name), leaf: leafHash(sha256, tensorLeafInput(tensor)) }))
    .sort((a, b) => compareBytes(a.key, b.key));
  for (const [i, { key }] of named.entries()) {
    if (i === 0 || compareBytes(named[i - 1]!.key, key) !== 0) continue;
    const name = shown(new TextDecoder().decode(key));
    throw new RegistryError('malformed_container', `Two tensors are called "${name}".`, { field: name });
  }
  const nameless = tensors.map((tensor) => leafHash(sha256, namelessLeafInput(tensor))).sort(compareBytes);
  return {
    weightDigest: formatDigest(
      rootOf(
        sha256,
        named.map(({ leaf }) => leaf),
      ),
    ),
    namelessDigest: formatDigest(rootOf(sha256, nameless)),
  };
}

/** What is hashed, after 00, to the leaf of a tensor. */
export function tensorLeafInput({ name, dtype, shape, chunkRoot }: HashedTensor): Uint8Array {
  if (!name.isWellFormed()) {
    throw new RegistryError('malformed_container', 'A tensor name holds a lone surrogate.', { field: shown(name) });
  }
  return concat(TENSOR_TAG, text(name), text(dtype), shapeBytes(shape), chunkRoot);
}

/** What is hashed, after 00, to the nameless leaf of a tensor. */
export function namelessLeafInput({ dtype, shape, chunkRoot }: HashedTensor): Uint8Array {
  return concat(NAMELESS_TAG, text(dtype), shapeBytes(shape), chunkRoot);
}

const TENSOR_TAG = utf8('muniment tensor v1\0');
const NAMELESS_TAG = utf8('muniment nameless tensor v1\0');

function text(value: string): Uint8Array {
  const bytes = utf8(value);
  const field = new Uint8Array(4 + bytes.length);
  new DataView(field.buffer).setUint32(0, bytes.length, true);
  field.set(bytes, 4);
  return field;
}

function shapeBytes(shape: readonly number[]): Uint8Array {
  const field = new Uint8Array(4 + 8 * shape.length);
  const view = new DataView(field.buffer);
  view.setUint32(0, shape.length, true);
  for (const [i, dimension] of shape.entries()) view.setBigUint64(4 + 8 * i, BigInt(dimension), true);
  return field;
}

/** @throws RegistryError `malformed_container` when a tensor of so many bytes has another dtype or shape */
export function checkLength({ name, dtype, shape }: TensorHead, length: number): void {
  const wanted = tensorBytes(dtype, shape, shown(name));
  if (length === wanted) return;
  throw new RegistryError(
    'malformed_container',
    `A tensor [${shape.join(', ')}] of ${dtype} takes ${wanted} bytes, not ${length}.`,
    { field: shown(name) },
  );
}

/** Cuts pieces of any size into chunks; a chunk that lies whole in a piece is handed on without copying. */
export async function* inChunks(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  size = CHUNK_BYTES,
): AsyncGenerator<Uint8Array, void, undefined> {
  let parts: Uint8Array[] = [];
  let filled = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + size - filled);
      parts.push(part);
      filled += part.length;
      at += part.length;
      if (filled < size) continue;
      yield joined(parts);
      parts = [];
      filled = 0;
    }
  }
  if (filled > 0) yield joined(parts);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : concat(...parts);
}

/** Keeps a bounded number of chunks with the hasher and their hashes in order. */
class HashQueue {
  private readonly results: Promise<Uint8Array>[] = [];

  constructor(
    private readonly hashChunk: HashChunk,
    private readonly limit: number,
  ) {}

  async add(chunk: Uint8Array): Promise<void> {
    const result = Promise.resolve(this.hashChunk(chunk));
    // The error surfaces where the hash is awaited; until then the runtime must not take it for an unhandled one.
    result.catch(() => undefined);
    this.results.push(result);
    if (this.results.length >= this.limit) await this.results[this.results.length - this.limit];
  }

  hashes(): Promise<Uint8Array[]> {
    return Promise.all(this.results);
  }
}
