import { describe, expect, test } from '@jest/globals';
import type { TileReader } from '../../../../src/core/merkle/proof.ts';
import {
  memoryTiles,
  proveConsistency,
  proveConsistencyFrom,
  proveInclusion,
  proveInclusionFrom,
  proveInclusionsFrom,
  tilesForInclusion,
  tilesForRoot,
  treeRoot,
  treeRootFrom,
} from '../../../../src/core/merkle/proof.ts';
import type { TileNodes } from '../../../../src/core/merkle/subtree.ts';
import { edgeTiles, tileKey, tileWidth } from '../../../../src/core/merkle/tile.ts';
import { rootOf, verifyConsistency, verifyInclusion } from '../../../../src/core/merkle/tree.ts';
import { flip, leaf, leaves, mth, path, sha256, subproof, tilesOver } from './fixture.ts';

const refused = expect.objectContaining({ code: 'proof_invalid' });
const inconsistent = expect.objectContaining({ code: 'ledger_inconsistent' });
const wrongInput = expect.objectContaining({ code: 'invalid_input' });

/** A reader that hands out exactly the width the tree has, and counts its batches. */
function exactReader(tiles: ReadonlyMap<string, Uint8Array>, size: number): TileReader & { batches: number } {
  return {
    batches: 0,
    read(ids) {
      this.batches++;
      return Promise.resolve(ids.map((id) => tiles.get(tileKey(id))!.subarray(0, 32 * tileWidth(id, size))));
    },
  };
}

