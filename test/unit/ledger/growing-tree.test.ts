import { expect, test } from '@jest/globals';
import { toHex, utf8 } from '../../../src/core/bytes.ts';
import { leafHash, rootOf } from '../../../src/core/merkle/tree.ts';
import { GrowingTree } from '../../../src/ledger/fsck/growing-tree.ts';
import type { TreeState } from '../../../src/ledger/fsck/growing-tree.ts';
import { sha256 } from '../../../src/platform/crypto.ts';

const leaves = Array.from({ length: 1100 }, (_, i) => leafHash(sha256, utf8(`leaf ${i}`)));

test('has the root and the tiles of the tree at every size, also when it is put away and taken up again', () => {
  const whole = new GrowingTree(sha256);
  let parts = new GrowingTree(sha256);
  for (const [i, leaf] of leaves.entries()) {
    expect(parts.add(leaf)).toEqual(whole.add(leaf));
    if (i % 37 === 0) {
      const state = JSON.parse(JSON.stringify(parts.state())) as TreeState;
      parts = GrowingTree.restore(sha256, state);
      expect(toHex(parts.root())).toBe(toHex(rootOf(sha256, leaves.slice(0, i + 1))));
      expect(parts.partialTiles()).toEqual(whole.partialTiles());
    }
  }
  expect(parts.state()).toEqual(whole.state());
});
