import { describe, expect, test } from '@jest/globals';
import { fromHex, toHex } from '../../../../src/core/bytes.ts';
import {
  emptyRoot,
  inclusionRoot,
  leafHash,
  nodeHash,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from '../../../../src/core/merkle/tree.ts';
import { accepts, flip, leaf, leaves, mth, path, sha256, subproof } from './fixture.ts';

const RFC_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((entry) => leafHash(sha256, fromHex(entry)));

const refused = expect.objectContaining({ code: 'proof_invalid' });

describe('tree hashes', () => {
  test('the eight leaves of the Certificate Transparency vectors give their published roots', () => {
    expect(toHex(emptyRoot(sha256))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(toHex(rootOf(sha256, RFC_LEAVES.slice(0, 1)))).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    );
    expect(toHex(rootOf(sha256, RFC_LEAVES))).toBe('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
  });

  test('every size up to 300 has the root that the recursion of RFC 6962 gives', () => {
    const hashes = leaves(300);
    for (let size = 0; size <= 300; size++) {
      expect(rootOf(sha256, hashes.slice(0, size))).toEqual(mth(hashes.slice(0, size)));
    }
  });

  test('a node cannot pass for a leaf', () => {
    const [left, right] = [leaf(0), leaf(1)];
    const entry = new Uint8Array([...left, ...right]);
    expect(leafHash(sha256, entry)).not.toEqual(nodeHash(sha256, left, right));
  });
});

describe('inclusion', () => {
  const hashes = leaves(70);

  test('every leaf of every size up to 70 is proved, and no proof survives a flipped bit, a lost or an added hash', () => {
    const wrongly: unknown[] = [];
    for (let size = 1; size <= hashes.length; size++) {
      const tree = hashes.slice(0, size);
      const root = mth(tree);
      for (let index = 0; index < size; index++) {
        const claim = { index, size, root, leafHash: tree[index]!, proof: path(index, tree) };
        verifyInclusion(sha256, claim);
        for (let i = 0; i < claim.proof.length; i++) {
          const proof = claim.proof.with(i, flip(claim.proof[i]!, size * 7 + index + i));
          if (accepts(() => verifyInclusion(sha256, { ...claim, proof }))) wrongly.push([size, index, `hash ${i}`]);
        }
        for (const wrong of [
          { leafHash: flip(claim.leafHash, index) },
          { root: flip(root, size) },
          { proof: claim.proof.slice(1) },
          { proof: claim.proof.slice(0, -1) },
          { proof: [...claim.proof, root] },
          { proof: [claim.leafHash, ...claim.proof] },
          { index: index + 1 },
          { index: index - 1 },
          { index: index + size },
        ]) {
          if (claim.proof.length === 0 && wrong.proof?.length === 0) continue;
          if (accepts(() => verifyInclusion(sha256, { ...claim, ...wrong }))) wrongly.push([size, index, wrong]);
        }
      }
    }
    expect(wrongly).toEqual([]);
  });

  test.each([
    ['a fractional index', { index: 0.5 }],
    ['a negative index', { index: -1 }],
    ['an index that is not a number', { index: Number.NaN }],
    ['an endless size', { size: Number.POSITIVE_INFINITY }],
    ['a size beyond 2^53', { size: 2 ** 53 }],
    ['an empty tree', { index: 0, size: 0 }],
    ['a leaf hash of 31 bytes', { leafHash: new Uint8Array(31) }],
    ['a root of 33 bytes', { root: new Uint8Array(33) }],
    ['a proof hash of 64 bytes', { proof: [new Uint8Array(64), leaf(2)] }],
  ])('refuses %s', (_, wrong) => {
    const tree = hashes.slice(0, 4);
    const claim = { index: 0, size: 4, root: mth(tree), leafHash: tree[0]!, proof: path(0, tree) };
    expect(() => verifyInclusion(sha256, { ...claim, ...wrong })).toThrow(refused);
  });

  test('an index beyond 32 bits is not cut to its low bits', () => {
    // The lower half of such a tree is one perfect subtree; only the path length and its turns matter here.
    const size = 2 ** 40;
    const proof = leaves(40);
    const far = inclusionRoot(sha256, { index: 2 ** 39, size, leafHash: leaf(1), proof });
    const near = inclusionRoot(sha256, { index: 0, size, leafHash: leaf(1), proof });
    let expected = leaf(1);
    for (const sibling of proof.slice(0, -1)) expected = nodeHash(sha256, expected, sibling);
    expect(far).toEqual(nodeHash(sha256, proof[39]!, expected));
    expect(near).toEqual(nodeHash(sha256, expected, proof[39]!));
  });

  test('the last leaf of the largest tree is proved by the 52 hashes that its place needs, and by no other number', () => {
    const size = Number.MAX_SAFE_INTEGER;
    const at = (length: number) => () =>
      inclusionRoot(sha256, { index: size - 1, size, leafHash: leaf(0), proof: leaves(length) });
    expect(at(52)).not.toThrow();
    expect(at(51)).toThrow(refused);
    expect(at(53)).toThrow(refused);
  });
});

describe('consistency', () => {
  const hashes = leaves(66);
  const roots = Array.from({ length: hashes.length + 1 }, (_, size) => mth(hashes.slice(0, size)));

  test('every pair of sizes up to 66 is proved, and no proof survives a flipped bit, a lost or an added hash', () => {
    const wrongly: unknown[] = [];
    for (let secondSize = 1; secondSize <= hashes.length; secondSize++) {
      for (let firstSize = 1; firstSize <= secondSize; firstSize++) {
        const claim = {
          firstSize,
          firstRoot: roots[firstSize]!,
          secondSize,
          secondRoot: roots[secondSize]!,
          proof: subproof(firstSize, hashes.slice(0, secondSize), true),
        };
        verifyConsistency(sha256, claim);
        for (let i = 0; i < claim.proof.length; i++) {
          const proof = claim.proof.with(i, flip(claim.proof[i]!, firstSize * 5 + secondSize + i));
          if (accepts(() => verifyConsistency(sha256, { ...claim, proof }))) {
            wrongly.push([firstSize, secondSize, `hash ${i}`]);
          }
        }
        for (const wrong of [
          { firstRoot: flip(claim.firstRoot, firstSize) },
          { secondRoot: flip(claim.secondRoot, secondSize) },
          { proof: [...claim.proof, claim.firstRoot] },
          ...(claim.proof.length > 0 ? [{ proof: claim.proof.slice(1) }, { proof: claim.proof.slice(0, -1) }] : []),
        ]) {
          if (accepts(() => verifyConsistency(sha256, { ...claim, ...wrong }))) {
            wrongly.push([firstSize, secondSize, wrong]);
          }
        }
      }
    }
    expect(wrongly).toEqual([]);
  });

  const fork = mth([...hashes.slice(0, 20), leaf(999), ...hashes.slice(21, 40)]);
  const claim = { firstSize: 40, firstRoot: roots[40]!, secondSize: 40, secondRoot: fork, proof: [] };

  test('refuses two roots of one size: a fork', () => {
    expect(() => verifyConsistency(sha256, claim)).toThrow(refused);
  });

  test('refuses a log that shrank', () => {
    const shrunk = { ...claim, secondSize: 39, secondRoot: roots[39]!, proof: subproof(39, hashes.slice(0, 40), true) };
    expect(() => verifyConsistency(sha256, shrunk)).toThrow(refused);
  });

  test('refuses genuine hashes under a larger or a smaller size than they lead to', () => {
    const step = (firstSize: number, secondSize: number) => ({
      firstSize,
      firstRoot: roots[firstSize]!,
      secondSize,
      secondRoot: roots[secondSize]!,
      proof: subproof(firstSize, hashes.slice(0, secondSize), true),
    });
    verifyConsistency(sha256, step(2, 4));
    verifyConsistency(sha256, step(2, 8));
    expect(() => verifyConsistency(sha256, { ...step(2, 4), secondSize: 8 })).toThrow(/too few/);
    expect(() => verifyConsistency(sha256, { ...step(2, 8), secondSize: 4 })).toThrow(/too many/);
  });

  test('every tree extends the empty one, by an empty proof and the empty root only', () => {
    const fromNothing = { ...claim, firstSize: 0, firstRoot: emptyRoot(sha256), secondRoot: roots[40]! };
    verifyConsistency(sha256, fromNothing);
    expect(() => verifyConsistency(sha256, { ...fromNothing, firstRoot: leaf(1) })).toThrow(refused);
    expect(() => verifyConsistency(sha256, { ...fromNothing, proof: [leaf(1)] })).toThrow(refused);
    const nothing = { ...fromNothing, secondSize: 0, secondRoot: emptyRoot(sha256) };
    verifyConsistency(sha256, nothing);
    expect(() => verifyConsistency(sha256, { ...nothing, secondRoot: leaf(1) })).toThrow(refused);
  });

  test.each([
    ['a fractional first size', { firstSize: 0.5 }],
    ['a negative first size', { firstSize: -1 }],
    ['a second size beyond 2^53', { secondSize: 2 ** 53 }],
    ['a first root of 20 bytes', { firstRoot: new Uint8Array(20) }],
    ['a second root of 20 bytes', { secondRoot: new Uint8Array(20) }],
    ['a proof hash of 0 bytes', { proof: [new Uint8Array(0)] }],
    ['an empty proof between different sizes', { firstSize: 32, firstRoot: roots[32]!, proof: [] }],
    ['an empty proof from a size that is no power of two', { firstSize: 33, firstRoot: roots[33]!, proof: [] }],
  ])('refuses %s', (_, wrong) => {
    expect(() => verifyConsistency(sha256, { ...claim, ...wrong })).toThrow(refused);
  });
});
