/**
 * From signed bytes to a statement that counts: parsed strictly, its signature and the signatures inside it verified.
 * The signature check comes in as an argument, so that the writer, `fsck` and a browser share this one reading.
 */
import { fromBase64 } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { Signed } from '../statement/dsse.ts';
import { pae } from '../statement/dsse.ts';
import { parseStatement } from '../statement/statement.ts';
import type { Kind, Spoken } from './kind.ts';
import { innerSignaturesOf, KINDS } from './index.ts';

/** ECDSA P-256 with SHA-256; `signature` in DER, `spki` as base64 of DER. */
export type VerifyP256 = (spki: string, message: Uint8Array, signature: Uint8Array) => boolean;

/**
 * @param spki base64 of the signer's public key, as the log entry shows it
 * @throws RegistryError `malformed_statement`, `malformed_json`
 */
export function readSpoken(sha256: Sha256, payload: Uint8Array, spki: string): Spoken {
  const { form, common, body } = parseStatement(sha256, KINDS, payload);
  return {
    kind: form as Kind<unknown>,
    common,
    body,
    payloadDigest: formatDigest(sha256(payload)),
    spki,
    fingerprint: formatDigest(sha256(fromBase64(spki))),
  };
}

/** @throws RegistryError `signature_invalid`, `malformed_statement`, `malformed_json` */
export function verifySpoken(
  sha256: Sha256,
  verify: VerifyP256,
  { payload, signature, keyId }: Signed,
  spki: string,
): Spoken {
  const spoken = readSpoken(sha256, payload, spki);
  if (keyId !== spoken.fingerprint) {
    throw new RegistryError('signature_invalid', 'The key id is not the fingerprint of the signing key.', {
      field: 'signatures.0.keyid',
    });
  }
  if (!verify(spki, pae(payload), signature)) {
    throw new RegistryError('signature_invalid', "The statement's signature does not verify.", {
      field: 'signatures.0.sig',
    });
  }
  for (const inner of innerSignaturesOf(spoken)) {
    if (!verify(inner.spki, inner.message, fromBase64(inner.signature))) {
      throw new RegistryError('signature_invalid', `The signature in ${inner.field} does not verify.`, {
        field: inner.field,
      });
    }
  }
  return spoken;
}
