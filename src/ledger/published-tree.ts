/**
 * What outsiders see: the newest published checkpoint, and proofs against it. Full tiles never change and are kept; the
 * few tiles at the right edge are read once for each published size. Nothing is published before the anchor holds it.
 */
import type { DataSource } from 'typeorm';
import {
  proveConsistencyFrom,
  proveInclusionsFrom,
  tilesForConsistency,
  tilesForInclusion,
} from '../core/merkle/proof.ts';
import type { TileMap, TileNodes } from '../core/merkle/subtree.ts';
import type { TileId } from '../core/merkle/tile.ts';
import { TILE_WIDTH, tileKey } from '../core/merkle/tile.ts';
import { HASH_SIZE } from '../core/merkle/tree.ts';
import { toBase64 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Anchor } from './anchor.ts';
import { refuseRollback } from './anchor.ts';
import type { PublishedCheckpoint } from './log.store.ts';
import { insertCheckpoint, newestCheckpoint, readHead, readTileRows } from './log.store.ts';

/** 8 KiB each: at most 64 MiB, which proves any of 2 million entries without asking the database. */
const MAX_FULL_TILES = 8192;
/** About 1 KiB each in a log of a million entries. */
const MAX_PROOFS = 10_000;
/** Proofs are asked for against the newest checkpoint, and against the newest that witnesses have cosigned. */
const MAX_SIZES = 2;

/** What was read and proved for one size of the tree. */
interface Edge {
  readonly partial: Map<string, Uint8Array>;
  readonly memo: Map<string, TileNodes>;
  /** Base64, by index of the leaf */
  readonly byIndex: Map<number, string[]>;
}

export class PublishedTree {
  #newest: PublishedCheckpoint | undefined;
  #publishing: Promise<PublishedCheckpoint> | undefined;
  readonly #edges = new Map<number, Edge>();
  readonly #full = new Map<string, Uint8Array>();

  constructor(
    private readonly database: DataSource,
    private readonly anchor: Anchor,
  ) {}

  /** The newest published checkpoint that covers `size` entries, published now when there is none yet. */
  async checkpoint(size = 0): Promise<PublishedCheckpoint> {
    if (this.#newest && this.#newest.size >= size) return this.#newest;
    return this.publish();
  }

  /** Publishes the head if the log grew; the callers of one moment share one publication. */
  publish(): Promise<PublishedCheckpoint> {
    this.#publishing ??= this.#publish().finally(() => (this.#publishing = undefined));
    return this.#publishing;
  }

  async #publish(): Promise<PublishedCheckpoint> {
    const { manager } = this.database;
    // Before the head, which is committed before it is anchored: an honest head can only be as new, or newer.
    const anchored = this.anchor.newest;
    const head = await readHead(manager);
    if (head !== undefined && anchored !== undefined) refuseRollback(head, anchored);
    if (head === undefined || head.size === 0) throw new RegistryError('not_found', 'The log is empty.');
    if (this.#newest?.size !== head.size) {
      // The writer of this head may not have anchored it yet.
      await this.anchor.put(head);
      await insertCheckpoint(manager, head);
      const newest = await newestCheckpoint(manager);
      if (newest === undefined)
        throw new RegistryError('ledger_inconsistent', 'The published checkpoint is not there.');
      this.#newest = newest;
    }
    return this.#newest;
  }

  /**
   * Inclusion proofs (base64) of entries in the tree of a checkpoint, with one query at most. What was proved once for
   * a size is kept while it is one of the last two that were asked for.
   */
  async proveInclusion(indexes: readonly number[], size: number): Promise<string[][]> {
    const { memo, byIndex } = this.#edgeOf(size);
    const found = new Map(indexes.map((index) => [index, byIndex.get(index)]));
    const missing = indexes.filter((index) => found.get(index) === undefined);
    if (missing.length > 0) {
      const tiles = await this.#tiles(
        missing.flatMap((index) => tilesForInclusion(index, size)),
        size,
      );
      if (byIndex.size >= MAX_PROOFS) byIndex.clear();
      for (const [i, hashes] of proveInclusionsFrom(sha256, missing, size, tiles, memo).entries()) {
        const proof = hashes.map(toBase64);
        byIndex.set(missing[i]!, proof);
        found.set(missing[i]!, proof);
      }
    }
    return indexes.map((index) => found.get(index)!);
  }

  async proveConsistency(first: number, second: number): Promise<Uint8Array[]> {
    return proveConsistencyFrom(sha256, first, second, await this.#tiles(tilesForConsistency(first, second), second));
  }

  async #tiles(ids: readonly TileId[], size: number): Promise<TileMap> {
    const { partial } = this.#edgeOf(size);
    const found = new Map<string, Uint8Array>();
    const missing = new Map<string, TileId>();
    for (const id of ids) {
      const key = tileKey(id);
      const tile = this.#full.get(key) ?? partial.get(key);
      if (tile) found.set(key, tile);
      else missing.set(key, id);
    }
    if (missing.size > 0) {
      for (const [key, tile] of await readTileRows(this.database.manager, [...missing.values()])) {
        found.set(key, tile);
        if (tile.length === TILE_WIDTH * HASH_SIZE) this.#keep(key, tile);
        else partial.set(key, tile);
      }
    }
    return found;
  }

  #edgeOf(size: number): Edge {
    let edge = this.#edges.get(size);
    if (edge === undefined) {
      edge = { partial: new Map(), memo: new Map(), byIndex: new Map() };
      this.#edges.set(size, edge);
      if (this.#edges.size > MAX_SIZES) this.#edges.delete(this.#edges.keys().next().value!);
    }
    return edge;
  }

  #keep(key: string, tile: Uint8Array): void {
    if (this.#full.size >= MAX_FULL_TILES) this.#full.delete(this.#full.keys().next().value!);
    this.#full.set(key, tile);
  }
}
