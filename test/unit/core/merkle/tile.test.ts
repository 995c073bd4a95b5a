import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { utf8 } from '../../../../src/core/bytes.ts';
import { formatBundle, parseBundle } from '../../../../src/core/merkle/bundle.ts';
import {
  allTiles,
  edgeTiles,
  entriesPath,
  parseTilePath,
  tilePath,
  tileWidth,
} from '../../../../src/core/merkle/tile.ts';

const refused = expect.objectContaining({ code: 'invalid_input' });

describe('tile paths', () => {
  test('are written as tlog-tiles writes them', () => {
    expect(tilePath({ level: 0, index: 0 })).toBe('tile/0/000');
    expect(tilePath({ level: 0, index: 1_234_067 }, 12)).toBe('tile/0/x001/x234/067.p/12');
    expect(tilePath({ level: 63, index: 1000 }, 256)).toBe('tile/63/x001/000');
    expect(entriesPath(999, 255)).toBe('tile/entries/999.p/255');
    expect(entriesPath(Number.MAX_SAFE_INTEGER)).toBe('tile/entries/x009/x007/x199/x254/x740/991');
  });

  test('parse is the inverse of format for any tile', () => {
    const any = fc.record({ level: fc.nat(63), index: fc.maxSafeNat(), width: fc.integer({ min: 1, max: 256 }) });
    fc.assert(
      fc.property(any, ({ level, index, width }) => {
        expect(parseTilePath(tilePath({ level, index }, width))).toEqual({ kind: 'hashes', level, index, width });
        expect(parseTilePath(entriesPath(index, width))).toEqual({ kind: 'entries', index, width });
      }),
    );
  });

  test('whatever parses is written back the same', () => {
    const piece = fc.constantFrom(
      'tile',
      'entries',
      '/',
      'x',
      '.p',
      '0',
      '00',
      '000',
      '001',
      'x000',
      '256',
      '7',
      '%',
      '..',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        try {
          const parsed = parseTilePath(text);
          const { index, width } = parsed;
          expect(parsed.kind === 'entries' ? entriesPath(index, width) : tilePath(parsed, width)).toBe(text);
        } catch (error) {
          expect(error).toEqual(refused);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['nothing', ''],
    ['a leading slash', '/tile/0/000'],
    ['a trailing slash', 'tile/0/000/'],
    ['a trailing newline', 'tile/0/000\n'],
    ['a climb', 'tile/0/../checkpoint'],
    ['an escaped slash', 'tile/0%2f000'],
    ['an index of one digit', 'tile/0/1'],
    ['an index of four digits', 'tile/0/0001'],
    ['a first group of zeroes', 'tile/0/x000/001'],
    ['a group without its x', 'tile/0/001/234'],
    ['a last group with an x', 'tile/0/x001'],
    ['a capital X', 'tile/0/X001/234'],
    ['a level with a leading zero', 'tile/00/000'],
    ['a level above 63', 'tile/64/000'],
    ['a negative level', 'tile/-1/000'],
    ["Go sumdb's tile height", 'tile/8/0/000'],
    ["Go sumdb's data level", 'tile/8/data/000'],
    ['a width of 0', 'tile/0/000.p/0'],
    ['a width of 256', 'tile/0/000.p/256'],
    ['a width with a leading zero', 'tile/0/000.p/012'],
    ['no width after .p', 'tile/0/000.p/'],
    ['a width of a word', 'tile/0/000.p/ten'],
    ['an index beyond 2^53', 'tile/0/x009/x007/x199/x254/x740/992'],
    ['a very long path', `tile/0/${'x001/'.repeat(100_000)}001`],
    ['digits of another script', 'tile/0/٠٠٠'],
  ])('does not parse %s', (_, text) => {
    expect(() => parseTilePath(text)).toThrow(refused);
  });

  test.each([
    ['a width of 0', { level: 0, index: 0 }, 0],
    ['a width of 257', { level: 0, index: 0 }, 257],
    ['a fractional index', { level: 0, index: 0.5 }, 1],
    ['a negative index', { level: 0, index: -1 }, 1],
    ['a level of 64', { level: 64, index: 0 }, 1],
  ])('does not write %s', (_, id, width) => {
    expect(() => tilePath(id, width)).toThrow(refused);
  });
});

describe('the tiles of a tree', () => {
  test('70,000 leaves make the tiles that the example of tlog-tiles lists', () => {
    const tiles = [...allTiles(70_000)];
    const of = (level: number) => tiles.filter((tile) => tile.level === level).map(({ width }) => width);
    expect(of(0)).toEqual([...Array<number>(273).fill(256), 112]);
    expect(of(1)).toEqual([256, 17]);
    expect(of(2)).toEqual([1]);
    expect(of(3)).toEqual([]);
    expect(edgeTiles(70_000)).toEqual([
      { level: 0, index: 273 },
      { level: 1, index: 1 },
      { level: 2, index: 0 },
    ]);
  });

  test('256 leaves make a full tile and a partial one above it, nothing empty', () => {
    expect([...allTiles(256)]).toEqual([
      { level: 0, index: 0, width: 256 },
      { level: 1, index: 0, width: 1 },
    ]);
    expect(edgeTiles(256)).toEqual([{ level: 1, index: 0 }]);
    expect(edgeTiles(0)).toEqual([]);
    expect([...allTiles(0)]).toEqual([]);
  });

  test('widths are 0 for absent, 256 for full tiles, and right beyond 32 bits', () => {
    expect(tileWidth({ level: 0, index: 0 }, 0)).toBe(0);
    expect(tileWidth({ level: 0, index: 0 }, 255)).toBe(255);
    expect(tileWidth({ level: 0, index: 0 }, 1_000_000)).toBe(256);
    expect(tileWidth({ level: 0, index: 1 }, 256)).toBe(0);
    expect(tileWidth({ level: 6, index: 0 }, Number.MAX_SAFE_INTEGER)).toBe(31);
    expect(tileWidth({ level: 0, index: 2 ** 34 }, 2 ** 42 + 5)).toBe(5);
    expect(edgeTiles(Number.MAX_SAFE_INTEGER)).toHaveLength(7);
  });

  test('the edge is the partial tiles, at most one a level, for any size', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (size) => {
        for (const tile of edgeTiles(size)) {
          expect(tileWidth(tile, size)).toBe(Math.floor(size / 256 ** tile.level) % 256);
          expect(tileWidth(tile, size)).toBeGreaterThan(0);
        }
        expect(new Set(edgeTiles(size).map(({ level }) => level)).size).toBe(edgeTiles(size).length);
      }),
    );
  });

  test('refuses a size that is not a count', () => {
    expect(() => edgeTiles(-1)).toThrow(refused);
    expect(() => tileWidth({ level: 0, index: 0 }, 2 ** 53)).toThrow(refused);
  });
});

