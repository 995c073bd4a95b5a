/** Which part of a file a request gets, header by header (RFC 9110 §13, §14). */
import { describe, expect, test } from '@jest/globals';
import { partOf } from '../../../src/artifacts/part.ts';

const SIZE = 1000;
const ETAG = '"sha256:00"';

describe('a range', () => {
  test.each<[string, number, number]>([
    ['bytes=0-0', 0, 0],
    ['bytes=0-999', 0, 999],
    ['bytes=500-', 500, 999],
    ['bytes=999-', 999, 999],
    ['bytes=-1', 999, 999],
    ['bytes=-1000', 0, 999],
    ['bytes=-5000', 0, 999],
    ['bytes=10-99999999999999999999999999', 10, 999],
    ['BYTES=7-8', 7, 8],
  ])('%s is the bytes from %i to %i', (range, start, end) => {
    expect(partOf({ range }, SIZE, ETAG)).toEqual({ start, end });
    expect(partOf({ range, 'if-range': ETAG }, SIZE, ETAG)).toEqual({ start, end });
  });

  test.each(['bytes=1000-', 'bytes=1000-2000', 'bytes=99999999999999999999999999-', 'bytes=-0'])(
    '%s has nothing in it',
    (range) => expect(partOf({ range }, SIZE, ETAG)).toBe('none'),
  );

  test.each([
    ...['', 'bytes', 'bytes=', 'bytes=-', 'bytes=a-b', 'bytes=5-1', 'bytes=1.5-2', 'bytes=+1-2', 'bytes=0x1-2'],
    ...['bytes=1-2,5-6', 'lines=1-2', 'bytes = 1-2', 'bytes=1-2\n', 'bytes=--1'],
  ])('"%s" is ignored, as the RFC has it', (range) => expect(partOf({ range }, SIZE, ETAG)).toBe('all'));

  test('for the rest of another file, or of one of another day, gets the whole', () => {
    for (const ifRange of ['"sha256:01"', `W/${ETAG}`, 'Wed, 21 Oct 2026 07:28:00 GMT', '']) {
      expect(partOf({ range: 'bytes=5-', 'if-range': ifRange }, SIZE, ETAG)).toBe('all');
    }
  });

  test('of an empty file has nothing in it, and the whole is nothing', () => {
    expect(partOf({ range: 'bytes=0-' }, 0, ETAG)).toBe('none');
    expect(partOf({ range: 'bytes=-1' }, 0, ETAG)).toBe('none');
    expect(partOf({}, 0, ETAG)).toBe('all');
  });
});
