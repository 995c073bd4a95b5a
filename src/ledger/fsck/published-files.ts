/**
 * Holds tiles against the tree that the statements make: every hash in every tile of every level, and nothing beside
 * them. A check of the right edge alone would miss a flipped bit in an old tile, which is served to outsiders for ever.
 *
 * Where a statement is missing or contradicts itself, the leaf in the tile stands in for its own, so that one damaged row
 * is one finding, and not one for every tile and checkpoint after it.
 */
import { equalBytes } from '../../core/bytes.ts';
import type { Sha256 } from '../../core/digest.ts';
import type { Tile } from '../../core/merkle/tile.ts';
import { hashesAtLevel, TILE_WIDTH } from '../../core/merkle/tile.ts';
import { HASH_SIZE } from '../../core/merkle/tree.ts';
import { GrowingTree } from './growing-tree.ts';
import type { Findings } from './report.ts';
import type { Snapshot } from './snapshot.ts';
import type { Leaves } from './statements.ts';
import { MISSING, SOUND } from './statements.ts';
import * as log from './log.store.ts';

const LIMIT = 1000;

/** The leaves of one page, and the level-0 tiles that the database holds for it, by index. */
export interface LeafPage extends Leaves {
  readonly from: number;
  readonly tiles: ReadonlyMap<number, Uint8Array>;
}

export class PublishedFiles {
  /** Null from the first leaf on that is found nowhere. */
  tree: GrowingTree | null;

  constructor(
    sha256: Sha256,
    private readonly snapshot: Snapshot,
    private readonly findings: Findings,
  ) {
    this.tree = new GrowingTree(sha256);
  }

  /** Adds the leaves of a page to the tree. @param atSize is called at each size that `wanted` names */
  async add(
    page: LeafPage,
    wanted: ReadonlySet<number>,
    atSize: (size: number, root: Uint8Array) => void,
  ): Promise<void> {
    const higher: Tile[] = [];
    for (let i = 0; i < page.standing.length; i++) {
      const leaf = believed(page, i);
      if (leaf === undefined) this.tree = null;
      if (this.tree === null) return;
      for (const tile of this.tree.add(leaf!)) {
        if (tile.level === 0) this.#checkLeafTile(tile, page.tiles.get(tile.index), page);
        else higher.push(tile);
      }
      const size = page.from + i + 1;
      if (wanted.has(size)) atSize(size, this.tree.root());
    }
    for (const tile of higher) this.#checkTile(tile, await log.tile(this.snapshot, tile.level, tile.index));
  }

  /** The tiles at the right edge, and whatever a tree of `size` leaves does not have. */
  async finish(size: number, last: LeafPage | undefined): Promise<void> {
    for (const tile of this.tree?.partialTiles() ?? []) {
      const stored = await log.tile(this.snapshot, tile.level, tile.index);
      if (tile.level === 0 && last !== undefined) this.#checkLeafTile(tile, stored, last);
      else this.#checkTile(tile, stored);
    }
    const counts: number[] = [];
    for (let level = 0; hashesAtLevel(level, size) > 0; level++) {
      counts.push(Math.ceil(hashesAtLevel(level, size) / TILE_WIDTH));
    }
    for (const { level, index } of await log.tilesBeyond(this.snapshot, counts, LIMIT)) {
      this.#report('tile_extra', 'tile', `${level} ${index}`, 'belongs to no tree of this size');
    }
    for (const { index } of await log.bundlesBeyond(this.snapshot, Math.floor(size / TILE_WIDTH), LIMIT)) {
      this.#report('bundle_extra', 'entry_bundle', String(index), 'belongs to no log of this size');
    }
    for (const { index } of await log.statementsBeyond(this.snapshot, size, LIMIT)) {
      this.#report('statement_extra', 'statement', String(index), 'lies outside the log');
    }
  }

  #checkLeafTile(tile: Tile, stored: Uint8Array | undefined, { from, hashes, standing }: LeafPage): void {
    this.#checkTile(tile, stored);
    if (stored === undefined) return;
    const first = tile.index * TILE_WIDTH - from;
    for (let at = 0; at + HASH_SIZE <= stored.length; at += HASH_SIZE) {
      const i = first + at / HASH_SIZE;
      if ((standing[i] ?? MISSING) === MISSING) continue;
      if (equalBytes(hashAt(hashes, i * HASH_SIZE), hashAt(stored, at))) continue;
      const what = `has another leaf hash than tile 0/${tile.index} holds`;
      this.#report('leaf_wrong', 'statement', String(from + i), what);
    }
  }

  #checkTile({ level, index, bytes }: Tile, stored: Uint8Array | undefined): void {
    this.findings.checked.tiles++;
    const key = `${level} ${index}`;
    if (stored === undefined) this.#report('tile_missing', 'tile', key, 'is missing');
    else if (stored.length !== bytes.length) {
      const [has, should] = [stored.length / HASH_SIZE, bytes.length / HASH_SIZE];
      this.#report('tile_wrong', 'tile', key, `holds ${has} hashes, not ${should}`);
    } else if (!equalBytes(stored, bytes)) {
      this.#report('tile_wrong', 'tile', key, 'does not hold the hashes of the statements below it');
    }
  }

  #report(code: Parameters<Findings['add']>[0], table: string, key: string, what: string): void {
    this.findings.add(code, `ledger.${table}`, key, `The row ${key} of ledger.${table} ${what}.`);
  }
}

function believed({ from, hashes, standing, tiles }: LeafPage, i: number): Uint8Array | undefined {
  if (standing[i] === SOUND) return hashAt(hashes, i * HASH_SIZE);
  const index = from + i;
  const stored = hashAt(tiles.get(Math.floor(index / TILE_WIDTH)) ?? NOTHING, (index % TILE_WIDTH) * HASH_SIZE);
  if (stored.length === HASH_SIZE) return stored;
  return standing[i] === MISSING ? undefined : hashAt(hashes, i * HASH_SIZE);
}

const NOTHING = new Uint8Array(0);
const hashAt = (hashes: Uint8Array, at: number): Uint8Array => hashes.subarray(at, at + HASH_SIZE);
