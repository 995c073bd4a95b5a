/**
 * A source read through a window, for containers whose description is many small values one after the other: they come out
 * of memory, 16 KiB at a time or as many as are wanted, while what is larger is read as it is asked for.
 */
import type { ByteSource } from './byte-source.ts';
import { checkRange } from './byte-source.ts';

export const WINDOW_BYTES = 16_384;

export interface WindowedSource extends ByteSource {
  /** What `read` would give, at once, where it is in the window */
  peek(offset: number, length: number): Uint8Array | undefined;
}

export function windowed(source: ByteSource, windowBytes = WINDOW_BYTES): WindowedSource {
  const { size } = source;
  let start = 0;
  let window: Uint8Array = new Uint8Array(0);
  const peek = (offset: number, length: number): Uint8Array | undefined =>
    offset >= start && offset + length <= start + window.length
      ? window.subarray(offset - start, offset - start + length)
      : undefined;
  return {
    size,
    peek,
    read: async (offset, length) => {
      const known = peek(offset, length);
      if (known !== undefined) return known;
      checkRange(size, offset, length);
      if (length >= windowBytes) return source.read(offset, length);
      // Views of the window before stay good: this is another array.
      window = await source.read(offset, Math.min(windowBytes, size - offset));
      start = offset;
      return window.subarray(0, length);
    },
  };
}
