/**
 * A judged batch grown onto the tree of the log: the next head with its signed checkpoint, all that one query then writes,
 * and the receipts that follow from it.
 */
import type { EntityManager } from 'typeorm';
import { fromBase64, toBase64 } from '../core/bytes.ts';
import { parseDigest } from '../core/digest.ts';
import { appendLeaves, nextEdge } from '../core/merkle/append.ts';
import { formatBundle } from '../core/merkle/bundle.ts';
import { proveInclusionsFrom } from '../core/merkle/proof.ts';
import type { TileMap } from '../core/merkle/subtree.ts';
import { edgeTiles, TILE_WIDTH, tileKey } from '../core/merkle/tile.ts';
import { leafHash } from '../core/merkle/tree.ts';
import { visibilityOf } from '../core/registry/index.ts';
import { formatEnvelope } from '../core/statement/dsse.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { entryOf, formatReceipt } from '../core/statement/receipt.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Change } from '../platform/database/index.ts';
import type { Head } from './anchor.ts';
import type { Judged } from './batch.ts';
import type { CheckpointSigner } from './checkpoint-signer.ts';
import * as store from './log.store.ts';
import { writeRows } from './projection.store.ts';

/** What the next append builds upon. */
export interface Edge {
  /** The partial tiles of the tree. */
  readonly tiles: TileMap;
  /** Those that no full bundle holds yet. */
  readonly entries: readonly Uint8Array[];
}

/** The right edge of the log as the database has it. */
export async function readEdge(manager: EntityManager, size: number): Promise<Edge> {
  const [tiles, statements] = await Promise.all([
    store.readTileRows(manager, edgeTiles(size)),
    store.readStatements(manager, size - (size % TILE_WIDTH), size),
  ]);
  return { tiles, entries: statements.map((row) => entryOf(sha256, row.payload, row.signature, row.spki)) };
}

export interface Grown {
  readonly head: Head;
  /** The head moves first: where it is not the one that was judged upon, nothing is written. */
  readonly first: Change;
  readonly others: readonly Change[];
  readonly edge: Edge;
  receipts(): Receipt[];
}

export function grow(judged: Judged, edge: Edge, signer: CheckpointSigner): Grown {
  const { head, accepted, rows, changes, remembered } = judged;
  const submissions = accepted.map(({ waiting }) => waiting.submission);
  const spkis = submissions.map(({ spoken }) => fromBase64(spoken.spki));
  const entries = submissions.map(({ signed }, i) => entryOf(sha256, signed.payload, signed.signature, spkis[i]!));
  const appended = appendLeaves(
    sha256,
    head.size,
    edge.tiles,
    entries.map((entry) => leafHash(sha256, entry)),
  );
  const next: Head = { size: appended.size, root: appended.root };
  const note = signer.sign(next);
  const bundles = cutBundles(head.size, [...edge.entries, ...entries]);
  return {
    head: next,
    first: store.moveHead(head, next, note),
    others: [
      store.insertStatements(
        submissions.map(({ spoken, signed }, i) => ({
          index: head.size + i,
          payloadDigest: parseDigest(spoken.payloadDigest, 'payloadDigest'),
          kind: spoken.kind.kind,
          maker: spoken.common.maker,
          visibility: visibilityOf(spoken.kind),
          payload: signed.payload,
          signature: signed.signature,
          spki: spkis[i]!,
        })),
      ),
      store.upsertTiles(appended.tiles),
      ...bundles.full.map(({ index, bytes }) => store.insertBundle(index, bytes)),
      ...writeRows(changes, rows),
      ...besides(accepted, remembered),
    ],
    edge: { tiles: nextEdge(edge.tiles, appended), entries: bundles.rest },
    receipts: () => {
      const tiles = new Map(edge.tiles);
      for (const tile of appended.tiles) tiles.set(tileKey(tile), tile.bytes);
      return receiptsOf(accepted, next.size, note, tiles);
    },
  };
}

/**
 * A bundle is written once, when its last entry arrives.
 * @param entries from the start of the bundle that is not full at `size`
 */
function cutBundles(size: number, entries: readonly Uint8Array[]) {
  const first = Math.floor(size / TILE_WIDTH);
  const count = Math.floor(entries.length / TILE_WIDTH);
  const full = Array.from({ length: count }, (_, i) => ({
    index: first + i,
    bytes: formatBundle(entries.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH)),
  }));
  return { full, rest: entries.slice(count * TILE_WIDTH) };
}

function receiptsOf(accepted: Judged['accepted'], treeSize: number, checkpoint: string, tiles: TileMap): Receipt[] {
  const indexes = accepted.map(({ index }) => index);
  const proofs = proveInclusionsFrom(sha256, indexes, treeSize, tiles, new Map());
  return accepted.map(({ waiting: { submission }, index }, i) =>
    formatReceipt({
      payloadDigest: submission.spoken.payloadDigest,
      kind: submission.spoken.kind.kind,
      id: submission.spoken.common.id,
      envelope: formatEnvelope(submission.signed),
      spki: submission.spoken.spki,
      index,
      treeSize,
      inclusionProof: proofs[i]!.map(toBase64),
      checkpoint,
    }),
  );
}

/** What goes with a statement and is no part of the ledger. */
function besides(accepted: Judged['accepted'], remembered: readonly store.Remembered[]): Change[] {
  const disclosures = accepted.flatMap(({ waiting }) => waiting.submission.disclosures);
  return [
    ...(disclosures.length > 0 ? [store.insertDisclosures(disclosures)] : []),
    ...(remembered.length > 0 ? [store.insertIdempotency(remembered)] : []),
  ];
}
