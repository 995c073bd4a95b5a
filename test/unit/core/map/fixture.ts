/** The map as its definition reads, built whole by recursion, and a store that keeps what folds leave behind. */
import { concat, toHex, utf8 } from '../../../../src/core/bytes.ts';
import type { Digest } from '../../../../src/core/digest.ts';
import { formatDigest } from '../../../../src/core/digest.ts';
import type { FoldedMap, MapStore, Naming } from '../../../../src/core/map/fold.ts';
import { foldMap } from '../../../../src/core/map/fold.ts';
import { bitOf, mapKey } from '../../../../src/core/map/map.ts';
import type { Stored } from '../../../../src/core/map/stored.ts';
import { parseStored } from '../../../../src/core/map/stored.ts';
import { sha256 } from '../merkle/fixture.ts';

export { sha256 };

export const digestAt = (i: number): Digest => formatDigest(sha256(utf8(`digest ${i}`)));

export function leafOf(digest: Digest, entries: readonly number[]): Uint8Array {
  let value: Uint8Array = new Uint8Array(32);
  for (const index of entries) {
    const places = Buffer.alloc(8);
    places.writeBigUInt64BE(BigInt(index));
    value = sha256(Uint8Array.of(3), value, places);
  }
  return sha256(Uint8Array.of(4), mapKey(sha256, digest), value);
}

/** Straight from the definition. */
export function definedRoot(map: ReadonlyMap<Digest, readonly number[]>): Uint8Array {
  const leaves = [...map].map(([digest, entries]) => ({ key: mapKey(sha256, digest), hash: leafOf(digest, entries) }));
  const build = (some: typeof leaves, bit: number): Uint8Array => {
    if (some.length === 1) return some[0]!.hash;
    const [zeros, ones] = [0, 1].map((side) => some.filter(({ key }) => bitOf(key, bit) === side));
    if (zeros!.length === 0 || ones!.length === 0) return build(some, bit + 1);
    return sha256(concat(Uint8Array.of(5, bit), build(zeros!, bit + 1), build(ones!, bit + 1)));
  };
  return leaves.length === 0 ? sha256(new Uint8Array(0)) : build(leaves, 0);
}

/** Keeps the nodes of one map, as a registry does between two folds. */
export class KeptMap implements MapStore {
  readonly nodes = new Map<string, Stored>();
  newest: { root: Uint8Array; keys: number } | null = null;
  reads = 0;

  read(hashes: readonly Uint8Array[]): Promise<readonly Stored[]> {
    this.reads++;
    return Promise.resolve(hashes.flatMap((hash) => this.nodes.get(toHex(hash)) ?? []));
  }

  async fold(namings: readonly Naming[]): Promise<FoldedMap> {
    const folded = await foldMap(sha256, this, this.newest, namings);
    for (const stored of folded.created) this.nodes.set(toHex(stored.hash), stored);
    for (const hash of folded.replaced) this.nodes.delete(toHex(hash));
    this.newest = folded;
    return folded;
  }

  /** What lies on the way of a digest from the root to a leaf. */
  way(digest: Digest): Stored[] {
    const way: Stored[] = [];
    const key = mapKey(sha256, digest);
    let hash = this.newest === null || this.newest.keys === 0 ? undefined : this.newest.root;
    while (hash !== undefined) {
      const stored: Stored = this.nodes.get(toHex(hash))!;
      way.push(stored);
      const read = parseStored(stored.content);
      hash = 'key' in read ? undefined : bitOf(key, read.bit) === 0 ? read.left : read.right;
    }
    return way;
  }

  /** All that hangs under the root. */
  reachable(): Set<string> {
    const found = new Set<string>();
    const visit = (hash: Uint8Array): void => {
      found.add(toHex(hash));
      const read = parseStored(this.nodes.get(toHex(hash))!.content);
      if ('key' in read) return;
      visit(read.left);
      visit(read.right);
    };
    if (this.newest !== null && this.newest.keys > 0) visit(this.newest.root);
    return found;
  }
}
