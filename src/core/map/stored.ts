/**
 * Leaves and nodes of a map as they are kept, each under its own hash:
 *
 *     leaf   04 ‖ key ‖ u64be index …      its places in full, of which the hash covers the value
 *     node   05 ‖ u8 bit ‖ left ‖ right    exactly what the hash is over
 *
 * Where they are kept is nobody to be trusted: what is read is believed only once it gives the hash it was asked for.
 */
import { equalBytes, toHex } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { HASH_SIZE } from '../merkle/tree.ts';
import { formatNode, mapLeafHash, valueOf } from './map.ts';

export interface StoredLeaf {
  readonly key: Uint8Array;
  readonly entries: readonly number[];
}

export interface StoredNode {
  readonly bit: number;
  readonly left: Uint8Array;
  readonly right: Uint8Array;
}

export interface Stored {
  readonly hash: Uint8Array;
  readonly content: Uint8Array;
}

const LEAF = 4;
const NODE = 5;
const NODE_LENGTH = 2 + 2 * HASH_SIZE;

export const storeLeaf = (sha256: Sha256, leaf: StoredLeaf): Stored => ({
  hash: mapLeafHash(sha256, leaf.key, valueOf(sha256, leaf.entries)),
  content: formatLeaf(leaf),
});

/** The form in which a leaf is kept. */
export function formatLeaf({ key, entries }: StoredLeaf): Uint8Array {
  const content = new Uint8Array(1 + HASH_SIZE + 8 * entries.length);
  const view = new DataView(content.buffer);
  content[0] = LEAF;
  content.set(key, 1);
  for (const [i, index] of entries.entries()) view.setBigUint64(1 + HASH_SIZE + 8 * i, BigInt(index));
  return content;
}

export function storeNode(sha256: Sha256, { bit, left, right }: StoredNode): Stored {
  const content = formatNode(bit, left, right);
  return { hash: sha256(content), content };
}

/** The inverse of `storeLeaf` and `storeNode`. @throws RegistryError `ledger_inconsistent` */
export function parseStored(content: Uint8Array): StoredLeaf | StoredNode {
  if (content[0] === NODE && content.length === NODE_LENGTH) {
    return { bit: content[1]!, left: content.subarray(2, 2 + HASH_SIZE), right: content.subarray(2 + HASH_SIZE) };
  }
  const places = (content.length - 1 - HASH_SIZE) / 8;
  if (content[0] !== LEAF || !Number.isInteger(places) || places < 1) throw damaged('is neither a leaf nor a node');
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const entries = Array.from({ length: places }, (_, i) => Number(view.getBigUint64(1 + HASH_SIZE + 8 * i)));
  return { key: content.subarray(1, 1 + HASH_SIZE), entries };
}

/** @throws RegistryError `ledger_inconsistent` when the content is not what the hash stands for */
export function readStored(sha256: Sha256, { hash, content }: Stored): StoredLeaf | StoredNode {
  const read = parseStored(content);
  const found = 'key' in read ? mapLeafHash(sha256, read.key, valueOf(sha256, read.entries)) : sha256(content);
  if (equalBytes(found, hash)) return read;
  throw damaged(`under ${toHex(hash)} has the hash ${toHex(found)}`);
}

const damaged = (how: string): RegistryError =>
  new RegistryError('ledger_inconsistent', `What is kept of the map ${how}.`, { fix: 'Run "muniment fsck".' });