describe('proofs from tiles', () => {
  const hashes = leaves(65_537 + 300);
  const tiles = tilesOver(hashes);

  test('every leaf of every size up to 300 has the proof of RFC 6962, from tiles that may be wider than the tree', () => {
    const memo = new Map<string, TileNodes>();
    for (let size = 1; size <= 300; size++) {
      const tree = hashes.slice(0, size);
      const root = rootOf(sha256, tree);
      expect(treeRootFrom(sha256, size, tiles)).toEqual(root);
      for (let index = 0; index < size; index++) {
        const proof = proveInclusionFrom(sha256, index, size, tiles, memo);
        verifyInclusion(sha256, { index, size, root, leafHash: tree[index]!, proof });
      }
    }
  });

  test('many leaves proved together have the proofs that each has alone, in the order asked', () => {
    for (const size of [1, 2, 3, 8, 100, 255, 256, 257, 300, 65_537 + 300]) {
      const indexes = [size - 1, 0, Math.floor(size / 3), Math.floor(size / 2), 0].filter((index) => index < size);
      for (const memo of [undefined, new Map<string, TileNodes>()]) {
        expect(proveInclusionsFrom(sha256, indexes, size, tiles, memo)).toEqual(
          indexes.map((index) => proveInclusionFrom(sha256, index, size, tiles)),
        );
      }
    }
    const all = [...Array(300).keys()];
    const together = proveInclusionsFrom(sha256, all, 300, tiles);
    expect(together).toEqual(all.map((index) => proveInclusionFrom(sha256, index, 300, tiles)));
    expect(proveInclusionsFrom(sha256, [], 300, tiles)).toEqual([]);
    expect(() => proveInclusionsFrom(sha256, [0, 300], 300, tiles)).toThrow(wrongInput);
  });

  test('proofs equal those of the recursion, with a memo and without', () => {
    const memo = new Map<string, TileNodes>();
    for (const size of [1, 2, 3, 8, 100, 255, 256, 257, 300]) {
      const tree = hashes.slice(0, size);
      for (let index = 0; index < size; index += 17) {
        const expected = path(index, tree);
        expect(proveInclusionFrom(sha256, index, size, tiles)).toEqual(expected);
        expect(proveInclusionFrom(sha256, index, size, tiles, memo)).toEqual(expected);
        if (index === 0) continue;
        expect(proveConsistencyFrom(sha256, index, size, tiles)).toEqual(subproof(index, tree, true));
        expect(proveConsistencyFrom(sha256, index, size, tiles, memo)).toEqual(subproof(index, tree, true));
      }
    }
    expect([...memo.keys()]).toContain('0/0');
  });

  test('a memo filled while a tile was partial does not stand in for what the tile holds later', () => {
    const memo = new Map<string, TileNodes>();
    for (let size = 1; size <= 600; size += 5) {
      const narrow = tilesOver(hashes.slice(0, size));
      for (const index of [0, Math.floor(size / 2), size - 1]) {
        expect(proveInclusionFrom(sha256, index, size, narrow, memo)).toEqual(
          proveInclusionFrom(sha256, index, size, tiles),
        );
      }
    }
  });

  test('every pair of sizes up to 100, and every third up to 300, is proved consistent', () => {
    const memo = new Map<string, TileNodes>();
    const roots = Array.from({ length: 301 }, (_, size) => rootOf(sha256, hashes.slice(0, size)));
    for (let secondSize = 0; secondSize <= 300; secondSize++) {
      for (
        let firstSize = secondSize > 100 ? secondSize % 3 : 0;
        firstSize <= secondSize;
        firstSize += secondSize > 100 ? 3 : 1
      ) {
        const proof = proveConsistencyFrom(sha256, firstSize, secondSize, tiles, memo);
        const [firstRoot, secondRoot] = [roots[firstSize]!, roots[secondSize]!];
        verifyConsistency(sha256, { firstSize, firstRoot, secondSize, secondRoot, proof });
      }
    }
  });

  test.each([65_535, 65_536, 65_537, 65_792, 65_793])(
    'around two full levels, %d leaves: one batch of exact tiles proves, and each flipped hash is refused',
    async (size) => {
      const root = await treeRoot(sha256, size, exactReader(tiles, size));
      expect(root).toEqual(mth(hashes.slice(0, size)));
      for (const index of [0, 1, 255, 256, 257, 32_767, 32_768, 65_279, 65_280, 65_534, size - 1]) {
        const reader = exactReader(tiles, size);
        const proof = await proveInclusion(sha256, index, size, reader);
        expect(reader.batches).toBe(1);
        const claim = { index, size, root, leafHash: hashes[index]!, proof };
        verifyInclusion(sha256, claim);
        for (const [i, hash] of proof.entries()) {
          const corrupt = { ...claim, proof: proof.with(i, flip(hash, size + index + i)) };
          expect(() => verifyInclusion(sha256, corrupt)).toThrow(refused);
        }
      }
      for (const firstSize of [1, 2, 255, 256, 257, 32_768, 65_280, 65_534, size - 1]) {
        const proof = await proveConsistency(sha256, firstSize, size, exactReader(tiles, size));
        const firstRoot = treeRootFrom(sha256, firstSize, tiles);
        const claim = { firstSize, firstRoot, secondSize: size, secondRoot: root, proof };
        verifyConsistency(sha256, claim);
        for (const [i, hash] of proof.entries()) {
          const corrupt = { ...claim, proof: proof.with(i, flip(hash, size + firstSize + i)) };
          expect(() => verifyConsistency(sha256, corrupt)).toThrow(refused);
        }
      }
    },
  );

  test('the root comes from the partial tiles alone, a proof from at most two tiles a level', () => {
    const order = (a: { level: number }, b: { level: number }) => a.level - b.level;
    for (const size of [1, 255, 256, 257, 65_535, 65_536, 65_537, 1_000_000, 123_456_789]) {
      expect(tilesForRoot(size).sort(order)).toEqual(edgeTiles(size));
      for (const index of [0, Math.floor(size / 2), size - 1]) {
        for (const tile of tilesForInclusion(index, size)) expect(tileWidth(tile, size)).toBeGreaterThan(0);
        expect(tilesForInclusion(index, size).length).toBeLessThanOrEqual(10);
      }
    }
  });

  test('a flipped bit in a tile cannot yield a proof that holds', () => {
    const size = 300;
    const root = mth(hashes.slice(0, size));
    for (const { level, index: at } of tilesForInclusion(5, size)) {
      const key = tileKey({ level, index: at });
      const used = level === 0 && at === 0 ? 4 : 0;
      const broken = new Map(tiles).set(key, flip(tiles.get(key)!, 32 * 8 * used + 3));
      const proof = proveInclusionFrom(sha256, 5, size, broken);
      expect(() => verifyInclusion(sha256, { index: 5, size, root, leafHash: leaf(5), proof })).toThrow(refused);
    }
  });

  test('a tile that is missing or too short is named, not guessed', async () => {
    const without = new Map(tiles);
    without.delete('0/1');
    expect(() => proveInclusionFrom(sha256, 0, 300, without)).toThrow(inconsistent);
    await expect(proveInclusion(sha256, 0, 300, memoryTiles(without))).rejects.toThrow(/Tile 0\/1/);
    const short = new Map(tiles).set('0/1', tiles.get('0/1')!.subarray(0, 43 * 32 + 31));
    await expect(treeRoot(sha256, 300, memoryTiles(short))).rejects.toEqual(inconsistent);
  });

  test.each([
    ['fewer', []],
    ['more', Array.from({ length: 20 }, () => new Uint8Array(8192))],
  ])('a reader that answers with %s tiles than asked is refused', async (_, answer) => {
    const reader: TileReader = { read: () => Promise.resolve(answer) };
    await expect(proveInclusion(sha256, 0, 300, reader)).rejects.toEqual(inconsistent);
    await expect(proveInclusion(sha256, 0, 300, reader)).rejects.toThrow(/tiles, \d+ were read/);
  });

  test('the empty tree has its root without any read', async () => {
    const none: TileReader = { read: () => Promise.reject(new Error('read')) };
    expect(await treeRoot(sha256, 0, none)).toEqual(sha256());
    expect(await proveInclusion(sha256, 0, 1, none)).toEqual([]);
    expect(await proveConsistency(sha256, 0, 5, none)).toEqual([]);
    expect(await proveConsistency(sha256, 5, 5, none)).toEqual([]);
  });

  test.each([
    ['an index equal to the size', 5, 5],
    ['a negative index', -1, 5],
    ['a fractional index', 1.5, 5],
    ['a size beyond 2^53', 0, 2 ** 53],
  ])('no proof is made for %s', (_, index, size) => {
    expect(() => proveInclusionFrom(sha256, index, size, tiles)).toThrow(wrongInput);
  });

  test('no proof is made that a log shrank', () => {
    expect(() => proveConsistencyFrom(sha256, 6, 5, tiles)).toThrow(wrongInput);
    expect(() => treeRootFrom(sha256, -1, tiles)).toThrow(wrongInput);
  });
});
