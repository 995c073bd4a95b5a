/**
 * The log in pages: as many whole tiles of statements as fit into a bounded number of bytes, with the tiles and bundles
 * that outsiders read of them. A stretch without any statement is passed over, so that a head which claims more entries
 * than there are does not keep anybody busy for ever.
 */
import { TILE_WIDTH } from '../../core/merkle/tile.ts';
import * as log from './log.store.ts';
import { emptyTask } from './page-worker.ts';
import type { Snapshot } from './snapshot.ts';
import type { SharedBytes } from './tuple-buffer.ts';

/** Tiles in a page, and bytes of payloads beyond which a page gets no further tile. */
const MAX_TILES = 2;
const MAX_BYTES = 8 * 1024 * 1024;

export interface Page {
  readonly from: number;
  readonly to: number;
  /** Statements and full bundles as tuples */
  readonly statements: SharedBytes;
  readonly bundles: SharedBytes;
  /** Level-0 tiles by index */
  readonly tiles: ReadonlyMap<number, Uint8Array>;
  /** The first index of a stretch without statements that was passed over in front of the page */
  readonly gapFrom: number | null;
}

export class Pages {
  #next: number;

  /** @param from a multiple of the tile width */
  constructor(
    private readonly snapshot: Snapshot,
    from: number,
    private readonly size: number,
  ) {
    this.#next = from;
  }

  /** Undefined at the end. A gap at the very end comes as a page without statements. */
  async next(): Promise<Page | undefined> {
    const { snapshot, size } = this;
    const from = this.#next;
    if (from >= size) return undefined;
    const to = Math.min(size, await this.#end(from));
    if (to === from) {
      const next = (await log.nextIndex(snapshot, from, size)) ?? size;
      this.#next = next === size ? size : next - (next % TILE_WIDTH);
      const page = await this.next();
      return { ...(page ?? this.#empty(size)), gapFrom: from };
    }
    this.#next = to;
    const [first, end] = [from / TILE_WIDTH, Math.ceil(to / TILE_WIDTH)];
    const [statements, tiles, bundles] = await Promise.all([
      log.statements(snapshot, from, to),
      log.leafTiles(snapshot, first, end),
      log.bundles(snapshot, first, Math.floor(to / TILE_WIDTH)),
    ]);
    return { from, to, statements, tiles, bundles, gapFrom: null };
  }

  /** `from` itself where the next tiles have no statement at all. */
  async #end(from: number): Promise<number> {
    const bytes = await log.payloadBytes(this.snapshot, from, from + MAX_TILES * TILE_WIDTH, TILE_WIDTH);
    if (bytes.size === 0) return from;
    let sum = 0;
    for (let tile = 0; tile < MAX_TILES; tile++) {
      sum += bytes.get(from + tile * TILE_WIDTH) ?? 0;
      if (sum > MAX_BYTES && tile > 0) return from + tile * TILE_WIDTH;
    }
    return from + MAX_TILES * TILE_WIDTH;
  }

  #empty(at: number): Page {
    return { ...emptyTask(at), tiles: new Map(), gapFrom: null };
  }
}
