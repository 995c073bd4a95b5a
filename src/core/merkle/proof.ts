/**
 * Inclusion proofs (RFC 9162 §2.1.3.1), consistency proofs (§2.1.4.1) and roots, computed from tiles. First the plan:
 * which ranges of leaves the proof hashes, and in which tiles they lie; then, with the tiles in hand, the hashes. So one
 * batched read serves any proof, and a writer that already holds the tiles needs none.
 *
 * Computing a proof does not vouch for it: tiles may come from a mirror or a damaged disk. `verifyInclusion` and
 * `verifyConsistency` judge the outcome against a trusted root.
 */
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { LeafRange, TileMap, TileMemo } from './subtree.ts';
import { hashRange, tilesOf } from './subtree.ts';
import type { TileId } from './tile.ts';
import { tileKey } from './tile.ts';
import { emptyRoot, isSize, splitPoint } from './tree.ts';

/** Storage of tiles, reached by one batched method. */
export interface TileReader {
  /**
   * The hashes of each tile, in the order asked. A tile may hold more than the tree that the caller thinks of: a wider
   * tile starts with the narrower one.
   */
  read(tiles: readonly TileId[]): Promise<readonly Uint8Array[]>;
}

/** The tiles that prove leaf `index` in a tree of `size` leaves. */
export function tilesForInclusion(index: number, size: number): TileId[] {
  return tilesOf(inclusionPlan(index, size));
}

/** The tiles that prove that a tree of `second` leaves extends one of `first`. */
export function tilesForConsistency(first: number, second: number): TileId[] {
  return tilesOf(consistencyPlan(first, second));
}

/** The tiles that give the root of a tree of `size` leaves: its partial ones. */
export function tilesForRoot(size: number): TileId[] {
  return tilesOf(rootPlan(size));
}

/**
 * The inclusion proof, leaf's sibling first, from tiles in hand.
 * @throws RegistryError `invalid_input` for an index outside the tree, `ledger_inconsistent` for a missing or short tile
 */
export function proveInclusionFrom(
  sha256: Sha256,
  index: number,
  size: number,
  tiles: TileMap,
  memo?: TileMemo,
): Uint8Array[] {
  return inclusionPlan(index, size).map((range) => hashRange(sha256, range, tiles, memo));
}

/**
 * The inclusion proofs of many leaves in one tree: each sibling that several of them share is hashed once.
 * @throws RegistryError as `proveInclusionFrom`
 */
export function proveInclusionsFrom(
  sha256: Sha256,
  indexes: readonly number[],
  size: number,
  tiles: TileMap,
  memo?: TileMemo,
): Uint8Array[][] {
  for (const index of indexes) requireLeaf(index, size);
  const proofs = indexes.map((): Uint8Array[] => []);
  const descend = (start: number, end: number, leaves: readonly number[]): void => {
    if (end - start <= 1 || leaves.length === 0) return;
    const split = start + splitPoint(end - start);
    const left = leaves.filter((leaf) => indexes[leaf]! < split);
    const right = leaves.filter((leaf) => indexes[leaf]! >= split);
    descend(start, split, left);
    descend(split, end, right);
    const sibling = (range: LeafRange) => hashRange(sha256, range, tiles, memo);
    if (left.length > 0) push(sibling({ start: split, end }), left);
    if (right.length > 0) push(sibling({ start, end: split }), right);
  };
  const push = (hash: Uint8Array, leaves: readonly number[]): void => {
    for (const leaf of leaves) proofs[leaf]!.push(hash);
  };
  descend(0, size, [...indexes.keys()]);
  return proofs;
}

/**
 * The consistency proof from tiles in hand; empty when `first` is 0 or equals `second`.
 * @throws RegistryError `invalid_input` when `first` exceeds `second`, `ledger_inconsistent`
 */
export function proveConsistencyFrom(
  sha256: Sha256,
  first: number,
  second: number,
  tiles: TileMap,
  memo?: TileMemo,
): Uint8Array[] {
  return consistencyPlan(first, second).map((range) => hashRange(sha256, range, tiles, memo));
}

