/**
 * The map of digests, computed again from the statements: every root that the registry put on record, and the versions
 * and nodes that it keeps to prove from. What the statements name waits in the database, in buckets by the first byte of
 * its key. Threads compute the maps over each bucket at every recorded size (`core/map/history`), and here they are put
 * together, so nothing grows with the log but short lists and the buckets, of which a few are in memory at a time.
 *
 * A registry that leaves a registration out of its map, keeps nodes of another one, or swaps one list of places for
 * another is found by any of these. A version that was folded and waits to be recorded is held to the same.
 */
import { equalBytes, toHex } from '../../core/bytes.ts';
import type { Digest, Sha256 } from '../../core/digest.ts';
import { formatDigest } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import type { MapVersion } from '../../core/map/history.ts';
import { MapHistory } from '../../core/map/history.ts';
import type { Stored } from '../../core/map/stored.ts';
import { tilesForRoot, treeRootFrom } from '../../core/merkle/proof.ts';
import { tileKey } from '../../core/merkle/tile.ts';
import { HASH_SIZE } from '../../core/merkle/tree.ts';
import * as store from './map.store.ts';
import { inOrder } from './ahead.ts';
import { shownIn, unpack } from './map-part.ts';
import type { Named, RecordedRoot } from './named.ts';
import { NAMING_BYTES } from './named.ts';
import type { PageWorker } from './page-worker.ts';
import type { Findings } from './report.ts';
import * as log from './log.store.ts';
import type { Snapshot } from './snapshot.ts';
import { giveBack } from './tuple-buffer.ts';

const VERSION = 'ledger.map_version';
const NODE = 'ledger.map_node';
/** Bytes of namings gathered before they are handed to the database. */
const GATHERED = 800_000;
const COMPARED = 2000;
const BUCKETS = 256;
const LISTED = 100;

export class MapCheck {
  readonly #roots: RecordedRoot[] = [];
  #gathered: Uint8Array[] = [];
  #bytes = 0;

  constructor(
    private readonly sha256: Sha256,
    private readonly snapshot: Snapshot,
    private readonly findings: Findings,
  ) {}

