/**
 * The outside time of a receipt: an authority attested a checkpoint at a time, and the entry stands in the tree of that
 * checkpoint, so the entry existed before. It takes no word of the log for it, only the root that the authority saw.
 *
 * A log may hand out the timestamp of another entry, of another log, or one by an authority of its own making: nothing
 * counts but a token over the very checkpoint that the proof leads to, under a root in the reader's trust file.
 */
import { fromBase64 } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { leafHash, verifyInclusion } from '../merkle/tree.ts';
import type { Ed25519Verify } from '../note/note.ts';
import { parseEnvelope } from '../statement/dsse.ts';
import type { Receipt } from '../statement/receipt.ts';
import { entryOf } from '../statement/receipt.ts';
import type { TimestampCrypto } from '../time/index.ts';
import { stampedNote, verifyTimestamp } from '../time/index.ts';
import type { Trust } from './trust-file.ts';
import { verifyCheckpoint } from './verdict.ts';

export interface JudgedTime {
  /** The entry existed before then; RFC 3339 */
  readonly existedBefore: string;
  /** Name of the authority, from its certificate */
  readonly authority: string;
  /** Whether a root in the trust file vouches for the authority; without, anybody may have made the timestamp */
  readonly trusted: boolean;
}

/**
 * @param receipt one that verified
 * @returns null where the receipt shows no outside time
 * @throws RegistryError `timestamp_invalid`, `proof_invalid`, `malformed_note`, and as `verifyCheckpoint`
 */
export async function verifyReceiptTime(
  crypto: { sha256: Sha256; verifyEd25519: Ed25519Verify; timestampCrypto: TimestampCrypto },
  { time, index, envelope, publicKey, checkpoint: own }: Receipt,
  trust: Trust,
): Promise<JudgedTime | null> {
  if (time === undefined) return null;
  const { sha256 } = crypto;
  const { text, bytes } = stampedNote(time.checkpoint);
  const { origin, size, root } = await verifyCheckpoint(crypto, text, trust);
  if (origin !== (await verifyCheckpoint(crypto, own, trust)).origin || size !== time.treeSize) {
    throw new RegistryError('proof_invalid', 'The attested checkpoint is another one than the receipt says.', {
      field: 'time.checkpoint',
    });
  }
  const { payload, signature } = parseEnvelope(envelope);
  const leaf = leafHash(sha256, entryOf(sha256, payload, signature, fromBase64(publicKey)));
  verifyInclusion(sha256, { index, size, root, leafHash: leaf, proof: time.inclusionProof.map(fromBase64) });
  const reply = fromBase64(time.timestamp);
  const told = verifyTimestamp(crypto.timestampCrypto, reply, { data: bytes, roots: undefined });
  return {
    existedBefore: told.time.toISOString(),
    authority: told.authority,
    trusted: isVouchedFor(crypto.timestampCrypto, reply, bytes, trust.tsaRoots ?? []),
  };
}

/** Of a token that holds by itself. */
function isVouchedFor(crypto: TimestampCrypto, reply: Uint8Array, data: Uint8Array, roots: readonly string[]): boolean {
  try {
    verifyTimestamp(crypto, reply, { data, roots });
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'timestamp_invalid') return false;
    throw error;
  }
}
