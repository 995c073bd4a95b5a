/**
 * Proof files, `c2sp.org/tlog-proof@v1`: all that shows offline that an entry is in a log, in one text.
 *
 *     c2sp.org/tlog-proof@v1
 *     extra <base64>                 (optional; not signed by anyone)
 *     index <decimal>
 *     <base64 hash>                  (leaf's sibling first, root's child last)
 *
 *     <checkpoint, verbatim>
 *
 * Only the checkpoint carries signatures; the index and the hashes are hints that lead from the leaf to its root, and
 * count for nothing until they do. Extra data is never to be trusted.
 */
import { fromBase64, toBase64 } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { HASH_SIZE, isSize, verifyInclusion } from '../merkle/tree.ts';
import type { OpenedCheckpoint } from './checkpoint.ts';
import { openCheckpoint, parseCheckpoint } from './checkpoint.ts';
import type { NoteVerifier } from './note.ts';
import { parseNote } from './note.ts';

/** The most hashes a proof can need in a tree below 2^53 leaves. */
export const MAX_PROOF_HASHES = 53;

export interface TlogProof {
  /** Zero-based place of the entry. */
  index: number;
  /** Hashes of 32 bytes, leaf's sibling first. */
  proof: readonly Uint8Array[];
  /** The signed note as the log gave it. */
  checkpoint: string;
  /** Opaque data that nobody vouches for; not empty. */
  extra?: Uint8Array;
}

const HEADER = 'c2sp.org/tlog-proof@v1';

/** @throws RegistryError `malformed_proof`, `malformed_note` */
export function formatTlogProof({ index, proof, checkpoint, extra }: TlogProof): string {
  if (!isSize(index)) throw malformed('has an index that is not a count below 2^53');
  if (extra?.length === 0) throw malformed('has extra data of no bytes');
  if (proof.length > MAX_PROOF_HASHES) throw malformed(`has more than ${MAX_PROOF_HASHES} hashes`);
  if (proof.some((hash) => hash.length !== HASH_SIZE)) throw malformed(`has a hash that is not ${HASH_SIZE} bytes`);
  parseCheckpoint(parseNote(checkpoint).text);
  return [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${toBase64(extra)}`]),
    `index ${index}`,
    ...proof.map(toBase64),
    '',
    checkpoint,
  ].join('\n');
}

/**
 * The exact inverse of `formatTlogProof`; judges nothing.
 * @throws RegistryError `malformed_proof`, `malformed_note`
 */
export function parseTlogProof(text: string): TlogProof {
  const split = text.indexOf('\n\n');
  if (split < 0) throw malformed('has no blank line before its checkpoint');
  const [header, ...lines] = text.slice(0, split).split('\n', MAX_PROOF_HASHES + 4);
  if (header !== HEADER) throw malformed(`does not begin with "${HEADER}"`);
  const extra = lines[0]?.startsWith('extra ') ? bytesOf(lines.shift()!.slice('extra '.length)) : undefined;
  const index = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '')?.[1];
  if (index === undefined) throw malformed('has no line "index <decimal>" in its place');
  const proof = {
    index: Number(index),
    proof: lines.map(bytesOf),
    checkpoint: text.slice(split + 2),
    ...(extra === undefined ? {} : { extra }),
  };
  if (formatTlogProof(proof) !== text) throw malformed('is not in canonical form');
  return proof;
}

/**
 * Judges that the entry with this leaf hash is in the log called `origin`, as the checkpoint in the proof file says.
 * @returns the place of the entry and the opened checkpoint, with the signatures that verified
 * @throws RegistryError `malformed_proof`, `proof_invalid`, and as `openCheckpoint`
 */
export async function verifyTlogProof(
  sha256: Sha256,
  text: string,
  expected: { leafHash: Uint8Array; origin: string; verifiers: readonly NoteVerifier[] },
): Promise<OpenedCheckpoint & { index: number }> {
  const { index, proof, checkpoint: note } = parseTlogProof(text);
  const opened = await openCheckpoint(note, expected.origin, expected.verifiers);
  const { size, root } = opened.checkpoint;
  verifyInclusion(sha256, { index, size, root, leafHash: expected.leafHash, proof });
  return { ...opened, index };
}

function bytesOf(base64: string): Uint8Array {
  try {
    return fromBase64(base64);
  } catch (cause) {
    throw malformed('has a line that is not canonical base64', cause);
  }
}

function malformed(why: string, cause?: unknown): RegistryError {
  return new RegistryError('malformed_proof', `The proof file ${why}.`, { cause });
}
