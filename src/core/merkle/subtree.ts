/**
 * Perfect subtrees: those whose leaf count is a power of two and which start at a multiple of it. Once such a subtree is
 * complete its hash never changes, every tree and every proof is put together from them (RFC 6962 §2.1), and each lies
 * in exactly one tile (C2SP `tlog-tiles`). Tiles are given here as they are stored; whether they belong to the tree that
 * a checkpoint names is for the reader of the proof to judge.
 */
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { TileId } from './tile.ts';
import { TILE_HEIGHT, TILE_WIDTH, tileKey } from './tile.ts';
import { HASH_SIZE, nodeHash } from './tree.ts';

/** The leaves `index·2^height` up to, not including, `(index + 1)·2^height`. */
export interface Subtree {
  height: number;
  index: number;
}

/** The leaves from `start` up to, not including, `end`. */
export interface LeafRange {
  start: number;
  end: number;
}

/** Tiles at hand by `tileKey`. Each holds at least the hashes that are asked of it, and may hold more. */
export type TileMap = ReadonlyMap<string, Uint8Array>;

/**
 * Remembers the inner nodes of tiles by `tileKey`, 8 KiB each, so that proofs need next to no hashing. A `Map` will do, so
 * will any bounded cache. It believes the tiles it was filled from and belongs to one log: never share it between two.
 */
export interface TileMemo {
  get(key: string): TileNodes | undefined;
  set(key: string, nodes: TileNodes): unknown;
}

export interface TileNodes {
  /** How many hashes the tile had; in a log that only grows they stay as they are when it gets wider. */
  width: number;
  /** A heap of hashes: node 1 is the tile's root, nodes 2i and 2i + 1 are the children of i, nodes 256 to 511 the tile. */
  inner: Uint8Array;
}

/** The perfect subtrees that a range consists of, left to right, when it is one that RFC 6962's recursion reaches. */
export function subtreesOf({ start, end }: LeafRange): Subtree[] {
  const subtrees: Subtree[] = [];
  let at = start;
  for (let height = Math.ceil(Math.log2(Math.max(end - start, 1))); height >= 0; height--) {
    const leaves = 2 ** height;
    if (end - at < leaves) continue;
    subtrees.push({ height, index: at / leaves });
    at += leaves;
  }
  return subtrees;
}

/** The tiles that hold the hashes of these ranges, each once. */
export function tilesOf(ranges: readonly LeafRange[]): TileId[] {
  const tiles = new Map<string, TileId>();
  for (const range of ranges) {
    for (const subtree of subtreesOf(range)) {
      const { tile } = placeOf(subtree);
      tiles.set(tileKey(tile), tile);
    }
  }
  return [...tiles.values()];
}

/**
 * The Merkle tree hash of a range that is not empty.
 * @throws RegistryError `ledger_inconsistent` when a tile is missing or too short
 */
export function hashRange(sha256: Sha256, range: LeafRange, tiles: TileMap, memo?: TileMemo): Uint8Array {
  return subtreesOf(range)
    .map((subtree) => hashSubtree(sha256, subtree, tiles, memo))
    .reduceRight((right, left) => nodeHash(sha256, left, right));
}

/** The hash over a power of two of hashes laid end to end. */
export function foldHashes(sha256: Sha256, hashes: Uint8Array): Uint8Array {
  let level = hashes;
  while (level.length > HASH_SIZE) {
    const above = new Uint8Array(level.length / 2);
    for (let at = 0; at < above.length; at += HASH_SIZE) {
      above.set(nodeHash(sha256, hashAt(level, 2 * at), hashAt(level, 2 * at + HASH_SIZE)), at);
    }
    level = above;
  }
  return new Uint8Array(level);
}

function hashSubtree(sha256: Sha256, subtree: Subtree, tiles: TileMap, memo?: TileMemo): Uint8Array {
  const { tile, offset, count } = placeOf(subtree);
  const key = tileKey(tile);
  const bytes = tiles.get(key);
  const end = (offset + count) * HASH_SIZE;
  if (bytes === undefined || bytes.length < end) {
    throw new RegistryError(
      'ledger_inconsistent',
      `Tile ${key} is missing or holds fewer than ${offset + count} hashes.`,
    );
  }
  if (count > 1 && memo !== undefined) {
    let nodes = memo.get(key);
    if (nodes === undefined || nodes.width < offset + count) {
      nodes = tileNodes(sha256, bytes);
      memo.set(key, nodes);
    }
    return new Uint8Array(hashAt(nodes.inner, ((TILE_WIDTH + offset) / count) * HASH_SIZE));
  }
  return foldHashes(sha256, bytes.subarray(offset * HASH_SIZE, end));
}

/** Where a subtree's hash is found: `count` hashes, a power of two up to 128, from `offset` in the tile. */
function placeOf({ height, index }: Subtree): { tile: TileId; offset: number; count: number } {
  const level = Math.floor(height / TILE_HEIGHT);
  const count = 2 ** (height % TILE_HEIGHT);
  const first = index * count;
  return { tile: { level, index: Math.floor(first / TILE_WIDTH) }, offset: first % TILE_WIDTH, count };
}

/** The inner nodes whose subtrees are complete, of a tile that may be partial. */
function tileNodes(sha256: Sha256, tile: Uint8Array): TileNodes {
  const width = Math.min(TILE_WIDTH, Math.floor(tile.length / HASH_SIZE));
  const inner = new Uint8Array(TILE_WIDTH * HASH_SIZE);
  let below = tile;
  for (let count = 2; count <= width; count *= 2) {
    const first = TILE_WIDTH / count;
    for (let i = 0; i < Math.floor(width / count); i++) {
      const at = 2 * i * HASH_SIZE;
      inner.set(nodeHash(sha256, hashAt(below, at), hashAt(below, at + HASH_SIZE)), (first + i) * HASH_SIZE);
    }
    below = inner.subarray(first * HASH_SIZE, 2 * first * HASH_SIZE);
  }
  return { width, inner };
}

function hashAt(hashes: Uint8Array, at: number): Uint8Array {
  return hashes.subarray(at, at + HASH_SIZE);
}
