/** What a client has and takes, header by header (RFC 9110). */
import { expect, test } from '@jest/globals';
import { isHad, takesGzip } from '../../../../src/platform/http/client-headers.ts';

const ETAG = '"sha256:00"';

test.each<[string | undefined, boolean]>([
  [undefined, false],
  ['', false],
  ['"sha256:01"', false],
  ['sha256:00', false],
  [ETAG, true],
  [`W/${ETAG}`, true],
  [`"a", W/"b" ,${ETAG}`, true],
  ['*', true],
])('If-None-Match: %s says that the client has the file: %s', (had, expected) => {
  expect(isHad(had === undefined ? {} : { 'if-none-match': had }, ETAG)).toBe(expected);
});

test.each<[string | undefined, boolean]>([
  [undefined, false],
  ['', false],
  ['identity', false],
  ['br, x-gzip', false],
  ['gzip', true],
  ['br;q=1.0, GZip;q=0.5', true],
  ['gzip ; q=0.001', true],
  ['gzip;q=0', false],
  ['br, gzip; Q=0.000', false],
])('Accept-Encoding: %s takes gzip: %s', (taken, expected) => {
  expect(takesGzip(taken === undefined ? {} : { 'accept-encoding': taken })).toBe(expected);
});
