/**
 * The map after more statements, from the few nodes that change: first the way down of every digest, one batched read a
 * level; then the new leaves and nodes, from the bottom up. Everything that is read is held against its hash, so a
 * damaged store stops the fold and never enters a root.
 */
import { toHex } from '../bytes.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { emptyRoot } from '../merkle/tree.ts';
import { compareBytes } from '../weights/compare-bytes.ts';
import { bitOf, KEY_BITS, mapKey, partingBit } from './map.ts';
import type { Stored, StoredLeaf, StoredNode } from './stored.ts';
import { readStored, storeLeaf, storeNode } from './stored.ts';

/** Storage of leaves and nodes, reached by one batched method. */
export interface MapStore {
  /** The contents under these hashes, in any order; what is missing is left out. */
  read(hashes: readonly Uint8Array[]): Promise<readonly Stored[]>;
}

/** A digest that the entry at `index` names. */
export interface Naming {
  readonly digest: Digest;
  readonly index: number;
}

export interface FoldedMap {
  readonly root: Uint8Array;
  /** Digests in the map */
  readonly keys: number;
  /** Leaves and nodes that the map before did not have */
  readonly created: readonly Stored[];
  /** Hashes of those that only the map before has */
  readonly replaced: readonly Uint8Array[];
}

interface Change {
  readonly key: Uint8Array;
  readonly added: number[];
  /** The first bit by which the key leaves the map before; `KEY_BITS` where it is in it. */
  parts: number;
}

/**
 * @param before root and number of keys of the map that the store holds; null for the empty one
 * @param namings in log order, all behind those in the map
 * @throws RegistryError `ledger_inconsistent` where the store lacks something or holds something else
 */
export async function foldMap(
  sha256: Sha256,
  store: MapStore,
  before: { root: Uint8Array; keys: number } | null,
  namings: readonly Naming[],
): Promise<FoldedMap> {
  const changes = changesOf(sha256, namings);
  const root = before === null || before.keys === 0 ? null : before.root;
  const builder = new Builder(
    sha256,
    root === null ? new Map<never, never>() : await waysDown(sha256, store, root, changes),
  );
  const folded = builder.extend(root, changes);
  const added = changes.filter(({ parts }) => parts < KEY_BITS).length;
  return {
    root: folded ?? emptyRoot(sha256),
    keys: (before?.keys ?? 0) + added,
    created: builder.created,
    replaced: builder.replaced,
  };
}

/** Ascending by key. */
function changesOf(sha256: Sha256, namings: readonly Naming[]): Change[] {
  const byDigest = new Map<Digest, Change>();
  for (const { digest, index } of namings) {
    const known = byDigest.get(digest);
    if (known === undefined) byDigest.set(digest, { key: mapKey(sha256, digest), added: [index], parts: 0 });
    else if (known.added.at(-1) !== index) known.added.push(index);
  }
  return [...byDigest.values()].sort((a, b) => compareBytes(a.key, b.key));
}

type Ways = Map<string, StoredLeaf | StoredNode>;

/** Reads what lies on the way of every change, and notes where each leaves the map. */
async function waysDown(sha256: Sha256, store: MapStore, root: Uint8Array, changes: readonly Change[]): Promise<Ways> {
  const ways: Ways = new Map();
  let level = [{ hash: root, changes }];
  while (level.length > 0) {
    for (const stored of await store.read(level.map(({ hash }) => hash))) {
      ways.set(toHex(stored.hash), readStored(sha256, stored));
    }
    const next: typeof level = [];
    for (const { hash, changes: here } of level) {
      const found = ways.get(toHex(hash));
      if (found === undefined) throw new RegistryError('ledger_inconsistent', `The map lacks its node ${toHex(hash)}.`);
      if ('key' in found) {
        for (const change of here) change.parts = partingBit(change.key, found.key);
        continue;
      }
      for (const [side, below] of [found.left, found.right].entries()) {
        const there = here.filter(({ key }) => bitOf(key, found.bit) === side);
        if (there.length > 0) next.push({ hash: below, changes: there });
      }
    }
    level = next;
  }
  return ways;
}

class Builder {
  readonly created: Stored[] = [];
  readonly replaced: Uint8Array[] = [];

  constructor(
    private readonly sha256: Sha256,
    private readonly ways: Ways,
  ) {}

  /** The subtree under `hash` with the changes in it; all of them lie on its way. */
  extend(hash: Uint8Array | null, changes: readonly Change[]): Uint8Array | null {
    if (changes.length === 0) return hash;
    if (hash === null) return this.#build(changes);
    const found = this.ways.get(toHex(hash))!;
    const top = 'key' in found ? KEY_BITS : found.bit;
    const bit = changes.reduce((least, { parts }) => Math.min(least, parts), KEY_BITS);
    if (bit < top) {
      // Whoever leaves the map at this bit stands on the other side of it than all that was here.
      const away = changes.filter(({ parts }) => parts === bit);
      const side = bitOf(away[0]!.key, bit);
      const stays = this.extend(
        hash,
        changes.filter(({ parts }) => parts !== bit),
      )!;
      return this.#node(bit, side, this.#build(away), stays);
    }
    this.replaced.push(hash);
    if ('key' in found) {
      const [change] = changes;
      return this.#keep(storeLeaf(this.sha256, { key: found.key, entries: [...found.entries, ...change!.added] }));
    }
    const [left, right] = [0, 1].map((side) =>
      this.extend(
        side === 0 ? found.left : found.right,
        changes.filter(({ key }) => bitOf(key, found.bit) === side),
      ),
    );
    return this.#keep(storeNode(this.sha256, { bit: found.bit, left: left!, right: right! }));
  }

  /** A subtree of new leaves alone, ascending by key. */
  #build(changes: readonly Change[]): Uint8Array {
    const [first, last] = [changes[0]!, changes.at(-1)!];
    if (first === last) return this.#keep(storeLeaf(this.sha256, { key: first.key, entries: first.added }));
    const bit = partingBit(first.key, last.key);
    const right = changes.findIndex(({ key }) => bitOf(key, bit) === 1);
    return this.#node(bit, 0, this.#build(changes.slice(0, right)), this.#build(changes.slice(right)));
  }

  #node(bit: number, side: number, here: Uint8Array, there: Uint8Array): Uint8Array {
    const [left, right] = side === 0 ? [here, there] : [there, here];
    return this.#keep(storeNode(this.sha256, { bit, left, right }));
  }

  #keep(stored: Stored): Uint8Array {
    this.created.push(stored);
    return stored.hash;
  }
}
