/**
 * Rows that are too many for an entry each, and that the log commits to all the same: one statement for each batch, with
 * the RFC 6962 root over the rows' records in order of their position. `leaf = SHA-256(00 ‖ record)`.
 */
import type { Digest, Sha256 } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { rootOf } from '../merkle/tree.ts';

/** Records in one batch at most. */
export const MAX_BATCH_SIZE = 10_000;

/** What the batch's statement says as `root`. @param leaves hashes in order of position */
export const batchRoot = (sha256: Sha256, leaves: readonly Uint8Array[]): Digest =>
  formatDigest(rootOf(sha256, leaves));
