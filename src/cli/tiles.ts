/** Tiles and entries over HTTP (C2SP `tlog-tiles`). Whatever comes is only a hint until a proof leads from it to a root. */
import { RegistryError } from '../core/errors.ts';
import { parseBundle } from '../core/merkle/bundle.ts';
import type { TileReader } from '../core/merkle/proof.ts';
import { entriesPath, TILE_WIDTH, tilePath, tileWidth } from '../core/merkle/tile.ts';
import { HASH_SIZE } from '../core/merkle/tree.ts';
import type { Client } from './client.ts';

/** Reads the tiles of a tree of `size` leaves. */
export function tileReader(client: Client, size: number): TileReader {
  return {
    read: (tiles) =>
      Promise.all(
        tiles.map(async (tile) => {
          const width = tileWidth(tile, size);
          const bytes = await partialOrFull(client, width, (wide) => tilePath(tile, wide), MAX_TILE);
          return bytes.subarray(0, width * HASH_SIZE);
        }),
      ),
  };
}

export async function readEntry(client: Client, index: number, size: number): Promise<Uint8Array> {
  return (await readEntries(client, index, index + 1, size))[0]!;
}

/** The entries `from` ≤ index < `to` of a tree of `size` leaves, which lie in one bundle. */
export async function readEntries(client: Client, from: number, to: number, size: number): Promise<Uint8Array[]> {
  const bundle = Math.floor(from / TILE_WIDTH);
  const width = Math.min(TILE_WIDTH, size - bundle * TILE_WIDTH);
  const bytes = await partialOrFull(client, width, (wide) => entriesPath(bundle, wide), MAX_BUNDLE);
  const start = bundle * TILE_WIDTH;
  const entries = parseBundle(bytes).slice(from - start, to - start);
  if (entries.length === to - from) return entries;
  throw new RegistryError('proof_invalid', `The server left entry ${from + entries.length} out.`);
}

const MAX_TILE = TILE_WIDTH * HASH_SIZE;
const MAX_BUNDLE = TILE_WIDTH * (2 + 0xffff);

/** A log may drop a partial tile once the full one stands. */
async function partialOrFull(
  client: Client,
  width: number,
  path: (width: number) => string,
  limit: number,
): Promise<Uint8Array> {
  try {
    return await client.bytes(`/${path(width)}`, limit);
  } catch (error) {
    if (width === TILE_WIDTH || !(error instanceof RegistryError && error.code === 'not_found')) throw error;
    return client.bytes(`/${path(TILE_WIDTH)}`, limit);
  }
}
