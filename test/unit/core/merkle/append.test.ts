import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { appendLeaves, nextEdge } from '../../../../src/core/merkle/append.ts';
import { proveConsistencyFrom, proveInclusionFrom } from '../../../../src/core/merkle/proof.ts';
import { allTiles, edgeTiles, tileKey } from '../../../../src/core/merkle/tile.ts';
import { emptyRoot, rootOf, verifyConsistency, verifyInclusion } from '../../../../src/core/merkle/tree.ts';
import { leaf, leaves, mth, sha256, summary, tilesOver } from './fixture.ts';

const inconsistent = expect.objectContaining({ code: 'ledger_inconsistent' });

describe('appending', () => {
  const pool = leaves(66_400);

  /** Appends in the given batch sizes from nothing but the edge; gives the last root and every tile as last written. */
  function grow(batches: readonly number[]) {
    let size = 0;
    let root = emptyRoot(sha256);
    let edge = new Map<string, Uint8Array>();
    const tiles = new Map<string, Uint8Array>();
    for (const count of batches) {
      const appended = appendLeaves(sha256, size, edge, pool.slice(size, size + count));
      for (const tile of appended.tiles) tiles.set(tileKey(tile), tile.bytes);
      edge = nextEdge(edge, appended);
      expect([...edge.keys()]).toEqual(edgeTiles(appended.size).map(tileKey));
      ({ size, root } = appended);
    }
    return { size, root, tiles };
  }

  test('any run of batches gives the tree that one batch gives', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 8 }), (batches) => {
        const { size, root, tiles } = grow(batches);
        expect(root).toEqual(mth(pool.slice(0, size)));
        expect(summary(tiles)).toEqual(summary(tilesOver(pool.slice(0, size))));
      }),
      { numRuns: 40 },
    );
  });

  test('leaf by leaf across the first full tiles, each root is that of RFC 6962', () => {
    let edge = new Map<string, Uint8Array>();
    for (let size = 0; size < 520; size++) {
      const appended = appendLeaves(sha256, size, edge, [pool[size]!]);
      expect(appended.root).toEqual(rootOf(sha256, pool.slice(0, size + 1)));
      edge = nextEdge(edge, appended);
    }
  });

  test('across the first full tile of level 1, batches still give the one tree', () => {
    const { size, root, tiles } = grow([65_279, 1, 255, 1, 1, 255, 256, 1]);
    expect(root).toEqual(mth(pool.slice(0, size)));
    expect(summary(tiles)).toEqual(summary(tilesOver(pool.slice(0, size))));
  });

  test('tiles have the width and the hashes that tlog-tiles defines', () => {
    const { size, tiles } = grow([66_049]);
    const expected = [...allTiles(size)];
    expect(tiles.size).toBe(expected.length);
    for (const { level, index, width } of expected) {
      const bytes = tiles.get(tileKey({ level, index }))!;
      expect(bytes).toHaveLength(32 * width);
      const span = 256 ** level;
      const start = (index * 256 + (width - 1)) * span;
      expect(bytes.slice(-32)).toEqual(mth(pool.slice(start, start + span)));
    }
  });

  test.each([
    [0, 1],
    [0, 600],
    [1, 1],
    [255, 1],
    [255, 2],
    [256, 1],
    [300, 700],
    [511, 1],
    [65_280, 300],
    [65_535, 1],
    [65_535, 2],
    [65_536, 257],
    [65_791, 1],
  ])('from %d leaves, edge and changed tiles prove each of %d new leaves and the step', (before, count) => {
    const all = tilesOver(pool.slice(0, before));
    const edge = new Map(edgeTiles(before).map((id) => [tileKey(id), all.get(tileKey(id))!]));
    const { size, root, tiles } = appendLeaves(sha256, before, edge, pool.slice(before, before + count));
    const hand = new Map([...edge, ...tiles.map((tile) => [tileKey(tile), tile.bytes] as const)]);
    for (let index = before; index < size; index++) {
      const proof = proveInclusionFrom(sha256, index, size, hand);
      verifyInclusion(sha256, { index, size, root, leafHash: pool[index]!, proof });
    }
    const firstRoot = mth(pool.slice(0, before));
    const proof = proveConsistencyFrom(sha256, before, size, hand);
    verifyConsistency(sha256, { firstSize: before, firstRoot, secondSize: size, secondRoot: root, proof });
  });

  test('full tiles of the old tree are neither asked for nor written again', () => {
    const all = tilesOver(pool.slice(0, 600));
    const edge = new Map(edgeTiles(600).map((id) => [tileKey(id), all.get(tileKey(id))!]));
    const { tiles } = appendLeaves(sha256, 600, edge, pool.slice(600, 900));
    expect(tiles.map(tileKey)).toEqual(['0/2', '0/3', '1/0']);
  });

  test('an append of nothing changes nothing', () => {
    const all = tilesOver(pool.slice(0, 300));
    expect(appendLeaves(sha256, 300, all, [])).toEqual({ size: 300, root: mth(pool.slice(0, 300)), tiles: [] });
    expect(appendLeaves(sha256, 0, new Map(), [])).toEqual({ size: 0, root: emptyRoot(sha256), tiles: [] });
  });

  test('the edge that was passed in stays as it was', () => {
    const edge = tilesOver(pool.slice(0, 300));
    const copy = new Map([...edge].map(([key, bytes]) => [key, bytes.slice()]));
    appendLeaves(sha256, 300, edge, pool.slice(300, 600));
    expect(edge).toEqual(copy);
  });

  test('edge tiles that are wider than the tree serve by their beginning', () => {
    const wide = tilesOver(pool.slice(0, 500));
    const appended = appendLeaves(sha256, 300, wide, [leaf(9999)]);
    expect(appended.root).toEqual(mth([...pool.slice(0, 300), leaf(9999)]));
    expect(appended.tiles.map(({ bytes }) => bytes.length / 32)).toEqual([45]);
  });

  test('a missing or short edge tile is refused, at every level', () => {
    const edge = tilesOver(pool.slice(0, 300));
    for (const key of ['0/1', '1/0']) {
      const without = new Map(edge);
      without.delete(key);
      expect(() => appendLeaves(sha256, 300, without, [leaf(300)])).toThrow(inconsistent);
      without.set(key, edge.get(key)!.subarray(1));
      expect(() => appendLeaves(sha256, 300, without, [leaf(300)])).toThrow(inconsistent);
    }
  });

  test('a leaf hash of another length, a size that is none, and a log past 2^53 are refused', () => {
    const wrong = expect.objectContaining({ code: 'invalid_input' });
    expect(() => appendLeaves(sha256, 0, new Map(), [new Uint8Array(31)])).toThrow(wrong);
    expect(() => appendLeaves(sha256, 0.5, new Map(), [leaf(0)])).toThrow(wrong);
    expect(() => appendLeaves(sha256, Number.MAX_SAFE_INTEGER, new Map(), [leaf(0)])).toThrow(wrong);
  });
});
