/**
 * The algorithms that a timestamp may rest on, by object identifier: SHA-2 with ECDSA or with RSA (PKCS #1 v1.5). What is
 * not listed is refused, SHA-1 and MD5 first of all. The primitives come in from whoever calls `core`.
 */

export type HashName = 'sha256' | 'sha384' | 'sha512';

export interface TimestampCrypto {
  readonly hash: (name: HashName, bytes: Uint8Array) => Uint8Array;
  /**
   * @param spki the public key, DER; of another type than `scheme`, or too weak for it, it verifies nothing
   * @param signature as CMS and X.509 carry it: DER for ECDSA
   */
  readonly verify: (
    scheme: 'ecdsa' | 'rsa',
    hash: HashName,
    spki: Uint8Array,
    message: Uint8Array,
    signature: Uint8Array,
  ) => boolean;
}

export const SHA256_OID = '2.16.840.1.101.3.4.2.1';

const HASHES: Readonly<Record<string, HashName>> = {
  [SHA256_OID]: 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

const SIGNATURES: Readonly<Record<string, readonly ['ecdsa' | 'rsa', HashName]>> = {
  '1.2.840.10045.4.3.2': ['ecdsa', 'sha256'],
  '1.2.840.10045.4.3.3': ['ecdsa', 'sha384'],
  '1.2.840.10045.4.3.4': ['ecdsa', 'sha512'],
  '1.2.840.113549.1.1.11': ['rsa', 'sha256'],
  '1.2.840.113549.1.1.12': ['rsa', 'sha384'],
  '1.2.840.113549.1.1.13': ['rsa', 'sha512'],
};
/** Names no hash of its own; CMS gives it beside (RFC 3370 §3.2). */
const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';

export const hashNamed = (oid: string): HashName | undefined => (Object.hasOwn(HASHES, oid) ? HASHES[oid] : undefined);

/** @param digest the hash that the signer names beside the signature, where the format has such a place */
export function signatureNamed(oid: string, digest?: HashName): readonly ['ecdsa' | 'rsa', HashName] | undefined {
  if (oid === RSA_ENCRYPTION && digest !== undefined) return ['rsa', digest];
  return Object.hasOwn(SIGNATURES, oid) ? SIGNATURES[oid] : undefined;
}
