/**
 * Sigstore bundles v0.3 (github.com/sigstore/protobuf-specs, sigstore_bundle.proto) around a statement of ours: the DSSE
 * envelope, a hint at the key that signed it, the log entry with its inclusion proof, and an RFC 3161 timestamp over the
 * DSSE signature. Stock verifiers take it with a trusted root that names our log's key and the timestamp authority.
 *
 * The signer's key is left out: a key that came along with what it signed would prove nothing.
 */
import { z } from 'zod';
import { concat, fromBase64, toBase64, toHex, utf8 } from '../core/bytes.ts';
import type { Sha256 } from '../core/digest.ts';
import { parseCheckpoint } from '../core/note/checkpoint.ts';
import { parseNote } from '../core/note/note.ts';
import { parseVerifierKey } from '../core/note/verifier-key.ts';
import { envelopeSchema, parseEnvelope } from '../core/statement/dsse.ts';
import { formatSpkiPem } from '../core/statement/public-key.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { entryOf } from '../core/statement/receipt.ts';

export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

const base64 = z.string();
/** int64, which ProtoJSON writes as text */
const int64 = z.string().regex(/^\d+$/);

export const bundleSchema = z
  .strictObject({
    mediaType: z.literal(BUNDLE_TYPE),
    verificationMaterial: z.strictObject({
      publicKey: z.strictObject({ hint: z.string().describe("SHA-256 of the signer's key in PEM, in hex") }),
      tlogEntries: z.tuple([
        z.strictObject({
          logIndex: int64,
          logId: z.strictObject({
            keyId: base64.describe("SHA-256 of the log's name and key, as C2SP signed-note has it"),
          }),
          kindVersion: z.strictObject({ kind: z.literal('hashedrekord'), version: z.literal('0.0.2') }),
          inclusionProof: z.strictObject({
            logIndex: int64,
            rootHash: base64,
            treeSize: int64,
            hashes: z.array(base64),
            checkpoint: z.strictObject({ envelope: z.string() }),
          }),
          canonicalizedBody: base64.describe('The log entry'),
        }),
      ]),
      timestampVerificationData: z.strictObject({
        rfc3161Timestamps: z.array(z.strictObject({ signedTimestamp: base64 })),
      }),
    }),
    dsseEnvelope: envelopeSchema,
  })
  .meta({ id: 'SigstoreBundle', description: 'A signed statement with all that stock verifiers need' });

export type SigstoreBundle = z.infer<typeof bundleSchema>;

export interface BundleParts {
  readonly receipt: Receipt;
  /** Of the log, as verifiers are configured with it */
  readonly verifierKey: string;
  /** DER of a TimeStampResp over the signature; undefined where no outside time is wanted */
  readonly timestamp: Uint8Array | undefined;
}

export function formatSigstoreBundle(sha256: Sha256, { receipt, verifierKey, timestamp }: BundleParts): SigstoreBundle {
  const { payload, signature } = parseEnvelope(receipt.envelope);
  const spki = fromBase64(receipt.publicKey);
  const logIndex = String(receipt.index);
  const { size, root } = parseCheckpoint(parseNote(receipt.checkpoint).text);
  return {
    mediaType: BUNDLE_TYPE,
    verificationMaterial: {
      publicKey: { hint: toHex(sha256(utf8(formatSpkiPem(spki)))) },
      tlogEntries: [
        {
          logIndex,
          logId: { keyId: toBase64(logId(sha256, verifierKey)) },
          kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
          inclusionProof: {
            logIndex,
            rootHash: toBase64(root),
            treeSize: String(size),
            hashes: receipt.inclusionProof,
            checkpoint: { envelope: receipt.checkpoint },
          },
          canonicalizedBody: toBase64(entryOf(sha256, payload, signature, spki)),
        },
      ],
      timestampVerificationData: {
        rfc3161Timestamps: timestamp === undefined ? [] : [{ signedTimestamp: toBase64(timestamp) }],
      },
    },
    dsseEnvelope: receipt.envelope,
  };
}

/** The whole hash of which a signature line shows the first four bytes. */
function logId(sha256: Sha256, verifierKey: string): Uint8Array {
  const { name, algorithm, publicKey } = parseVerifierKey(sha256, verifierKey);
  return sha256(concat(utf8(`${name}\n`), Uint8Array.of(algorithm), publicKey));
}
