/** What the Merkle tests share: SHA-256 by node:crypto, leaves that differ, and a tree written straight from the RFC. */
import { createHash } from 'node:crypto';
import { toHex, utf8 } from '../../../../src/core/bytes.ts';
import type { Sha256 } from '../../../../src/core/digest.ts';
import { RegistryError } from '../../../../src/core/errors.ts';
import { appendLeaves } from '../../../../src/core/merkle/append.ts';
import { tileKey } from '../../../../src/core/merkle/tile.ts';
import { leafHash } from '../../../../src/core/merkle/tree.ts';

export const sha256: Sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

export const leaf = (index: number): Uint8Array => leafHash(sha256, utf8(`entry ${index}`));

export const leaves = (count: number, from = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => leaf(from + i));

/** MTH of RFC 6962 §2.1 word by word, sharing nothing with the code under test. */
export function mth(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return sha256();
  if (hashes.length === 1) return hashes[0]!;
  const k = 2 ** Math.floor(Math.log2(hashes.length - 1));
  return sha256(Uint8Array.of(1), mth(hashes.slice(0, k)), mth(hashes.slice(k)));
}

/** PATH of RFC 6962 §2.1.1 word by word. */
export function path(m: number, hashes: readonly Uint8Array[]): Uint8Array[] {
  if (hashes.length === 1) return [];
  const k = 2 ** Math.floor(Math.log2(hashes.length - 1));
  return m < k
    ? [...path(m, hashes.slice(0, k)), mth(hashes.slice(k))]
    : [...path(m - k, hashes.slice(k)), mth(hashes.slice(0, k))];
}

/** SUBPROOF of RFC 6962 §2.1.2 word by word; PROOF(m, D) is SUBPROOF(m, D, true). */
export function subproof(m: number, hashes: readonly Uint8Array[], known: boolean): Uint8Array[] {
  if (m === hashes.length) return known ? [] : [mth(hashes)];
  const k = 2 ** Math.floor(Math.log2(hashes.length - 1));
  return m <= k
    ? [...subproof(m, hashes.slice(0, k), known), mth(hashes.slice(k))]
    : [...subproof(m - k, hashes.slice(k), false), mth(hashes.slice(0, k))];
}

/** All tiles of the tree over these leaves, by key. */
export function tilesOver(hashes: readonly Uint8Array[]): Map<string, Uint8Array> {
  const { tiles } = appendLeaves(sha256, 0, new Map(), hashes);
  return new Map(tiles.map((tile) => [tileKey(tile), tile.bytes]));
}

/** The same bytes with one bit turned over. */
export function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = new Uint8Array(bytes);
  const at = Math.floor(bit / 8) % bytes.length;
  flipped[at] = flipped[at]! ^ (1 << (bit % 8));
  return flipped;
}

/** Whether a judge lets a claim pass; for loops too long for an `expect` in each turn. Any other error is a bug. */
export function accepts(judge: () => void): boolean {
  try {
    judge();
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'proof_invalid') return false;
    throw error;
  }
}

/** Tiles by key as one short text each, which compares quickly and prints well. */
export function summary(tiles: ReadonlyMap<string, Uint8Array>): string[] {
  return [...tiles].map(([key, bytes]) => `${key} ${bytes.length} ${toHex(sha256(bytes))}`).sort();
}
