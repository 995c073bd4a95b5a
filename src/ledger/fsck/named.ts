/**
 * What a page of statements says for the map of digests: which digests its public statements name, and which maps the
 * registry put on record in it. Packed as bytes, since they travel between threads and wait for their sorting.
 */
import type { Digest, Sha256 } from '../../core/digest.ts';
import { mapKey } from '../../core/map/map.ts';
import { HASH_SIZE } from '../../core/merkle/tree.ts';
import type { mapRoot } from '../../core/registry/index.ts';
import { namedBy } from '../../core/registry/index.ts';
import type { Kind } from '../../core/registry/kind.ts';
import type { ReadStatement } from './statements.ts';

/** `key ‖ u64be index`: sorted as bytes, they come in the order of the map, and of the log for each key. */
export const NAMING_BYTES = HASH_SIZE + 8;

export interface RecordedRoot {
  readonly index: number;
  readonly body: typeof mapRoot extends Kind<infer Body> ? Body : never;
}

export interface Named {
  /** One after the other, `NAMING_BYTES` each */
  readonly namings: Uint8Array;
  readonly mapRoots: readonly RecordedRoot[];
}

export function namedIn(
  sha256: Sha256,
  statements: readonly ReadStatement[],
): Named & { namings: Uint8Array<ArrayBuffer> } {
  const names: [Digest, number][] = [];
  const mapRoots: RecordedRoot[] = [];
  for (const { index, spoken } of statements) {
    if (spoken === undefined) continue;
    if (spoken.kind.kind === 'map-root') mapRoots.push({ index, body: spoken.body as RecordedRoot['body'] });
    for (const digest of namedBy(spoken)) names.push([digest, index]);
  }
  const namings = new Uint8Array(names.length * NAMING_BYTES);
  const view = new DataView(namings.buffer);
  for (const [i, [digest, index]] of names.entries()) {
    namings.set(mapKey(sha256, digest), i * NAMING_BYTES);
    view.setBigUint64(i * NAMING_BYTES + HASH_SIZE, BigInt(index));
  }
  return { namings, mapRoots };
}
