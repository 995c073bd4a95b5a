/** What a client says that it has and takes (RFC 9110 §12.5.3, §13.1.2). */
import type { IncomingHttpHeaders } from 'node:http';

/** Whether the client has the answer: its ETag among those named, by weak comparison, or any (§13.1.2). */
export function isHad({ 'if-none-match': had }: IncomingHttpHeaders, etag: string): boolean {
  return had !== undefined && had.split(',').some((one) => ['*', etag, `W/${etag}`].includes(one.trim()));
}

/** Whether the client names gzip among the codings that it takes, and not to refuse it (`q=0`). */
export function takesGzip({ 'accept-encoding': taken }: IncomingHttpHeaders): boolean {
  return String(taken ?? '')
    .split(',')
    .map((each) => each.trim().split(/\s*;\s*q=/i))
    .some(([coding = '', weight = '1']) => coding.toLowerCase() === 'gzip' && Number(weight) > 0);
}
