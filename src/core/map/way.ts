/**
 * The proof about a digest, from what is kept on its way down from the root. Computing it vouches for nothing: whoever is
 * shown it judges it by `verifyMapProof`.
 */
import { equalBytes } from '../bytes.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { MapClaim } from './map.ts';
import { bitOf, mapKey, valueOf } from './map.ts';
import type { Stored } from './stored.ts';
import { readStored } from './stored.ts';

/**
 * @param way from the root to the leaf; nothing for the empty map
 * @throws RegistryError `ledger_inconsistent` when the way is not the digest's, or something on it is damaged
 */
export function claimOf(sha256: Sha256, digest: Digest, way: readonly Stored[]): MapClaim {
  if (way.length === 0) return { digest, entries: [], proof: { other: null, path: [] } };
  const key = mapKey(sha256, digest);
  const path: { bit: number; hash: Uint8Array }[] = [];
  let expected = way[0]!.hash;
  for (const [i, stored] of way.entries()) {
    if (!equalBytes(stored.hash, expected)) break;
    const found = readStored(sha256, stored);
    if ('key' in found) {
      if (i < way.length - 1) break;
      const { entries } = found;
      if (equalBytes(found.key, key)) return { digest, entries, proof: { other: null, path } };
      return { digest, entries: [], proof: { other: { key: found.key, value: valueOf(sha256, entries) }, path } };
    }
    const side = bitOf(key, found.bit);
    expected = side === 0 ? found.left : found.right;
    path.unshift({ bit: found.bit, hash: side === 0 ? found.right : found.left });
  }
  throw new RegistryError('ledger_inconsistent', 'What is kept of the map does not lead from its root to a leaf.', {
    fix: 'Run "muniment fsck".',
  });
}
