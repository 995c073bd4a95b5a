import { beforeAll, describe, expect, it } from '@jest/globals';
import { toHex } from '../../../../src/core/bytes.ts';
import type { MapClaim } from '../../../../src/core/map/map.ts';
import { mapKey, mapRootOf, partingBit, valueOf, verifyMapProof } from '../../../../src/core/map/map.ts';
import { claimOf } from '../../../../src/core/map/way.ts';
import { accepts, flip } from '../merkle/fixture.ts';
import { definedRoot, digestAt, KeptMap, leafOf, sha256 } from './fixture.ts';

const KEYS = 40;
const placesOf = (i: number) => Array.from({ length: 1 + (i % 3) }, (_, k) => 10 * i + k);

interface Made {
  root: Uint8Array;
  present: MapClaim[];
  absent: MapClaim[];
}
/** Maps of no digest up to forty, with the claim about each digest in them and about others. */
const maps: Made[] = [];
const kept = new KeptMap();

beforeAll(async () => {
  await kept.fold([]);
  for (let size = 0; size <= KEYS; size++) {
    if (size > 0) await kept.fold(placesOf(size - 1).map((index) => ({ digest: digestAt(size - 1), index })));
    const claim = (i: number) => claimOf(sha256, digestAt(i), kept.way(digestAt(i)));
    maps.push({
      root: kept.newest!.root,
      present: Array.from({ length: size }, (_, i) => claim(i)),
      absent: Array.from({ length: KEYS }, (_, i) => claim(1000 + i)),
    });
  }
});

const each = (check: (made: Made, claim: MapClaim, name: string) => void) => {
  for (const [size, made] of maps.entries()) {
    for (const [i, claim] of [...made.present, ...made.absent].entries())
      check(made, claim, `${size} digests, claim ${i}`);
  }
};

describe('the hashes', () => {
  it('are what the definition says, for every size', () => {
    for (const [size, { root }] of maps.entries()) {
      const map = new Map(Array.from({ length: size }, (_, i) => [digestAt(i), placesOf(i)] as const));
      expect([size, toHex(root)]).toEqual([size, toHex(definedRoot(map))]);
    }
  });

  it('never change between versions of the program', () => {
    expect(toHex(maps[0]!.root)).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect([1, 2, 40].map((size) => toHex(maps[size]!.root))).toEqual(PINNED);
  });

  it('tell a list of places by each place and by their number', () => {
    const lists = [[], [0], [1], [0, 1], [1, 2], [256], [2 ** 52]];
    expect(new Set(lists.map((list) => toHex(valueOf(sha256, list)))).size).toBe(lists.length);
  });

  it('count bits from the most significant one', () => {
    const key = (byte: number, value: number) => new Uint8Array(32).fill(0).with(byte, value);
    expect(partingBit(key(0, 0x80), key(0, 0))).toBe(0);
    expect(partingBit(key(0, 0x01), key(0, 0))).toBe(7);
    expect(partingBit(key(31, 0x01), key(31, 0))).toBe(255);
    expect(partingBit(key(3, 1), key(3, 1))).toBe(256);
  });
});

