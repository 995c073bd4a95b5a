/**
 * The Merkle tree of RFC 6962 §2.1 (RFC 9162 §2.1), over SHA-256: leaf `H(00 ‖ entry)`, node `H(01 ‖ left ‖ right)`,
 * the empty tree `H("")`, and a tree of n > 1 leaves split at the largest power of two below n.
 *
 * The prefixes 00 and 01 keep an attacker from passing a node off as a leaf. Everything a verifier is given (index,
 * size, hashes, proof) may be hostile: the functions named `…Root(s)` compute what a proof leads to, the functions named
 * `verify…` judge it, and both demand that the proof has exactly as many hashes as its place in the tree needs.
 */
import { equalBytes, toHex } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';

/** Bytes in a hash. */
export const HASH_SIZE = 32;

const LEAF_PREFIX = Uint8Array.of(0);
const NODE_PREFIX = Uint8Array.of(1);

export interface InclusionProof {
  /** Zero-based place of the leaf. */
  index: number;
  /** Number of leaves in the tree. */
  size: number;
  leafHash: Uint8Array;
  /** Hashes of 32 bytes, the leaf's sibling first, the root's child last. */
  proof: readonly Uint8Array[];
}

export interface ConsistencyProof {
  firstSize: number;
  firstRoot: Uint8Array;
  secondSize: number;
  secondRoot: Uint8Array;
  /** Hashes of 32 bytes in the order of RFC 9162 §2.1.4.1. */
  proof: readonly Uint8Array[];
}

/** `SHA-256(00 ‖ entry)` */
export const leafHash = (sha256: Sha256, entry: Uint8Array): Uint8Array => sha256(LEAF_PREFIX, entry);

/** `SHA-256(01 ‖ left ‖ right)` */
export const nodeHash = (sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha256(NODE_PREFIX, left, right);

/** The root of the tree without leaves: the SHA-256 of nothing. */
export function emptyRoot(sha256: Sha256): Uint8Array {
  return sha256(new Uint8Array(0));
}

/** The root over the given leaf hashes. Pairing level by level, a lone last node moving up, gives the split of RFC 6962. */
export function rootOf(sha256: Sha256, leafHashes: readonly Uint8Array[]): Uint8Array {
  let level = leafHashes;
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) above.push(nodeHash(sha256, level[i]!, level[i + 1]!));
    if (level.length % 2 === 1) above.push(level.at(-1)!);
    level = above;
  }
  return level[0] === undefined ? emptyRoot(sha256) : new Uint8Array(level[0]);
}

/**
 * The root that an inclusion proof leads to, by RFC 9162 §2.1.3.2. It says nothing until it is compared with a root
 * that is trusted.
 * @throws RegistryError `proof_invalid` when index, size and number of hashes do not fit together
 */
export function inclusionRoot(sha256: Sha256, { index, size, leafHash, proof }: InclusionProof): Uint8Array {
  if (!isSize(size) || !isSize(index) || index >= size) throw invalid(`There is no leaf ${index} of ${size}.`);
  checkHash(leafHash, 'leafHash');
  let node = index;
  let last = size - 1;
  let hash = leafHash;
  for (const [i, sibling] of proof.entries()) {
    checkHash(sibling, `proof.${i}`);
    if (last === 0) throw invalid(`The inclusion proof has ${proof.length} hashes, too many for its place.`);
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sha256, sibling, hash);
      [node, last] = skipLoneNodes(node, last);
    } else {
      hash = nodeHash(sha256, hash, sibling);
    }
    node = half(node);
    last = half(last);
  }
  if (last !== 0) throw invalid(`The inclusion proof has ${proof.length} hashes, too few for its place.`);
  return hash;
}

/**
 * Judges that a leaf is at `index` in the tree of `size` leaves with this root.
 * @throws RegistryError `proof_invalid`
 */
export function verifyInclusion(sha256: Sha256, claim: InclusionProof & { root: Uint8Array }): void {
  checkHash(claim.root, 'root');
  const root = inclusionRoot(sha256, claim);
  if (equalBytes(root, claim.root)) return;
  throw invalid(`The inclusion proof leads to root ${toHex(root)}, not to ${toHex(claim.root)}.`);
}

