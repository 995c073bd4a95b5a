/**
 * A source read through a window, for containers whose description is many small values one after the other: they come out
 * of memory, 64 KiB at a time, while what is larger is read as it is asked for.
 */
import type { ByteSource } from './byte-source.ts';
import { checkRange } from './byte-source.ts';

export const WINDOW_BYTES = 65_536;

export function windowed(source: ByteSource): ByteSource {
  const { size } = source;
  let start = 0;
  let window: Uint8Array = new Uint8Array(0);
  return {
    size,
    read: async (offset, length) => {
      if (offset < start || offset + length > start + window.length) {
        checkRange(size, offset, length);
        if (length >= WINDOW_BYTES) return source.read(offset, length);
        // Views of the window before stay good: this is another array.
        window = await source.read(offset, Math.min(WINDOW_BYTES, size - offset));
        start = offset;
      }
      return window.subarray(offset - start, offset - start + length);
    },
  };
}