describe('a proof', () => {
  it('holds for every digest in the map and for every one that is not, at every size', () => {
    let proved = 0;
    each(({ root }, claim) => {
      verifyMapProof(sha256, { ...claim, root });
      proved++;
    });
    expect(proved).toBe((KEYS * (KEYS + 1)) / 2 + KEYS * (KEYS + 1));
    for (const { present, absent } of maps) {
      expect(present.map(({ entries }) => entries)).toEqual(present.map((_, i) => placesOf(i)));
      expect(absent.every(({ entries }) => entries.length === 0)).toBe(true);
    }
  });

  it('fails when any of its hashes or bits is changed, taken out, repeated or moved', () => {
    const wrongly: string[] = [];
    each(({ root }, claim, name) => {
      const { path, other } = claim.proof;
      const forged = (proof: MapClaim['proof']) => accepts(() => verifyMapProof(sha256, { ...claim, root, proof }));
      for (const [i, step] of path.entries()) {
        const forgeries = {
          [`hash ${i}`]: path.with(i, { ...step, hash: flip(step.hash, i) }),
          [`short hash ${i}`]: path.with(i, { ...step, hash: step.hash.subarray(1) }),
          [`bit ${i} up`]: path.with(i, { ...step, bit: step.bit + 1 }),
          [`bit ${i} down`]: path.with(i, { ...step, bit: step.bit - 1 }),
          [`bit ${i} out of range`]: path.with(i, { ...step, bit: step.bit + 256 }),
          [`without ${i}`]: path.toSpliced(i, 1),
          [`twice ${i}`]: path.toSpliced(i, 0, step),
          ...(i > 0 ? { [`swapped ${i}`]: path.with(i, path[i - 1]!).with(i - 1, step) } : {}),
        };
        for (const [how, forgery] of Object.entries(forgeries)) {
          if (forged({ other, path: forgery })) wrongly.push(`${name}: ${how}`);
        }
      }
      if (other !== null) {
        if (forged({ path, other: { ...other, key: flip(other.key, 1) } })) wrongly.push(`${name}: key of the leaf`);
        if (forged({ path, other: { ...other, value: flip(other.value, 1) } }))
          wrongly.push(`${name}: value of the leaf`);
      }
      if (forged({ other, path: [...path, { bit: 0, hash: root }] })) wrongly.push(`${name}: a node above the root`);
    });
    expect(wrongly).toEqual([]);
  });

  it('fails against any other root', () => {
    each(({ root }, claim, name) => {
      expect([name, accepts(() => verifyMapProof(sha256, { ...claim, root: flip(root, 3) }))]).toEqual([name, false]);
    });
    expect(accepts(() => verifyMapProof(sha256, { ...maps[9]!.present[2]!, root: maps[10]!.root }))).toBe(false);
  });

  it('of one digest never serves for another, present or absent', () => {
    const { root, present, absent } = maps[KEYS]!;
    const claims = [...present, ...absent];
    const wrongly: [number, number][] = [];
    for (const [i, claim] of claims.entries()) {
      for (const [j, { digest }] of claims.entries()) {
        if (i === j || !accepts(() => verifyMapProof(sha256, { ...claim, digest, root }))) continue;
        // The way of two absent digests may end at the same leaf; then the proof says the truth about both.
        if (claim.entries.length === 0 && claims[j]!.entries.length === 0) continue;
        wrongly.push([i, j]);
      }
    }
    expect(wrongly).toEqual([]);
  });

  it('cannot hide a place, add one, or turn presence into absence', () => {
    const { root, present } = maps[KEYS]!;
    for (const claim of present) {
      const { digest, entries, proof } = claim;
      const own = { key: mapKey(sha256, digest), value: valueOf(sha256, entries) };
      const forgeries: Record<string, MapClaim> = {
        'the first place hidden': { digest, entries: entries.slice(1), proof },
        'the last place hidden': { digest, entries: entries.slice(0, -1), proof },
        'a place added': { digest, entries: [...entries, 9999], proof },
        'a place moved': { digest, entries: entries.with(0, entries[0]! + 5000), proof },
        'a place twice': { digest, entries: [entries[0]!, ...entries], proof },
        'a place before none': { digest, entries: [-1, ...entries], proof },
        'said to be absent': { digest, entries: [], proof: { other: own, path: proof.path } },
        'said to be absent by a neighbor': {
          digest,
          entries: [],
          proof: { other: { key: flip(own.key, 0), value: own.value }, path: proof.path },
        },
        'said to be in no map': { digest, entries: [], proof: { other: null, path: [] } },
        'with a strange leaf beside': { digest, entries, proof: { other: own, path: proof.path } },
      };
      for (const [forgery, claimed] of Object.entries(forgeries)) {
        expect([forgery, accepts(() => verifyMapProof(sha256, { ...claimed, root }))]).toEqual([forgery, false]);
      }
    }
  });

  it('of absence fails with a leaf that does not lie on the way, though the root is right', () => {
    const { root, present, absent } = maps[KEYS]!;
    let refused = 0;
    for (const { digest, proof } of absent) {
      for (const leaf of present) {
        const other = { key: mapKey(sha256, leaf.digest), value: valueOf(sha256, leaf.entries) };
        const claim = { digest, entries: [], proof: { other, path: leaf.proof.path } };
        // The real way of the leaf leads to the real root, by sides that are not those of the digest.
        if (toHex(other.key) === toHex(proof.other!.key)) continue;
        expect(() => mapRootOf(sha256, claim)).toThrow(expect.objectContaining({ code: 'proof_invalid' }));
        expect(accepts(() => verifyMapProof(sha256, { ...claim, root }))).toBe(false);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(1000);
  });

  it('takes no node for a leaf and no leaf for a node', () => {
    const { root, present } = maps[2]!;
    const [a, b] = present as [MapClaim, MapClaim];
    const inner = [leafOf(a.digest, a.entries), leafOf(b.digest, b.entries)];
    for (const [key, value] of [inner, inner.toReversed()]) {
      const claim = { digest: digestAt(5), entries: [], proof: { other: { key: key!, value: value! }, path: [] } };
      expect(accepts(() => verifyMapProof(sha256, { ...claim, root }))).toBe(false);
    }
  });
});

/** Of one, two and forty digests. */
const PINNED = [
  '8a2fdc6c2f5fb3c7db628dffee00c3afbe3ad898b2a023e4e5f2d4b84cc7d146',
  '05545c48ff1477f9a884e57b40ae2874185ef1180098f84a0d78b1ba31792996',
  'cb7aefbf2bd486dcbf534c58ec0fd12f96aca80d389300e8a7985eae425c387a',
];