describe('entry bundles', () => {
  test('put a two-byte big-endian length before each entry', () => {
    expect(formatBundle([utf8('ab'), new Uint8Array(0), new Uint8Array(258)])).toEqual(
      new Uint8Array([0, 2, 0x61, 0x62, 0, 0, 1, 2, ...new Uint8Array(258)]),
    );
  });

  test('parse is the inverse of format', () => {
    const entries = fc.array(fc.uint8Array({ maxLength: 600 }), { minLength: 1, maxLength: 256 });
    fc.assert(fc.property(entries, (list) => expect(parseBundle(formatBundle(list))).toEqual(list)));
  });

  test('whatever parses is written back the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ max: 3, maxLength: 40 }), (bytes) => {
        try {
          expect(formatBundle(parseBundle(bytes))).toEqual(bytes);
        } catch (error) {
          expect(error).toEqual(refused);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('an entry of 65,535 bytes fits and one more does not', () => {
    expect(parseBundle(formatBundle([new Uint8Array(65_535)]))[0]).toHaveLength(65_535);
    expect(() => formatBundle([new Uint8Array(65_536)])).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
  });

  test.each([
    ['no entries', new Uint8Array(0)],
    ['half a length', Uint8Array.of(0)],
    ['a length that runs past the end', Uint8Array.of(0, 2, 1)],
    ['a byte after the last entry', Uint8Array.of(0, 1, 7, 0)],
    ['257 entries', new Uint8Array(514)],
  ])('does not parse %s', (_, bytes) => {
    expect(() => parseBundle(bytes)).toThrow(refused);
  });

  test('does not write 257 entries, or none', () => {
    expect(() => formatBundle(Array.from({ length: 257 }, () => new Uint8Array(0)))).toThrow(refused);
    expect(() => formatBundle([])).toThrow(refused);
  });
});
