/**
 * The log's Merkle tree grown leaf by leaf (RFC 6962 §2.1) from nothing but the leaves. It keeps one hash a level, hands
 * out each tile (C2SP tlog-tiles) the moment it is full, and knows its root at every size, so one pass over the
 * statements recomputes everything that the log ever published.
 */
import { fromBase64, toBase64 } from '../../core/bytes.ts';
import type { Sha256 } from '../../core/digest.ts';
import type { Tile } from '../../core/merkle/tile.ts';
import { TILE_HEIGHT, TILE_WIDTH } from '../../core/merkle/tile.ts';
import { emptyRoot, HASH_SIZE, nodeHash } from '../../core/merkle/tree.ts';

/** Hashes in base64. */
export interface TreeState {
  readonly size: number;
  readonly waiting: readonly (string | null)[];
  readonly open: readonly { readonly hashes: string; readonly index: number }[];
}

export class GrowingTree {
  size = 0;
  /** By height: the perfect subtree that waits for its right sibling. */
  readonly #waiting: (Uint8Array | undefined)[] = [];
  /** By tile level: the hashes since the last full tile, and how many tiles were full before. */
  readonly #open: { hashes: Uint8Array; width: number; index: number }[] = [];

  constructor(private readonly sha256: Sha256) {}

  static restore(sha256: Sha256, { size, waiting, open }: TreeState): GrowingTree {
    const tree = new GrowingTree(sha256);
    tree.size = size;
    tree.#waiting.push(...waiting.map((hash) => (hash === null ? undefined : fromBase64(hash))));
    for (const { hashes, index } of open) {
      const listed = fromBase64(hashes);
      const tile = { hashes: new Uint8Array(TILE_WIDTH * HASH_SIZE), width: listed.length / HASH_SIZE, index };
      tile.hashes.set(listed);
      tree.#open.push(tile);
    }
    return tree;
  }

  /** What the tree is grown on from. */
  state(): TreeState {
    return {
      size: this.size,
      waiting: Array.from(this.#waiting, (hash) => (hash === undefined ? null : toBase64(hash))),
      open: this.#open.map(({ hashes, width, index }) => ({
        hashes: toBase64(hashes.subarray(0, width * HASH_SIZE)),
        index,
      })),
    };
  }

  /** @returns the tiles that this leaf filled */
  add(leafHash: Uint8Array): Tile[] {
    const full: Tile[] = [];
    let hash = leafHash;
    let height = 0;
    for (; ; height++) {
      if (height % TILE_HEIGHT === 0) this.#list(height / TILE_HEIGHT, hash, full);
      const left = this.#waiting[height];
      if (left === undefined) break;
      this.#waiting[height] = undefined;
      hash = nodeHash(this.sha256, left, hash);
    }
    this.#waiting[height] = hash;
    this.size++;
    return full;
  }

  root(): Uint8Array {
    let root: Uint8Array | undefined;
    for (const left of this.#waiting) {
      if (left !== undefined) root = root === undefined ? left : nodeHash(this.sha256, left, root);
    }
    return root ?? emptyRoot(this.sha256);
  }

  /** The tiles at the right edge, which are not full. */
  partialTiles(): Tile[] {
    return this.#open.flatMap(({ hashes, width, index }, level) =>
      width === 0 ? [] : [{ level, index, bytes: hashes.slice(0, width * HASH_SIZE) }],
    );
  }

  #list(level: number, hash: Uint8Array, full: Tile[]): void {
    const open = (this.#open[level] ??= { hashes: new Uint8Array(TILE_WIDTH * HASH_SIZE), width: 0, index: 0 });
    open.hashes.set(hash, open.width * HASH_SIZE);
    open.width++;
    if (open.width < TILE_WIDTH) return;
    full.push({ level, index: open.index, bytes: open.hashes });
    this.#open[level] = { hashes: new Uint8Array(TILE_WIDTH * HASH_SIZE), width: 0, index: open.index + 1 };
  }
}
