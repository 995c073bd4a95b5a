/**
 * Appending to the tree from nothing but its right edge: the partial tile of each level holds all that the new root and
 * the new tiles depend on, so an append reads at most seven tiles however large the log is. Full tiles of the old tree
 * are neither read nor written; a tile that fills up is written once more, whole, and then never again.
 */
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { treeRootFrom } from './proof.ts';
import type { TileMap } from './subtree.ts';
import { foldHashes } from './subtree.ts';
import type { Tile } from './tile.ts';
import { TILE_WIDTH, edgeTiles, hashesAtLevel, tileKey } from './tile.ts';
import { HASH_SIZE, isSize } from './tree.ts';

const TILE_BYTES = TILE_WIDTH * HASH_SIZE;

export interface Appended {
  /** Leaves in the new tree. */
  size: number;
  root: Uint8Array;
  /** Every tile that was created or extended, at its new width. With the old edge they prove every new leaf. */
  tiles: Tile[];
}

/**
 * The tree of `size` leaves after `leafHashes` are appended.
 * @param edge the tiles of `edgeTiles(size)` by `tileKey`; wider ones serve as well
 * @throws RegistryError `ledger_inconsistent` when an edge tile is missing or too short, `invalid_input` for a leaf hash
 * that is not 32 bytes or a size beyond 2^53
 */
export function appendLeaves(sha256: Sha256, size: number, edge: TileMap, leafHashes: readonly Uint8Array[]): Appended {
  const newSize = size + leafHashes.length;
  if (!isSize(size) || !isSize(newSize)) {
    throw new RegistryError('invalid_input', `A log cannot grow from ${size} by ${leafHashes.length} leaves.`);
  }
  const tiles: Tile[] = [];
  const byKey = new Map(edge);
  let added: readonly Uint8Array[] = leafHashes;
  for (let level = 0; added.length > 0; level++) {
    const hashes = extend(level, size, edge, added);
    const first = Math.floor(hashesAtLevel(level, size) / TILE_WIDTH);
    const completed: Uint8Array[] = [];
    for (let at = 0; at < hashes.length; at += TILE_BYTES) {
      const tile = { level, index: first + at / TILE_BYTES, bytes: hashes.slice(at, at + TILE_BYTES) };
      if (tile.bytes.length === TILE_BYTES) completed.push(foldHashes(sha256, tile.bytes));
      tiles.push(tile);
      byKey.set(tileKey(tile), tile.bytes);
    }
    added = completed;
  }
  return { size: newSize, root: treeRootFrom(sha256, newSize, byKey), tiles };
}

/** The edge tiles of the tree after an append, ready for the next one. */
export function nextEdge(edge: TileMap, appended: Appended): Map<string, Uint8Array> {
  const changed = new Map(appended.tiles.map((tile) => [tileKey(tile), tile.bytes]));
  return new Map(
    edgeTiles(appended.size).map((id) => {
      const key = tileKey(id);
      const bytes = changed.get(key) ?? edge.get(key);
      if (bytes === undefined) throw new RegistryError('ledger_inconsistent', `Edge tile ${key} is missing.`);
      return [key, bytes];
    }),
  );
}

/** What the level's partial tile holds, followed by the added hashes. */
function extend(level: number, size: number, edge: TileMap, added: readonly Uint8Array[]): Uint8Array {
  const before = hashesAtLevel(level, size);
  const width = before % TILE_WIDTH;
  const hashes = new Uint8Array((width + added.length) * HASH_SIZE);
  if (width > 0) {
    const key = tileKey({ level, index: Math.floor(before / TILE_WIDTH) });
    const old = edge.get(key);
    if (old === undefined || old.length < width * HASH_SIZE) {
      throw new RegistryError(
        'ledger_inconsistent',
        `Edge tile ${key} is missing or holds fewer than ${width} hashes.`,
      );
    }
    hashes.set(old.subarray(0, width * HASH_SIZE));
  }
  for (const [i, hash] of added.entries()) {
    if (hash.length !== HASH_SIZE) {
      throw new RegistryError('invalid_input', `A leaf hash has ${HASH_SIZE} bytes, not ${hash.length}.`);
    }
    hashes.set(hash, (width + i) * HASH_SIZE);
  }
  return hashes;
}
