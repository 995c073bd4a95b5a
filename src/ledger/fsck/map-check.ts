/**
 * The map of digests, computed again from the statements: every root that the registry put on record, and the versions
 * and nodes that it keeps to prove from. What the statements name is sorted by the database, and one pass over it gives
 * the map at every recorded size (`core/map/history`), so nothing here grows with the log but short lists.
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
import type { Named, RecordedRoot } from './named.ts';
import type { Findings } from './report.ts';
import * as log from './log.store.ts';
import type { Snapshot } from './snapshot.ts';

const VERSION = 'ledger.map_version';
const NODE = 'ledger.map_node';
/** Bytes of namings gathered before they are handed to the database. */
const GATHERED = 800_000;
const COMPARED = 1000;
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

  /** @param logSize as the head of the log tells it */
  async finish(logSize: number): Promise<void> {
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
    const maps = await this.#history(
      sizes,
      first - 1,
      (stored, until) => {
        replaced[until - first]?.push(stored.hash);
        if (until > first) nodes.expect(stored);
      },
      () => nodes.compare(COMPARED),
    );
    await nodes.compare(0);
    await this.#judgeRoots(new Map(sizes.map((size, i) => [size, maps[i]!])));
    this.#judgeVersions(
      rows,
      kept.map((size, i) => ({ size, ...maps[first + i]!, replaced: replaced[i]! })),
    );

    if ((await store.countNodes(this.snapshot)) === nodes.found) return;
    // Something is kept that should not be: which rows, a second pass tells.
    const expected = new ExpectedNodes(this.snapshot);
    await this.#history(
      sizes,
      first,
      (stored) => expected.add(stored.hash),
      () => expected.flush(COMPARED),
    );
    await expected.flush(0);
    for (const { hash } of await store.unexpectedNodes(this.snapshot, LISTED)) {
      this.findings.add('map_node_extra', NODE, keyOf(hash), `The node ${toHex(hash)} belongs to no map that is kept.`);
    }
  }

  /** @param between is awaited from time to time, so that what was shown does not pile up */
  async #history(
    sizes: readonly number[],
    watchFrom: number,
    watch: (stored: Stored, until: number) => void,
    between: () => Promise<void>,
  ): Promise<MapVersion[]> {
    if (sizes.length === 0) return [];
    const history = new MapHistory(this.sha256, sizes, { watch, watchFrom });
    let key: Uint8Array | undefined;
    let entries: number[] = [];
    for await (const naming of store.sortedNamings(this.snapshot)) {
      const next = naming.subarray(0, HASH_SIZE);
      if (key !== undefined && !equalBytes(key, next)) {
        history.add(key, entries);
        await between();
        entries = [];
      }
      key = next;
      entries.push(Number(naming.readBigUInt64BE(HASH_SIZE)));
    }
    if (key !== undefined) history.add(key, entries);
    return history.finish();
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

  async #flush(): Promise<void> {
    const namings = Buffer.concat(this.#gathered);
    [this.#gathered, this.#bytes] = [[], 0];
    if (namings.length > 0) await store.rememberNamings(this.snapshot, namings);
  }
}

/** Holds the nodes that should be kept against those that are. */
class NodeCheck {
  found = 0;
  #waiting: Stored[] = [];

  constructor(
    private readonly snapshot: Snapshot,
    private readonly findings: Findings,
  ) {}

  expect(stored: Stored): void {
    this.#waiting.push(stored);
  }

  /** Once more than `some` wait. */
  async compare(some: number): Promise<void> {
    if (this.#waiting.length <= some) return;
    const expected = this.#waiting;
    this.#waiting = [];
    const rows = await store.nodeRows(
      this.snapshot,
      expected.map(({ hash }) => hash),
    );
    const byHash = new Map(rows.map(({ hash, content }) => [toHex(hash), content]));
    this.found += rows.length;
    for (const { hash, content } of expected) {
      const name = toHex(hash);
      const row = byHash.get(name);
      if (row === undefined) {
        this.findings.add('map_node_missing', NODE, keyOf(hash), `The map lacks its node ${name}.`);
      } else if (!equalBytes(row, content)) {
        this.findings.add('map_node_wrong', NODE, keyOf(hash), `The node ${name} of the map holds something else.`);
      }
    }
  }
}

class ExpectedNodes {
  #waiting: Uint8Array[] = [];

  constructor(private readonly snapshot: Snapshot) {}

  add(hash: Uint8Array): void {
    this.#waiting.push(hash);
  }

  async flush(some: number): Promise<void> {
    if (this.#waiting.length <= some) return;
    const hashes = this.#waiting;
    this.#waiting = [];
    await store.expectNodes(this.snapshot, hashes);
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