  /** Pages come in the order of the log. */
  async add({ namings, mapRoots }: Named): Promise<void> {
    this.#roots.push(...mapRoots);
    this.#gathered.push(namings);
    this.#bytes += namings.length;
    if (this.#bytes >= GATHERED) await this.#flush();
  }

  /** @param logSize as the head of the log tells it; @param workers that have no page to work on any more */
  async finish(logSize: number, workers: readonly PageWorker[]): Promise<void> {
    await this.#flush();
    const rows = await store.versionRows(this.snapshot, LISTED);
    const recorded = this.#roots.map(({ body }) => body.size);
    const newest = Math.max(0, ...recorded);
    // Folded, and about to be recorded.
    const waiting = rows.filter(({ size }) => size > newest && size <= logSize).at(-1)?.size;
    const sizes = [...new Set([...recorded, ...(waiting === undefined ? [] : [waiting])])].sort((a, b) => a - b);
    const kept = sizes.slice(-2);
    const first = sizes.length - kept.length;

    const nodes = new NodeCheck(this.snapshot, this.findings);
    const replaced = kept.map((): Uint8Array[] => []);
    const maps = await this.#history(workers, sizes, first - 1, async (shown) => {
      const expected: Stored[] = [];
      for (const [stored, until] of shown) {
        replaced[until - first]?.push(new Uint8Array(stored.hash));
        if (until > first) expected.push(stored);
      }
      await nodes.compare(expected);
    });
    await this.#judgeRoots(new Map(sizes.map((size, i) => [size, maps[i]!])));
    this.#judgeVersions(
      rows,
      kept.map((size, i) => ({ size, ...maps[first + i]!, replaced: replaced[i]! })),
    );

    if ((await store.countNodes(this.snapshot)) === nodes.found) return;
    // Something is kept that should not be: which rows, a second pass tells.
    await this.#history(workers, sizes, first, async (shown) => {
      const hashes = Array.from(shown, ([{ hash }]) => hash);
      for (let at = 0; at < hashes.length; at += COMPARED)
        await store.expectNodes(this.snapshot, hashes.slice(at, at + COMPARED));
    });
    for (const { hash } of await store.unexpectedNodes(this.snapshot, LISTED)) {
      this.findings.add('map_node_extra', NODE, keyOf(hash), `The node ${toHex(hash)} belongs to no map that is kept.`);
    }
  }

  /** @param show is awaited for the leaves and nodes of each bucket, and for those above them */
  async #history(
    workers: readonly PageWorker[],
    sizes: readonly number[],
    watchFrom: number,
    show: (shown: Iterable<readonly [stored: Stored, until: number]>) => Promise<void>,
  ): Promise<MapVersion[]> {
    if (sizes.length === 0) return [];
    const above: [Stored, number][] = [];
    const watch = (stored: Stored, until: number) => above.push([stored, until]);
    const history = new MapHistory(this.sha256, sizes, { watch, watchFrom });
    let next = 0;
    const buckets = inOrder(
      workers,
      async () => (next === BUCKETS ? undefined : store.namingsOf(this.snapshot, next++)),
      (worker, namings) => worker.map({ namings, sizes, watchFrom }),
    );
    for await (const { part, shown } of buckets) {
      if (part !== undefined) history.addPart(unpack(part));
      await show(shownIn(shown));
      giveBack(shown);
    }
    const maps = history.finish();
    await show(above);
    return maps;
  }

  async #judgeRoots(maps: ReadonlyMap<number, MapVersion>): Promise<void> {
    let before = 0;
    for (const { index, body } of this.#roots) {
      this.findings.checked.maps++;
      const { root, keys } = maps.get(body.size)!;
      const wrong: string[] = [];
      if (body.size <= before) wrong.push(`it covers ${body.size} entries, and the one before it ${before}`);
      before = body.size;
      if (formatDigest(root) !== body.root)
        wrong.push(`its root is ${body.root}, and of the statements ${formatDigest(root)}`);
      if (keys !== body.keys) wrong.push(`it counts ${body.keys} digests, and the statements name ${keys}`);
      const logRoot = await this.#logRoot(body.size);
      if (logRoot !== undefined && logRoot !== body.logRoot) wrong.push('its root of the log is another one');
      if (wrong.length === 0) continue;
      const message = `The map of statement ${index} is not the one that the log makes: ${wrong.join('; ')}.`;
      this.findings.add('map_root_wrong', 'ledger.statement', String(index), message);
    }
  }

  /** From the stored tiles, which are held against the statements elsewhere; a missing one is named there. */
  async #logRoot(size: number): Promise<Digest | undefined> {
    const tiles = new Map<string, Uint8Array>();
    for (const id of tilesForRoot(size)) {
      const tile = await log.tile(this.snapshot, id.level, id.index);
      if (tile !== undefined) tiles.set(tileKey(id), tile);
    }
    try {
      return formatDigest(treeRootFrom(this.sha256, size, tiles));
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'ledger_inconsistent') return undefined;
      throw error;
    }
  }

  #judgeVersions(
    rows: readonly store.VersionRow[],
    kept: readonly (MapVersion & { size: number; replaced: readonly Uint8Array[] })[],
  ): void {
    const bySize = new Map(rows.map((row) => [row.size, row]));
    for (const { size, root, keys, replaced } of kept) {
      const row = bySize.get(size);
      const key = String(size);
      if (row === undefined) {
        this.findings.add('map_version_missing', VERSION, key, `The map of ${size} entries is on record and not kept.`);
        continue;
      }
      bySize.delete(size);
      const wrong = [
        ...(equalBytes(row.root, root) ? [] : ['root']),
        ...(row.keys === keys ? [] : ['keys']),
        ...(sameHashes(row.replaced, replaced) ? [] : ['replaced']),
      ];
      if (wrong.length === 0) continue;
      const message = `The map of ${size} entries is not the one that the log makes: ${wrong.join(', ')}.`;
      this.findings.add('map_version_wrong', VERSION, key, message);
    }
    for (const size of bySize.keys()) {
      this.findings.add('map_version_extra', VERSION, String(size), `No statement names the map of ${size} entries.`);
    }
  }

  /** Hands what was gathered to the database, sorted into buckets. */
  async #flush(): Promise<void> {
    const gathered = Buffer.concat(this.#gathered);
    [this.#gathered, this.#bytes] = [[], 0];
    if (gathered.length === 0) return;
    const ends = new Uint32Array(BUCKETS);
    for (let at = 0; at < gathered.length; at += NAMING_BYTES) ends[gathered[at]!]! += NAMING_BYTES;
    const parts: { bucket: number; from: number; bytes: number }[] = [];
    for (let bucket = 0, from = 0; bucket < BUCKETS; bucket++) {
      const bytes = ends[bucket]!;
      ends[bucket] = from;
      if (bytes > 0) parts.push({ bucket, from, bytes });
      from += bytes;
    }
    const namings = Buffer.allocUnsafe(gathered.length);
    for (let at = 0; at < gathered.length; at += NAMING_BYTES) {
      const bucket = gathered[at]!;
      gathered.copy(namings, ends[bucket], at, at + NAMING_BYTES);
      ends[bucket]! += NAMING_BYTES;
    }
    await store.rememberNamings(this.snapshot, namings, parts);
  }
}

/** Holds the nodes that should be kept against those that are. */
class NodeCheck {
  found = 0;

  constructor(
    private readonly snapshot: Snapshot,
    private readonly findings: Findings,
  ) {}

  async compare(expected: readonly Stored[]): Promise<void> {
    for (let at = 0; at < expected.length; at += COMPARED) await this.#compare(expected.slice(at, at + COMPARED));
  }

  async #compare(expected: readonly Stored[]): Promise<void> {
    const contents = await store.nodeContents(
      this.snapshot,
      expected.map(({ hash }) => hash),
    );
    this.found += contents.size;
    for (const { hash, content } of expected) {
      const name = toHex(hash);
      const row = contents.get(name);
      if (row === undefined) {
        this.findings.add('map_node_missing', NODE, keyOf(hash), `The map lacks its node ${name}.`);
      } else if (!equalBytes(row, content)) {
        this.findings.add('map_node_wrong', NODE, keyOf(hash), `The node ${name} of the map holds something else.`);
      }
    }
  }
}

/** As PostgreSQL writes the key of the row. */
const keyOf = (hash: Uint8Array): string => `\\x${toHex(hash)}`;

function sameHashes(packed: Buffer, hashes: readonly Uint8Array[]): boolean {
  if (packed.length !== hashes.length * HASH_SIZE) return false;
  const kept = hashes.map((_, i) => toHex(packed.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE))).sort();
  const expected = hashes.map(toHex).sort();
  return kept.every((hash, i) => hash === expected[i]);
}
