/**
 * Holds tiles and entry bundles against the tree that the statements make: every hash in every tile of every level, every
 * full bundle byte by byte, and nothing beside them. A check of the right edge alone would miss a flipped bit in an old
 * tile, which is served to outsiders for ever.
 *
 * Where a statement is missing or contradicts itself, the leaf in the tile stands in for its own, so that one damaged row
 * is one finding, and not one for every tile and checkpoint after it.
 */
import { equalBytes } from '../../core/bytes.ts';
import type { Sha256 } from '../../core/digest.ts';
import { formatBundle, MAX_ENTRY_SIZE } from '../../core/merkle/bundle.ts';
import type { Tile } from '../../core/merkle/tile.ts';
import { hashesAtLevel, TILE_WIDTH } from '../../core/merkle/tile.ts';
import { HASH_SIZE } from '../../core/merkle/tree.ts';
import type { Snapshot } from './fsck.store.ts';
import { GrowingTree } from './growing-tree.ts';
import type { Findings } from './report.ts';
import type { ReadStatement } from './statements.ts';

const LIMIT = 1000;

export interface StoredPage {
  /** Level-0 tiles and bundles by index */
  readonly tiles: ReadonlyMap<number, Uint8Array>;
  readonly bundles: ReadonlyMap<number, Uint8Array>;
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

  /** Tiles and bundles of the leaves `from` ≤ index < `to`, multiples of the tile width unless the log ends there. */
  async stored(from: number, to: number): Promise<StoredPage> {
    const [first, end] = [from / TILE_WIDTH, Math.ceil(to / TILE_WIDTH)];
    const [tiles, bundles] = await Promise.all([
      this.snapshot.leafTiles(first, end),
      this.snapshot.bundles(first, Math.floor(to / TILE_WIDTH)),
    ]);
    return {
      tiles: new Map(tiles.map(({ index, hashes }) => [index, hashes])),
      bundles: new Map(bundles.map(({ index, entries }) => [index, entries])),
    };
  }

  /** Adds the leaves of a page to the tree. @param atSize is called at each size that `wanted` names */
  async add(
    statements: readonly ReadStatement[],
    stored: StoredPage,
    wanted: ReadonlySet<number>,
    atSize: (size: number, root: Uint8Array) => void,
  ): Promise<void> {
    const higher: Tile[] = [];
    for (const statement of statements) {
      const { index } = statement;
      const leaf = this.#believed(statement, stored);
      if (leaf === undefined) this.tree = null;
      if (this.tree === null) return;
      for (const tile of this.tree.add(leaf!)) {
        if (tile.level === 0) this.#checkLeafTile(tile, stored.tiles.get(tile.index), statements);
        else higher.push(tile);
      }
      if (wanted.has(index + 1)) atSize(index + 1, this.tree.root());
    }
    for (const tile of higher) this.#checkTile(tile, await this.snapshot.tile(tile.level, tile.index));
    this.#checkBundles(statements, stored);
  }

  /** The tiles at the right edge, and whatever a tree of `size` leaves does not have. */
  async finish(size: number, last: readonly ReadStatement[]): Promise<void> {
    for (const tile of this.tree?.partialTiles() ?? []) {
      const stored = await this.snapshot.tile(tile.level, tile.index);
      if (tile.level === 0) this.#checkLeafTile(tile, stored, last);
      else this.#checkTile(tile, stored);
    }
    const counts: number[] = [];
    for (let level = 0; hashesAtLevel(level, size) > 0; level++) {
      counts.push(Math.ceil(hashesAtLevel(level, size) / TILE_WIDTH));
    }
    for (const { level, index } of await this.snapshot.tilesBeyond(counts, LIMIT)) {
      this.#report('tile_extra', 'tile', `${level} ${index}`, 'belongs to no tree of this size');
    }
    for (const { index } of await this.snapshot.bundlesBeyond(Math.floor(size / TILE_WIDTH), LIMIT)) {
      this.#report('bundle_extra', 'entry_bundle', String(index), 'belongs to no log of this size');
    }
    for (const { index } of await this.snapshot.statementsBeyond(size, LIMIT)) {
      this.#report('statement_extra', 'statement', String(index), 'lies outside the log');
    }
  }

  #believed({ index, leaf, suspect }: ReadStatement, { tiles }: StoredPage): Uint8Array | undefined {
    if (leaf !== undefined && !suspect) return leaf;
    const at = (index % TILE_WIDTH) * HASH_SIZE;
    const stored = tiles.get(Math.floor(index / TILE_WIDTH))?.subarray(at, at + HASH_SIZE);
    return stored?.length === HASH_SIZE ? stored : leaf;
  }

  #checkLeafTile(tile: Tile, stored: Uint8Array | undefined, statements: readonly ReadStatement[]): void {
    this.#checkTile(tile, stored);
    if (stored === undefined) return;
    const first = tile.index * TILE_WIDTH;
    for (const { index, leaf } of statements) {
      const at = (index - first) * HASH_SIZE;
      if (leaf === undefined || at < 0 || at + HASH_SIZE > stored.length) continue;
      if (equalBytes(leaf, stored.subarray(at, at + HASH_SIZE))) continue;
      this.#report('leaf_wrong', 'statement', String(index), `has another leaf hash than tile 0/${tile.index} holds`);
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

  #checkBundles(statements: readonly ReadStatement[], { bundles }: StoredPage): void {
    for (let at = 0; at + TILE_WIDTH <= statements.length; at += TILE_WIDTH) {
      const index = statements[at]!.index / TILE_WIDTH;
      const stored = bundles.get(index);
      this.findings.checked.bundles++;
      if (stored === undefined) {
        this.#report('bundle_missing', 'entry_bundle', String(index), 'is missing');
        continue;
      }
      const entries = statements.slice(at, at + TILE_WIDTH).flatMap(({ entry }) => (entry ? [entry] : []));
      if (entries.length < TILE_WIDTH || entries.some(({ length }) => length > MAX_ENTRY_SIZE)) continue;
      if (equalBytes(formatBundle(entries), stored)) continue;
      this.#report('bundle_wrong', 'entry_bundle', String(index), 'does not hold the entries of its statements');
    }
  }

  #report(code: Parameters<Findings['add']>[0], table: string, key: string, what: string): void {
    this.findings.add(code, `ledger.${table}`, key, `The row ${key} of ledger.${table} ${what}.`);
  }
}
