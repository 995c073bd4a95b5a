/** Serves the published log: its checkpoint, tiles and entry bundles, at exactly the sizes that a checkpoint covers. */
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { RegistryError } from '../core/errors.ts';
import { formatBundle } from '../core/merkle/bundle.ts';
import type { TilePath } from '../core/merkle/tile.ts';
import { parseTilePath, TILE_WIDTH, tileKey, tileWidth } from '../core/merkle/tile.ts';
import { HASH_SIZE } from '../core/merkle/tree.ts';
import { entryOf } from '../core/statement/receipt.ts';
import { formatEnvelope } from '../core/statement/dsse.ts';
import type { StatementList } from '../core/statement/listing.ts';
import { formatDigest } from '../core/digest.ts';
import { toBase64 } from '../core/bytes.ts';
import { sha256 } from '../platform/crypto.ts';
import { LedgerCore } from './ledger-core.ts';
import { readBundle, readStatements, readTileRows } from './log.store.ts';

@Injectable()
export class LogReader {
  constructor(
    private readonly core: LedgerCore,
    private readonly database: DataSource,
  ) {}

  /** The newest published checkpoint that covers `size` entries, with the cosignatures that it has so far. */
  async checkpoint(size = 0) {
    const newest = await this.core.published.checkpoint(size);
    return { ...newest, note: this.core.witnessed.noteOf(newest) };
  }

  /** The newest checkpoint with the quorum of witnesses. @throws RegistryError `not_found` */
  witnessed() {
    const { newest } = this.core.witnessed;
    if (newest === undefined) throw new RegistryError('not_found', 'No checkpoint has the quorum of witnesses.');
    return newest;
  }

  /** What the log asks of witnesses; null when it asks none. */
  get witnessing() {
    const { policy, newest } = this.core.witnessed;
    if (policy === undefined) return null;
    const { operator, quorum, witnesses } = policy;
    return {
      operator,
      quorum,
      treeSize: newest?.size ?? 0,
      witnesses: witnesses.map(({ verifierKey, operator }) => ({ verifierKey, operator })),
    };
  }

  proveConsistency(first: number, second: number) {
    return this.core.published.proveConsistency(first, second);
  }

  /**
   * The tile or bundle at a path, as the newest checkpoint covers it.
   * @throws RegistryError `not_found` for a path that no tile has, or that the log has not grown to
   */
  async resource(path: string): Promise<Buffer> {
    const place = parse(path);
    const before = place.index * TILE_WIDTH + place.width;
    const covered = (size: number) =>
      place.kind === 'entries' ? before <= size : place.width <= tileWidth(place, size);
    let { size } = await this.core.published.checkpoint();
    if (!covered(size)) ({ size } = await this.core.published.publish());
    const bytes = covered(size) ? await this.#read(place) : undefined;
    if (bytes === undefined) throw new RegistryError('not_found', `The log has no ${path} yet.`);
    return Buffer.from(bytes);
  }

  /** Statements in log order, as far as the log is published; of those that not everybody may read, the entry alone. */
  async statements(from: number, limit: number): Promise<StatementList> {
    const { size: treeSize } = await this.core.published.checkpoint();
    const rows = await readStatements(this.database.manager, from, Math.min(from + limit, treeSize));
    const statements = rows.map(
      ({ index, visibility, payload, signature, spki }): StatementList['statements'][number] => {
        const entry = toBase64(entryOf(sha256, payload, signature, spki));
        if (visibility !== 'public') return { index, visibility: 'hidden', entry };
        const envelope = formatEnvelope({ payload, signature, keyId: formatDigest(sha256(spki)) });
        return { index, visibility, entry, envelope, publicKey: toBase64(spki) };
      },
    );
    return { statements, treeSize };
  }

  async #read(place: TilePath): Promise<Uint8Array | undefined> {
    const { manager } = this.database;
    if (place.kind === 'hashes') {
      const tiles = await readTileRows(manager, [place]);
      return tiles.get(tileKey(place))?.subarray(0, place.width * HASH_SIZE);
    }
    if (place.width === TILE_WIDTH) return readBundle(manager, place.index);
    const start = place.index * TILE_WIDTH;
    const rows = await readStatements(manager, start, start + place.width);
    return formatBundle(rows.map((row) => entryOf(sha256, row.payload, row.signature, row.spki)));
  }
}

function parse(path: string): TilePath {
  try {
    return parseTilePath(path);
  } catch (cause) {
    throw new RegistryError('not_found', `There is no tile at ${path.slice(0, 80)}.`, { cause });
  }
}
