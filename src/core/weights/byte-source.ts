/**
 * Bytes that can be read at any place, so that a container of any size is inspected without loading it: a file on the
 * server, a Blob in the browser, an encrypted artifact, or bytes in memory.
 */
import { RegistryError } from '../errors.ts';

export interface ByteSource {
  /** Number of bytes, fixed while the source is read. */
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset` on. The array belongs to the caller: the source never writes to it again.
   * @throws RegistryError `malformed_container` when the range is not inside the source or the bytes are gone
   */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: async (offset, length) => {
      checkRange(bytes.length, offset, length);
      return Promise.resolve(bytes.subarray(offset, offset + length));
    },
  };
}

/** `size` bytes of a source from `start` on, as a source of their own */
export function partOf(source: ByteSource, start: number, size: number): ByteSource {
  checkRange(source.size, start, size);
  return {
    size,
    read: async (offset, length) => {
      checkRange(size, offset, length);
      return source.read(start + offset, length);
    },
  };
}

/** @throws RegistryError `malformed_container` unless `offset` and `length` lie inside `size` bytes */
export function checkRange(size: number, offset: number, length: number): void {
  const fits = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (fits && offset + length <= size) return;
  throw new RegistryError('malformed_container', `There are no ${length} bytes at ${offset} in ${size} bytes.`);
}

/**
 * The bytes from `start` to `end` in pieces of at most `pieceSize`. The next piece is asked for before this one is
 * handed out, so reading and hashing overlap; never more than two pieces are held.
 */
export async function* readPieces(
  source: ByteSource,
  start: number,
  end: number,
  pieceSize: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const next = (offset: number): Promise<Uint8Array> | undefined => {
    if (offset >= end) return undefined;
    const read = source.read(offset, Math.min(pieceSize, end - offset));
    // The read may fail while the consumer is busy with the piece before: the error is thrown at the await below, this
    // handler only tells the runtime that somebody will look at it.
    read.catch(() => undefined);
    return read;
  };
  let pending = next(start);
  try {
    for (let offset = start; pending !== undefined; offset += pieceSize) {
      const piece: Uint8Array = await pending;
      pending = next(offset + pieceSize);
      yield piece;
    }
  } finally {
    // A consumer that stops early leaves one read under way: wait for it, so that the source can be closed.
    await Promise.allSettled([pending]);
  }
}
