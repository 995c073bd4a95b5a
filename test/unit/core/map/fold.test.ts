import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { toHex } from '../../../../src/core/bytes.ts';
import type { Digest } from '../../../../src/core/digest.ts';
import { MapHistory } from '../../../../src/core/map/history.ts';
import { mapKey } from '../../../../src/core/map/map.ts';
import { parseStored, readStored, storeLeaf, storeNode } from '../../../../src/core/map/stored.ts';
import { claimOf } from '../../../../src/core/map/way.ts';
import { flip } from '../merkle/fixture.ts';
import { definedRoot, digestAt, KeptMap, sha256 } from './fixture.ts';

const inconsistent = expect.objectContaining({ code: 'ledger_inconsistent' });

/** Entries as a log has them, each naming some of a few digests, cut into folds. */
const logs = fc.array(fc.array(fc.array(fc.nat({ max: 60 }), { maxLength: 4 }), { maxLength: 12 }), {
  minLength: 1,
  maxLength: 8,
});

interface Folded {
  size: number;
  root: string;
  keys: number;
}

/** Folds a log; what it named, and which map each fold left. */
async function fold(log: number[][][]) {
  const kept = new KeptMap();
  const named = new Map<Digest, number[]>();
  const folds: Folded[] = [];
  let index = 0;
  for (const part of log) {
    const namings = part.flatMap((some) => {
      const at = index++;
      return [...new Set(some)].map((i) => ({ digest: digestAt(i), index: at }));
    });
    for (const { digest, index: at } of namings) named.set(digest, [...(named.get(digest) ?? []), at]);
    const { root, keys } = await kept.fold(namings);
    expect(toHex(root)).toBe(toHex(definedRoot(named)));
    folds.push({ size: index, root: toHex(root), keys });
  }
  return { kept, named, folds };
}

describe('folding', () => {
  it('gives the map that the definition gives, however the log was cut into folds', async () => {
    await fc.assert(
      fc.asyncProperty(logs, async (log) => {
        const { named, folds } = await fold(log);
        expect(folds.at(-1)!.keys).toBe(named.size);
      }),
    );
  });

  it('creates and replaces exactly what differs between two maps', async () => {
    await fc.assert(
      fc.asyncProperty(logs, async (log) => {
        const { kept } = await fold(log);
        expect([...kept.nodes.keys()].sort()).toEqual([...kept.reachable()].sort());
      }),
    );
  });

  it('reads one batch a level, not one a digest', async () => {
    const kept = new KeptMap();
    const some = (from: number) =>
      Array.from({ length: 500 }, (_, i) => ({ digest: digestAt(from + i), index: from + i }));
    await kept.fold(some(0));
    await kept.fold(some(500));
    expect(kept.reads).toBeLessThan(32);
  });

  it('stops at a node that is missing or damaged, and takes nothing of it into a root', async () => {
    const kept = new KeptMap();
    await kept.fold(Array.from({ length: 8 }, (_, i) => ({ digest: digestAt(i), index: i })));
    const naming = [{ digest: digestAt(100), index: 100 }];
    for (const stored of kept.way(digestAt(100))) {
      const name = toHex(stored.hash);
      kept.nodes.delete(name);
      await expect(kept.fold(naming)).rejects.toThrow(inconsistent);
      for (const at of [0, 1, 40]) {
        kept.nodes.set(name, { ...stored, content: flip(stored.content, at * 8) });
        await expect(kept.fold(naming)).rejects.toThrow(inconsistent);
      }
      kept.nodes.set(name, stored);
    }
    await kept.fold(naming);
  });
});

