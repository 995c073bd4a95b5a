/**
 * ECDSA P-256 public keys as SubjectPublicKeyInfo (RFC 5480): exactly one encoding is taken, named curve and
 * uncompressed point, so that one key has one fingerprint.
 */
import { equalBytes, fromBase64, fromHex, toBase64 } from '../bytes.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';

/** SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING 0 unused bits, 04 … } */
const PREFIX = fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004');
const LENGTH = 91;

/** @throws RegistryError `invalid_input` */
export function parseP256Spki(base64: string, field: string): Uint8Array {
  const spki = fromBase64(base64);
  if (spki.length !== LENGTH || !equalBytes(spki.subarray(0, PREFIX.length), PREFIX)) {
    throw new RegistryError('invalid_input', 'The key is not an ECDSA P-256 public key in SPKI form.', {
      field,
      fix: 'Make one with "muniment keygen", or with "openssl ecparam -name prime256v1 -genkey".',
    });
  }
  return spki;
}

/** @param coordinates x and y, 32 bytes each; whether they are a point of the curve is not judged */
export const p256SpkiOf = (coordinates: Uint8Array): Uint8Array => Uint8Array.of(...PREFIX, ...coordinates);

/** SHA-256 of the SPKI: the key's name in envelopes and in the registry. */
export const fingerprint = (sha256: Sha256, spki: Uint8Array): Digest => formatDigest(sha256(spki));

export const formatSpki = toBase64;

/** In PEM, exactly as OpenSSL writes it (RFC 7468 §13). */
export function formatSpkiPem(spki: Uint8Array): string {
  const lines = toBase64(spki).match(/.{1,64}/g) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`;
}
