/**
 * The log entry of a statement: a Rekor v2 `hashedrekord` (github.com/sigstore/rekor-tiles), in canonical JSON. It shows
 * the digest of PAE, the signature and the signer's key, and nothing of what the statement says.
 */
import { equalBytes, fromBase64, fromUtf8, toBase64, utf8 } from '../bytes.ts';
import { canonicalize, parseCanonical } from '../canonical-json.ts';
import { RegistryError } from '../errors.ts';

export interface Entry {
  /** SHA-256 of PAE, 32 bytes */
  readonly paeDigest: Uint8Array;
  /** ECDSA P-256, DER */
  readonly signature: Uint8Array;
  /** The signer's SubjectPublicKeyInfo, DER */
  readonly spki: Uint8Array;
}

export function formatEntry({ paeDigest, signature, spki }: Entry): Uint8Array {
  const [head, content, rawBytes, tail] = PIECES;
  return utf8(head + toBase64(paeDigest) + content + toBase64(signature) + rawBytes + toBase64(spki) + tail);
}

/** @throws RegistryError `malformed_statement` unless `formatEntry` could have written the bytes */
export function parseEntry(bytes: Uint8Array): Entry {
  const value = parseCanonical(bytes) as ReturnType<typeof document>;
  const record = value.spec?.hashedRekordV002;
  const texts = [record?.data?.digest, record?.signature?.content, record?.signature?.verifier?.publicKey?.rawBytes];
  const [digest, signature, spki] = texts;
  if (typeof digest !== 'string' || typeof signature !== 'string' || typeof spki !== 'string') {
    throw new RegistryError('malformed_statement', 'The log entry is not a hashedrekord of version 0.0.2.');
  }
  if (!equalBytes(canonicalize(document(digest, signature, spki)), bytes)) {
    throw new RegistryError('malformed_statement', 'The log entry has members that a hashedrekord does not have.');
  }
  const entry = { paeDigest: fromBase64(digest), signature: fromBase64(signature), spki: fromBase64(spki) };
  if (entry.paeDigest.length !== 32) {
    throw new RegistryError(
      'malformed_statement',
      `The log entry's digest has ${entry.paeDigest.length} bytes, not 32.`,
    );
  }
  return entry;
}

function document(digest: string, content: string, rawBytes: string) {
  return {
    apiVersion: '0.0.2',
    kind: 'hashedrekord',
    spec: {
      hashedRekordV002: {
        data: { algorithm: 'SHA2_256', digest },
        signature: {
          content,
          verifier: { keyDetails: 'PKIX_ECDSA_P256_SHA_256', publicKey: { rawBytes } },
        },
      },
    },
  };
}

/** The canonical document around its three values, which in base64 stand in it as they are. */
const PIECES = fromUtf8(canonicalize(document('|', '|', '|'))).split('|') as [string, string, string, string];
