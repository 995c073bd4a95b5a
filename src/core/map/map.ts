/**
 * A map with proofs, from digests to the places in the log where public statements name them. Whoever holds its root can
 * be shown all places of one digest, none left out, or that there is no place at all.
 *
 *     key    SHA-256(02 ‖ digest)                     32 bytes; where a digest hangs is nobody's choice
 *     value  v₀ = 32 zero bytes, vₖ = SHA-256(03 ‖ vₖ₋₁ ‖ u64be index)   over the places, ascending
 *     leaf   SHA-256(04 ‖ key ‖ value)
 *     node   SHA-256(05 ‖ u8 bit ‖ left ‖ right)      exists only where keys part: left holds 0 at the bit, right 1
 *     root   the one leaf or the topmost node; SHA-256 of nothing for the empty map
 *
 * Bits count from the most significant one of the first byte; from a node to those below it they only grow. Each node
 * commits to the bit by which it parts, so a key has one way down from a root and ends at one leaf: under one root a
 * digest is either proved present with one list, or proved absent, whatever its maker tried. The prefixes keep leaves,
 * nodes and the log's own hashes (00, 01) apart. That the list is the right one is told by building the map again.
 */
import { equalBytes, toHex } from '../bytes.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { parseDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { emptyRoot, HASH_SIZE, isSize } from '../merkle/tree.ts';

/** Bits of a key, and so the most hashes a proof can hold. */
export const KEY_BITS = 256;

const KEY_PREFIX = Uint8Array.of(2);
const VALUE_PREFIX = Uint8Array.of(3);
const LEAF_PREFIX = Uint8Array.of(4);
/** Of a node, by its bit. */
const NODE_PREFIXES: readonly Uint8Array[] = Array.from({ length: KEY_BITS }, (_, bit) => Uint8Array.of(5, bit));

/** The value of a list before its first place. */
export const NO_PLACES: Uint8Array = new Uint8Array(HASH_SIZE);

export interface MapProof {
  /** The leaf at the end of the digest's way where that is another digest's; null where it is its own, or the map empty. */
  readonly other: { readonly key: Uint8Array; readonly value: Uint8Array } | null;
  /** From the leaf up: the bit by which each node parts, and the hash on its other side. */
  readonly path: readonly { readonly bit: number; readonly hash: Uint8Array }[];
}

export interface MapClaim {
  readonly digest: Digest;
  /** Indexes of all entries that name the digest, ascending; none when it is said to be absent. */
  readonly entries: readonly number[];
  readonly proof: MapProof;
}

export const mapKey = (sha256: Sha256, digest: Digest): Uint8Array => sha256(KEY_PREFIX, parseDigest(digest));

/** The value of a list with one more place at its end. */
export function extendValue(sha256: Sha256, value: Uint8Array, index: number): Uint8Array {
  const place = new Uint8Array(8);
  const view = new DataView(place.buffer);
  view.setUint32(0, index / 2 ** 32);
  view.setUint32(4, index);
  return sha256(VALUE_PREFIX, value, place);
}

export const valueOf = (sha256: Sha256, entries: readonly number[]): Uint8Array =>
  entries.reduce((value, index) => extendValue(sha256, value, index), NO_PLACES);

export const mapLeafHash = (sha256: Sha256, key: Uint8Array, value: Uint8Array): Uint8Array =>
  sha256(LEAF_PREFIX, key, value);

export const mapNodeHash = (sha256: Sha256, bit: number, left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha256(NODE_PREFIXES[bit]!, left, right);

/** What a node's hash is over; also the form in which a node is kept. */
export function formatNode(bit: number, left: Uint8Array, right: Uint8Array): Uint8Array {
  const content = new Uint8Array(2 + 2 * HASH_SIZE);
  content[0] = 5;
  content[1] = bit;
  content.set(left, 2);
  content.set(right, 2 + HASH_SIZE);
  return content;
}

/** The bit of a key, 0 or 1. */
export const bitOf = (key: Uint8Array, bit: number): number => (key[bit >> 3]! >> (7 - (bit & 7))) & 1;

/** The first bit by which two keys differ; `KEY_BITS` for the same key. */
export function partingBit(a: Uint8Array, b: Uint8Array): number {
  for (let byte = 0; byte < HASH_SIZE; byte++) {
    const differing = a[byte]! ^ b[byte]!;
    if (differing !== 0) return byte * 8 + Math.clz32(differing) - 24;
  }
  return KEY_BITS;
}

/**
 * The root that a proof leads to. It says nothing until it is compared with a root that is trusted.
 * @throws RegistryError `proof_invalid` where the proof proves nothing about this digest, whatever the root
 */
export function mapRootOf(sha256: Sha256, { digest, entries, proof: { other, path } }: MapClaim): Uint8Array {
  for (const [i, index] of entries.entries()) {
    if (!isSize(index) || (i > 0 && index <= entries[i - 1]!))
      throw invalid('The places of the digest are not ascending.');
  }
  const key = mapKey(sha256, digest);
  let hash: Uint8Array;
  if (entries.length > 0) {
    if (other !== null) throw invalid('The proof of a digest that is present shows the leaf of another one.');
    hash = mapLeafHash(sha256, key, valueOf(sha256, entries));
  } else if (other === null) {
    if (path.length > 0) throw invalid('A proof that shows no leaf is one of the empty map, which has no nodes.');
    return emptyRoot(sha256);
  } else {
    requireHash(other.key);
    requireHash(other.value);
    if (equalBytes(other.key, key)) throw invalid('The proof of absence shows the leaf of the digest itself.');
    hash = mapLeafHash(sha256, other.key, other.value);
  }
  let below = KEY_BITS;
  for (const { bit, hash: sibling } of path) {
    if (!Number.isInteger(bit) || bit < 0 || bit >= below) throw invalid('The nodes of the proof are out of order.');
    requireHash(sibling);
    const side = bitOf(key, bit);
    if (other !== null && bitOf(other.key, bit) !== side) {
      throw invalid('The leaf in the proof of absence does not lie on the way of the digest.');
    }
    hash = sha256(side === 0 ? formatNode(bit, hash, sibling) : formatNode(bit, sibling, hash));
    below = bit;
  }
  return hash;
}

/**
 * Judges that the map with this root holds exactly these places for the digest.
 * @throws RegistryError `proof_invalid`
 */
export function verifyMapProof(sha256: Sha256, claim: MapClaim & { root: Uint8Array }): void {
  requireHash(claim.root);
  const root = mapRootOf(sha256, claim);
  if (equalBytes(root, claim.root)) return;
  throw invalid(`The proof leads to the map root ${toHex(root)}, not to ${toHex(claim.root)}.`);
}

function requireHash(hash: Uint8Array): void {
  if (hash.length !== HASH_SIZE) throw invalid(`A hash has ${HASH_SIZE} bytes, not ${hash.length}.`);
}

const invalid = (sentence: string): RegistryError => new RegistryError('proof_invalid', sentence);