describe('the history', () => {
  it('gives every map that the folds gave, in one pass and for any choice of sizes', async () => {
    await fc.assert(
      fc.asyncProperty(logs, async (log) => {
        const { named, folds } = await fold(log);
        const sizes = [...new Set(folds.map(({ size }) => size))];
        const history = new MapHistory(sha256, sizes);
        for (const [key, entries] of sorted(named)) history.add(key, entries);
        // Folds of no entry leave the map as it was.
        const last = new Map(folds.map(({ size, root, keys }) => [size, { root, keys }]));
        expect(history.finish().map(({ root, keys }) => ({ root: toHex(root), keys }))).toEqual([...last.values()]);
      }),
    );
  });

  it('shows exactly the leaves and nodes of the watched maps', async () => {
    await fc.assert(
      fc.asyncProperty(logs, async (log) => {
        const { kept, named, folds } = await fold(log);
        const sizes = [...new Set(folds.map(({ size }) => size))];
        const seen = new Map<string, string>();
        const watch = ({ hash, content }: { hash: Uint8Array; content: Uint8Array }) => {
          readStored(sha256, { hash, content });
          expect(seen.has(toHex(hash))).toBe(false);
          seen.set(toHex(hash), toHex(content));
        };
        const history = new MapHistory(sha256, sizes, { watch, watchFrom: sizes.length - 1 });
        for (const [key, entries] of sorted(named)) history.add(key, entries);
        history.finish();
        expect(seen).toEqual(new Map([...kept.nodes].map(([name, { content }]) => [name, toHex(content)])));
      }),
    );
  });

  it('is put together from parts that were computed apart, as from the keys themselves', async () => {
    await fc.assert(
      fc.asyncProperty(logs, fc.integer({ min: 0, max: 8 }), async (log, bits) => {
        const { kept, named, folds } = await fold(log);
        const sizes = [...new Set(folds.map(({ size }) => size))];
        const watchFrom = sizes.length - 1;
        const seen = new Map<string, string>();
        const watch = ({ hash, content }: { hash: Uint8Array; content: Uint8Array }) =>
          seen.set(toHex(hash), toHex(content));
        const whole = new MapHistory(sha256, sizes, { watch, watchFrom });
        for (let bucket = 0; bucket < 2 ** bits; bucket++) {
          const history = new MapHistory(sha256, sizes, { watch, watchFrom });
          for (const [key, entries] of sorted(named)) {
            if (key[0]! >> (8 - bits) === bucket) history.add(key, entries);
          }
          const part = history.part();
          if (part !== undefined) whole.addPart(part);
        }
        const last = new Map(folds.map(({ size, root, keys }) => [size, { root, keys }]));
        expect(whole.finish().map(({ root, keys }) => ({ root: toHex(root), keys }))).toEqual([...last.values()]);
        expect(seen).toEqual(new Map([...kept.nodes].map(([name, { content }]) => [name, toHex(content)])));
      }),
    );
  });

  it('refuses keys that come twice or out of order', () => {
    const [low, high] = sorted(new Map([0, 1].map((i) => [digestAt(i), [i]]))).map(([key]) => key);
    const history = new MapHistory(sha256, [10]);
    history.add(high!, [1]);
    for (const key of [high!, low!]) {
      expect(() => history.add(key, [2])).toThrow(expect.objectContaining({ code: 'invalid_input' }));
      const part = new MapHistory(sha256, [10]);
      part.add(key, [2]);
      expect(() => history.addPart(part.part()!)).toThrow(expect.objectContaining({ code: 'invalid_input' }));
    }
  });
});

describe('what is kept', () => {
  it('reads back as it was written', () => {
    const leaf = { key: mapKey(sha256, digestAt(1)), entries: [0, 7, 2 ** 40] };
    const node = { bit: 255, left: mapKey(sha256, digestAt(2)), right: mapKey(sha256, digestAt(3)) };
    expect(parseStored(storeLeaf(sha256, leaf).content)).toEqual(leaf);
    expect(parseStored(storeNode(sha256, node).content)).toEqual(node);
  });

  it.each(['', '04', '05', '06'.repeat(66), `04${'00'.repeat(32)}`, `04${'00'.repeat(41)}`, `05${'00'.repeat(66)}`])(
    'is refused where it is neither leaf nor node: %.12s',
    (hex) => {
      expect(() => parseStored(Buffer.from(hex, 'hex'))).toThrow(inconsistent);
    },
  );

  it('gives no claim where it does not lead from the root to a leaf', async () => {
    const kept = new KeptMap();
    await kept.fold(Array.from({ length: 32 }, (_, i) => ({ digest: digestAt(i), index: i })));
    const digest = digestAt(77);
    const way = kept.way(digest);
    expect(way.length).toBeGreaterThan(3);
    const wrong = [way.slice(0, -1), way.slice(0, 1), way.toSpliced(1, 1), [...way, way[0]!], way.toReversed()];
    for (const broken of wrong) expect(() => claimOf(sha256, digest, broken)).toThrow(inconsistent);
    expect(claimOf(sha256, digest, way).entries).toEqual([]);
  });
});

function sorted(named: ReadonlyMap<Digest, number[]>): [Uint8Array, number[]][] {
  return [...named]
    .map(([digest, entries]): [Uint8Array, number[]] => [mapKey(sha256, digest), entries])
    .sort(([a], [b]) => Buffer.compare(a, b));
}
