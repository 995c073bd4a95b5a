/**
 * What a log and its witness say to each other, C2SP `tlog-witness`: the body of `POST /add-checkpoint`
 *
 *     old 20852014
 *     <base64 hash>                  (consistency proof, at most 63 lines)
 *
 *     <checkpoint, verbatim>
 *
 * the size that a witness answers with (409, `text/x.tlog.size`), and the one judgement that makes it a witness: whether
 * a checkpoint extends the newest one that it has cosigned. A log that shows others another tree needs the witness to
 * sign twice at one size, or to forget; so the caller judges and keeps the outcome before the next request is judged.
 */
import { equalBytes, fromBase64, toBase64 } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { HASH_SIZE, isSize, verifyConsistency } from '../merkle/tree.ts';
import type { Checkpoint } from './checkpoint.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { parseNote } from './note.ts';

export const MAX_CONSISTENCY_LINES = 63;

/** Content type of a size in an answer. */
export const SIZE_TYPE = 'text/x.tlog.size';

export interface AddCheckpoint {
  /** Of the tree that the witness cosigned last, as the client believes. */
  oldSize: number;
  /** Hashes of 32 bytes in the order of RFC 9162 §2.1.4.1. */
  proof: readonly Uint8Array[];
  /** The signed note as the log gave it. */
  checkpoint: string;
}

/** @throws RegistryError `malformed_proof`, `malformed_note` */
export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): string {
  if (!isSize(oldSize)) throw malformed('has an old size that is not a count below 2^53');
  if (proof.length > MAX_CONSISTENCY_LINES) throw malformed(`has more than ${MAX_CONSISTENCY_LINES} hashes`);
  if (proof.some((hash) => hash.length !== HASH_SIZE)) throw malformed(`has a hash that is not ${HASH_SIZE} bytes`);
  parseCheckpoint(parseNote(checkpoint).text);
  return [`old ${oldSize}`, ...proof.map(toBase64), '', checkpoint].join('\n');
}

/**
 * The exact inverse of `formatAddCheckpoint`; judges nothing.
 * @throws RegistryError `malformed_proof`, `malformed_note`
 */
export function parseAddCheckpoint(text: string): AddCheckpoint {
  const split = text.indexOf('\n\n');
  if (split < 0) throw malformed('has no blank line before its checkpoint');
  const [first, ...lines] = text.slice(0, split).split('\n', MAX_CONSISTENCY_LINES + 2);
  const oldSize = /^old (0|[1-9]\d{0,15})$/.exec(first ?? '')?.[1];
  if (oldSize === undefined) throw malformed('does not begin with "old <size>"');
  const request = { oldSize: Number(oldSize), proof: lines.map(hashOf), checkpoint: text.slice(split + 2) };
  if (formatAddCheckpoint(request) !== text) throw malformed('is not in canonical form');
  return request;
}

export const formatTreeSize = (size: number): string => `${size}\n`;

/** The exact inverse of `formatTreeSize`. @throws RegistryError `malformed_proof` */
export function parseTreeSize(text: string): number {
  const size = /^(0|[1-9]\d{0,15})\n$/.exec(text)?.[1];
  if (size === undefined || !isSize(Number(size))) throw malformed('is answered with something that is not a size');
  return Number(size);
}

type Tree = Pick<Checkpoint, 'root' | 'size'>;

/** What a witness does with a checkpoint that the log has signed. */
export type Advance =
  | { readonly outcome: 'cosign' }
  /** 400: the old size is larger than the checkpoint's. */
  | { readonly outcome: 'size_invalid' }
  /** 409: not the size that was cosigned last, or another tree of that size. */
  | { readonly outcome: 'conflict'; readonly size: number }
  /** 422: the checkpoint is not shown to extend the last one. */
  | { readonly outcome: 'proof_invalid' };

/**
 * Judges whether `next` extends what was cosigned last.
 * @param last undefined for a log that the witness has never cosigned
 */
export function judgeAdvance(
  sha256: Sha256,
  last: Tree | undefined,
  next: Tree,
  { oldSize, proof }: Pick<AddCheckpoint, 'oldSize' | 'proof'>,
): Advance {
  if (oldSize > next.size) return { outcome: 'size_invalid' };
  const size = last?.size ?? 0;
  if (oldSize !== size) return { outcome: 'conflict', size };
  if (last !== undefined && next.size === size && !equalBytes(last.root, next.root)) {
    return { outcome: 'conflict', size };
  }
  try {
    verifyConsistency(sha256, {
      firstSize: size,
      firstRoot: last?.root ?? sha256(new Uint8Array(0)),
      secondSize: next.size,
      secondRoot: next.root,
      proof,
    });
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'proof_invalid') return { outcome: 'proof_invalid' };
    throw error;
  }
  return { outcome: 'cosign' };
}

function hashOf(base64: string): Uint8Array {
  try {
    return fromBase64(base64);
  } catch (cause) {
    throw malformed('has a line that is not canonical base64', cause);
  }
}

function malformed(why: string, cause?: unknown): RegistryError {
  return new RegistryError('malformed_proof', `The request to the witness ${why}.`, { cause });
}
