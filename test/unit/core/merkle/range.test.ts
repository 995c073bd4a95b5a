import { describe, expect, it } from '@jest/globals';
import { CompactRange } from '../../../../src/core/merkle/range.ts';
import { leaves, mth, sha256 } from './fixture.ts';

describe('a compact range', () => {
  const hashes = leaves(130);

  it('has the root of RFC 6962 at every size, and goes on from any of them', () => {
    const range = new CompactRange(sha256);
    for (const [i, hash] of hashes.entries()) {
      expect(range.root()).toEqual(mth(hashes.slice(0, i)));
      const again = new CompactRange(sha256, range.size, range.subtrees);
      range.add(hash);
      again.add(hash);
      expect([again.size, again.root()]).toEqual([i + 1, mth(hashes.slice(0, i + 1))]);
    }
  });

  it('refuses subtrees of another size', () => {
    const [hash] = hashes;
    for (const [size, subtrees] of [
      [0, [hash!]],
      [1, []],
      [3, [hash!]],
      [-1, []],
      [1.5, [hash!]],
      [2, [hash!.subarray(1)]],
    ] as const) {
      expect(() => new CompactRange(sha256, size, subtrees)).toThrow(
        expect.objectContaining({ code: 'invalid_input' }),
      );
    }
  });
});
