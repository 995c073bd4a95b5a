/**
 * Which part of a file a client asks for (RFC 9110 §13.1.5, §14). One range of bytes is served; several at once, other
 * units and what is malformed are ignored, as the RFC has it, and answered with the whole.
 */
import type { IncomingHttpHeaders } from 'node:http';

export interface ByteRange {
  readonly start: number;
  /** The last byte of it */
  readonly end: number;
}

const RANGE = /^bytes=(?:(?<first>\d+)-(?<last>\d+)?|-(?<suffix>\d+))$/i;

/**
 * @param size bytes of the whole
 * @returns `all` too where the client has the beginning of another file (If-Range); `none` where there is nothing in the
 *   range, which is an error (§15.5.17)
 */
export function partOf({ range, 'if-range': ifRange }: IncomingHttpHeaders, size: number, etag: string) {
  if (range === undefined || (ifRange !== undefined && ifRange !== etag)) return 'all';
  const { first, last, suffix } = RANGE.exec(range)?.groups ?? {};
  if (first === undefined && suffix === undefined) return 'all';
  if (first !== undefined && Number(last ?? first) < Number(first)) return 'all';
  const start = first === undefined ? Math.max(0, size - Number(suffix)) : Number(first);
  if (start >= size) return 'none';
  return { start, end: Math.min(Number(last ?? size), size - 1) } satisfies ByteRange;
}