/**
 * The root of the tree of `size` leaves from tiles in hand, of which its partial tiles suffice.
 * @throws RegistryError `ledger_inconsistent`
 */
export function treeRootFrom(sha256: Sha256, size: number, tiles: TileMap, memo?: TileMemo): Uint8Array {
  const [whole] = rootPlan(size);
  return whole === undefined ? emptyRoot(sha256) : hashRange(sha256, whole, tiles, memo);
}

/** `proveInclusionFrom`, with one read of the tiles it needs. */
export async function proveInclusion(
  sha256: Sha256,
  index: number,
  size: number,
  reader: TileReader,
): Promise<Uint8Array[]> {
  return proveInclusionFrom(sha256, index, size, await readTiles(reader, tilesForInclusion(index, size)));
}

/** `proveConsistencyFrom`, with one read of the tiles it needs. */
export async function proveConsistency(
  sha256: Sha256,
  first: number,
  second: number,
  reader: TileReader,
): Promise<Uint8Array[]> {
  return proveConsistencyFrom(sha256, first, second, await readTiles(reader, tilesForConsistency(first, second)));
}

/** `treeRootFrom`, with one read of the tiles it needs. */
export async function treeRoot(sha256: Sha256, size: number, reader: TileReader): Promise<Uint8Array> {
  return treeRootFrom(sha256, size, await readTiles(reader, tilesForRoot(size)));
}

/** A reader over tiles in memory; a tile that is not there reads as empty. */
export function memoryTiles(tiles: TileMap): TileReader {
  return { read: (ids) => Promise.resolve(ids.map((id) => tiles.get(tileKey(id)) ?? new Uint8Array(0))) };
}

/** Reads tiles in one batch and files them under their keys; asks for nothing when nothing is needed. */
export async function readTiles(reader: TileReader, ids: readonly TileId[]): Promise<Map<string, Uint8Array>> {
  if (ids.length === 0) return new Map();
  const tiles = await reader.read(ids);
  if (tiles.length !== ids.length) {
    throw new RegistryError('ledger_inconsistent', `Of ${ids.length} tiles, ${tiles.length} were read.`);
  }
  return new Map(ids.map((id, i) => [tileKey(id), tiles[i]!]));
}

/** The sibling of each node on the way from the leaf to the root. */
function inclusionPlan(index: number, size: number): LeafRange[] {
  requireLeaf(index, size);
  const siblings: LeafRange[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const split = start + splitPoint(end - start);
    if (index < split) {
      siblings.push({ start: split, end });
      end = split;
    } else {
      siblings.push({ start, end: split });
      start = split;
    }
  }
  return siblings.reverse();
}

function requireLeaf(index: number, size: number): void {
  if (isSize(index) && isSize(size) && index < size) return;
  throw new RegistryError('invalid_input', `There is no leaf ${index} in a tree of ${size}.`, { field: 'index' });
}

/** SUBPROOF of RFC 9162 §2.1.4.1: walk down to the end of the first tree, keeping what lies on the other side. */
function consistencyPlan(first: number, second: number): LeafRange[] {
  if (!isSize(first) || !isSize(second) || first > second) {
    throw new RegistryError('invalid_input', `A tree of ${second} leaves cannot extend one of ${first}.`, {
      field: 'first',
    });
  }
  if (first === 0) return [];
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = second;
  while (first < end) {
    const split = start + splitPoint(end - start);
    if (first <= split) {
      ranges.push({ start: split, end });
      end = split;
    } else {
      ranges.push({ start, end: split });
      start = split;
    }
  }
  // A first tree that is a perfect subtree of the second is known to the verifier by its root.
  if (start > 0) ranges.push({ start, end });
  return ranges.reverse();
}

function rootPlan(size: number): LeafRange[] {
  if (!isSize(size)) throw new RegistryError('invalid_input', `${size} is not a tree size.`, { field: 'size' });
  return size === 0 ? [] : [{ start: 0, end: size }];
}
