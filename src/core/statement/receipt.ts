/**
 * Receipts: what a writer gets back, and what anybody can check alone. The statement in its envelope, the key that
 * signed it, and the proof that exactly this entry stands at `index` in the tree of the checkpoint.
 *
 * A receipt that verifies says: this log has committed to this statement at this place. Whether the log is the one that
 * the reader means is told by the checkpoint's signature, under a key that came another way.
 */
import { z } from 'zod';
import { fromBase64 } from '../bytes.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { leafHash, verifyInclusion } from '../merkle/tree.ts';
import type { VerifyP256 } from '../registry/spoken.ts';
import { verifySpoken } from '../registry/spoken.ts';
import type { Spoken } from '../registry/kind.ts';
import type { Envelope } from './dsse.ts';
import { envelopeSchema, paeHead, parseEnvelope } from './dsse.ts';
import { formatEntry } from './entry.ts';
import { digest } from './statement.ts';

export const receiptTimeSchema = z
  .strictObject({
    treeSize: z.int().positive(),
    inclusionProof: z.array(z.string().length(44)).max(63).describe('Of the same entry, leaf sibling first, base64'),
    checkpoint: z.string().max(10_000).describe('Signed note, with the signatures of the log alone'),
    timestamp: z.string().max(90_000).describe('RFC 3161 TimeStampResp over exactly that note, DER, base64'),
  })
  .meta({ id: 'ReceiptTime', description: 'The first checkpoint over the entry whose time an authority attested' });

export type ReceiptTime = z.infer<typeof receiptTimeSchema>;

export const receiptSchema = z
  .strictObject({
    statement: digest.describe('SHA-256 of the payload'),
    kind: z.string(),
    id: z.string().describe('Of the thing that the statement speaks of'),
    index: z.int().nonnegative(),
    treeSize: z.int().positive(),
    inclusionProof: z.array(z.string().length(44)).max(63).describe('Hashes, leaf sibling first, base64'),
    checkpoint: z.string().max(10_000).describe('Signed note (C2SP tlog-checkpoint)'),
    envelope: envelopeSchema,
    publicKey: z.string().max(200).describe('Of the signer (SPKI, DER, base64)'),
    witnesses: z
      .array(z.string())
      .max(16)
      .optional()
      .describe("Names beside the log's own that signed the checkpoint; whose they are, the reader's trust file tells"),
    time: receiptTimeSchema.optional(),
  })
  .meta({ id: 'Receipt', description: 'Proof that a statement stands in the log' });

export type Receipt = z.infer<typeof receiptSchema>;

/** A recorded statement and where it stands; what is known of it without reading it again. */
export interface Placed {
  readonly payloadDigest: Digest;
  readonly kind: string;
  readonly id: string;
  readonly envelope: Envelope;
  /** Base64 of DER */
  readonly spki: string;
  readonly index: number;
  readonly treeSize: number;
  /** Base64, leaf sibling first */
  readonly inclusionProof: string[];
  readonly checkpoint: string;
}

export function formatReceipt(placed: Placed): Receipt {
  return {
    statement: placed.payloadDigest,
    kind: placed.kind,
    id: placed.id,
    index: placed.index,
    treeSize: placed.treeSize,
    inclusionProof: placed.inclusionProof,
    checkpoint: placed.checkpoint,
    envelope: placed.envelope,
    publicKey: placed.spki,
    witnesses: witnessesOn(placed.checkpoint),
  };
}

/** The names on the signature lines of a checkpoint, the log's own left out. Judges nothing. */
export function witnessesOn(checkpoint: string): string[] {
  const origin = checkpoint.slice(0, checkpoint.indexOf('\n'));
  const lines = checkpoint.slice(checkpoint.lastIndexOf('\n\n') + 2).split('\n');
  const names = lines.map((line) => line.split(' ', 2)[1]);
  return names.filter((name) => name !== undefined && name !== origin) as string[];
}

/** The bytes that stand in the log for a signed statement. */
export const entryOf = (sha256: Sha256, payload: Uint8Array, signature: Uint8Array, spki: Uint8Array): Uint8Array =>
  formatEntry({ paeDigest: sha256(paeHead(payload), payload), signature, spki });

/**
 * Everything about a receipt but the checkpoint's signature: the statement reads strictly, its signature verifies, and
 * its entry stands at the index in a tree of `treeSize` with `root`.
 * @param root the root hash of the receipt's checkpoint, whose signature the caller has judged
 * @throws RegistryError `signature_invalid`, `malformed_statement`, `proof_invalid`
 */
export async function verifyReceipt(
  sha256: Sha256,
  verify: VerifyP256,
  receipt: Receipt,
  { size, root }: { size: number; root: Uint8Array },
): Promise<Spoken> {
  const signed = parseEnvelope(receipt.envelope);
  const spoken = await verifySpoken(sha256, verify, signed, receipt.publicKey);
  const witnesses = witnessesOn(receipt.checkpoint).join(' ');
  const said = [
    receipt.statement,
    receipt.kind,
    receipt.id,
    receipt.treeSize,
    receipt.witnesses?.join(' ') ?? witnesses,
  ];
  const found = [spoken.payloadDigest, spoken.kind.kind, spoken.common.id, size, witnesses];
  if (said.some((value, i) => value !== found[i])) {
    throw new RegistryError('proof_invalid', 'The receipt describes another statement than the one it carries.');
  }
  verifyInclusion(sha256, {
    index: receipt.index,
    size,
    root,
    leafHash: leafHash(sha256, entryOf(sha256, signed.payload, signed.signature, fromBase64(receipt.publicKey))),
    proof: receipt.inclusionProof.map(fromBase64),
  });
  return spoken;
}
