/**
 * Tile arithmetic of C2SP `tlog-tiles`: a tile at level l and index n lists the hashes of the perfect subtrees of
 * 256^l leaves that start at leaf `(n·256 + i)·256^l`. A full tile holds 256 hashes and never changes again; the last
 * tile of a level may be partial, `floor(size / 256^l) mod 256` wide, and is never empty. Pure number work, no hashes.
 *
 * Paths come from strangers: `parseTilePath` takes only what `tilePath` and `entriesPath` could have written, so
 * `tile/0/1`, `tile/00/001`, `tile/0/000.p/256` and `..` are refused, and one tile has one URL.
 */
import { RegistryError } from '../errors.ts';
import { isSize } from './tree.ts';

/** Hashes in a full tile, and entries in a full entry bundle. */
export const TILE_WIDTH = 256;

/** Levels of the tree that one level of tiles spans. */
export const TILE_HEIGHT = 8;

/** Highest level that a path may name (tlog-tiles); trees below 2^53 leaves use levels 0 to 6. */
export const MAX_TILE_LEVEL = 63;

export interface TileId {
  level: number;
  index: number;
}

export interface Tile extends TileId {
  /** 1 to 256 hashes of 32 bytes, end to end. */
  bytes: Uint8Array;
}

/** What a path names: a tile of hashes, or a bundle of entries. Width 256 is a full one. */
export type TilePath =
  { kind: 'hashes'; level: number; index: number; width: number } | { kind: 'entries'; index: number; width: number };

/** A key for maps: `<level>/<index>`. */
export function tileKey({ level, index }: TileId): string {
  return `${level}/${index}`;
}

/**
 * `tile/<level>/<index>[.p/<width>]`, e.g. `tile/0/x001/x234/067.p/12`.
 * @throws RegistryError `invalid_input` for a level above 63, an index beyond 2^53 or a width outside 1 to 256
 */
export function tilePath({ level, index }: TileId, width: number = TILE_WIDTH): string {
  if (!isSize(level) || level > MAX_TILE_LEVEL) throw invalid(`There is no tile level ${level}.`);
  return `tile/${level}/${placePath(index, width)}`;
}

/**
 * `tile/entries/<index>[.p/<width>]`
 * @throws RegistryError `invalid_input`
 */
export function entriesPath(index: number, width: number = TILE_WIDTH): string {
  return `tile/entries/${placePath(index, width)}`;
}

/**
 * The exact inverse of `tilePath` and `entriesPath`.
 * @throws RegistryError `invalid_input`
 */
export function parseTilePath(path: string): TilePath {
  const parts = path.length <= 64 ? PATH.exec(path) : null;
  if (parts === null) throw invalid(`"${path.slice(0, 80)}" is not the path of a tile.`);
  const [, levelText, indexText, widthText] = parts;
  const index = Number(indexText!.replaceAll(/[x/]/g, ''));
  const width = widthText === undefined ? TILE_WIDTH : Number(widthText);
  const entries = levelText === 'entries';
  const level = entries ? 0 : Number(levelText);
  const canonical = entries ? entriesPath(index, width) : tilePath({ level, index }, width);
  // Leading groups of zeroes, leading zeroes, `.p/256` and indexes beyond 2^53 all read as a number but write otherwise.
  if (canonical !== path) throw invalid(`"${path}" is not the path of a tile; did you mean "${canonical}"?`);
  return entries ? { kind: 'entries', index, width } : { kind: 'hashes', level, index, width };
}

/** How many hashes the tile has in a tree of `treeSize` leaves: 0 when it is absent, 256 when it is full. */
export function tileWidth({ level, index }: TileId, treeSize: number): number {
  const hashes = hashesAtLevel(level, treeSize) - index * TILE_WIDTH;
  return Math.max(0, Math.min(TILE_WIDTH, hashes));
}

/** The partial tile of each level in a tree of `size` leaves: all that is needed to append to it. At most one a level. */
export function edgeTiles(size: number): TileId[] {
  const edge: TileId[] = [];
  for (let level = 0; hashesAtLevel(level, size) > 0; level++) {
    const hashes = hashesAtLevel(level, size);
    if (hashes % TILE_WIDTH > 0) edge.push({ level, index: Math.floor(hashes / TILE_WIDTH) });
  }
  return edge;
}

/** Every tile of a tree of `size` leaves, level by level. */
export function* allTiles(size: number): Generator<TileId & { width: number }> {
  for (let level = 0; hashesAtLevel(level, size) > 0; level++) {
    const hashes = hashesAtLevel(level, size);
    for (let index = 0; index * TILE_WIDTH < hashes; index++) {
      yield { level, index, width: Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH) };
    }
  }
}

/** How many complete subtrees of 256^level leaves a tree of `size` leaves holds. */
export function hashesAtLevel(level: number, size: number): number {
  if (!isSize(size)) throw invalid(`${size} is not a tree size.`);
  return Math.floor(size / TILE_WIDTH ** level);
}

const PATH = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/;

function placePath(index: number, width: number): string {
  if (!isSize(index)) throw invalid(`${index} is not the index of a tile.`);
  if (!isSize(width) || width < 1 || width > TILE_WIDTH) throw invalid(`A tile is 1 to 256 wide, not ${width}.`);
  let path = String(index % 1000).padStart(3, '0');
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`;
  }
  return width === TILE_WIDTH ? path : `${path}.p/${width}`;
}

function invalid(sentence: string): RegistryError {
  return new RegistryError('invalid_input', sentence, { field: 'path' });
}