/**
 * The two roots that a consistency proof leads to, by RFC 9162 §2.1.4.2, for `0 < firstSize < secondSize`.
 * @throws RegistryError `proof_invalid` when sizes and number of hashes do not fit together
 */
export function consistencyRoots(
  sha256: Sha256,
  { firstSize, firstRoot, secondSize, proof }: Omit<ConsistencyProof, 'secondRoot'>,
): { firstRoot: Uint8Array; secondRoot: Uint8Array } {
  if (!isSize(firstSize) || !isSize(secondSize) || firstSize === 0 || firstSize >= secondSize) {
    throw invalid(`No hashes lead from size ${firstSize} to size ${secondSize}.`);
  }
  checkHash(firstRoot, 'firstRoot');
  for (const [i, hash] of proof.entries()) checkHash(hash, `proof.${i}`);
  let node = firstSize - 1;
  let last = secondSize - 1;
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  // When the first tree is a perfect subtree of the second, its root starts the path and is left out of the proof.
  const path = node === 0 ? [firstRoot, ...proof] : proof;
  const [start, ...rest] = path;
  if (start === undefined) throw invalid('The consistency proof is empty.');
  let first = start;
  let second = start;
  for (const hash of rest) {
    if (last === 0) throw invalid(`The consistency proof has ${proof.length} hashes, too many for its sizes.`);
    if (node % 2 === 1 || node === last) {
      first = nodeHash(sha256, hash, first);
      second = nodeHash(sha256, hash, second);
      [node, last] = skipLoneNodes(node, last);
    } else {
      second = nodeHash(sha256, second, hash);
    }
    node = half(node);
    last = half(last);
  }
  if (last !== 0) throw invalid(`The consistency proof has ${proof.length} hashes, too few for its sizes.`);
  return { firstRoot: first, secondRoot: second };
}

/**
 * Judges that the first tree is a prefix of the second. Every tree extends the empty one and equals itself; both need an
 * empty proof.
 * @throws RegistryError `proof_invalid`
 */
export function verifyConsistency(sha256: Sha256, claim: ConsistencyProof): void {
  const { firstSize, firstRoot, secondSize, secondRoot, proof } = claim;
  if (!isSize(firstSize) || !isSize(secondSize) || firstSize > secondSize) {
    throw invalid(`A tree of ${secondSize} leaves cannot extend one of ${firstSize}.`);
  }
  checkHash(firstRoot, 'firstRoot');
  checkHash(secondRoot, 'secondRoot');
  if (firstSize === 0 || firstSize === secondSize) {
    if (proof.length !== 0) throw invalid('A consistency proof between these sizes holds no hashes.');
    for (const [size, root] of [[firstSize, firstRoot] as const, [secondSize, secondRoot] as const]) {
      if (size === 0 && !equalBytes(root, emptyRoot(sha256))) throw invalid('That is not the root of the empty tree.');
    }
    if (firstSize === secondSize && !equalBytes(firstRoot, secondRoot)) {
      throw invalid(`Two different roots of ${firstSize} leaves: the log has forked.`);
    }
    return;
  }
  const roots = consistencyRoots(sha256, claim);
  if (!equalBytes(roots.firstRoot, firstRoot)) throw invalid('The consistency proof does not lead to the first root.');
  if (!equalBytes(roots.secondRoot, secondRoot)) {
    throw invalid('The consistency proof does not lead to the second root.');
  }
}

/**
 * A count of leaves or an index of one. Numbers stay below 2^53, where doubles are exact: arithmetic here divides and
 * takes remainders, since JavaScript's bit operators would cut an index at 32 bits.
 */
export function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** The largest power of two below `size`, for `size` ≥ 2: where RFC 6962 splits a tree. */
export function splitPoint(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/** A node without a right sibling is its own parent: climb until it is somebody's right child, or the root. */
function skipLoneNodes(node: number, last: number): [number, number] {
  while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
  return [node, last];
}

const half = (n: number): number => Math.floor(n / 2);

function checkHash(hash: Uint8Array, field: string): void {
  if (hash.length === HASH_SIZE) return;
  throw new RegistryError('proof_invalid', `A hash has ${HASH_SIZE} bytes, not ${hash.length}.`, { field });
}

function invalid(sentence: string): RegistryError {
  return new RegistryError('proof_invalid', sentence);
}
