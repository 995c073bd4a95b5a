/**
 * From signed bytes to a statement that counts: parsed strictly, its signature and the signatures inside it verified.
 * The signature check comes in as an argument, so that the writer, `fsck` and a browser share this one reading.
 */
import { fromBase64 } from '../bytes.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { idPattern } from '../identifier.ts';
import type { Signed } from '../statement/dsse.ts';
import { pae } from '../statement/dsse.ts';
import { parseStatement } from '../statement/statement.ts';
import type { Kind, Spoken } from './kind.ts';
import { innerSignaturesOf, KINDS } from './index.ts';
import { speakerOf } from './one-time-key.ts';

/** ECDSA P-256 with SHA-256; `signature` in DER, `spki` as base64 of DER. It may be checked on another thread. */
export type VerifyP256 = (spki: string, message: Uint8Array, signature: Uint8Array) => Promise<boolean> | boolean;

/**
 * @param spki base64 of the signer's public key, as the log entry shows it
 * @param fingerprint SHA-256 of the key, for callers that know it already: few keys sign many statements
 * @throws RegistryError `malformed_statement`, `malformed_json`, `invalid_input`, `digest_mismatch`, `signature_invalid`,
 * `one_time_key_required`, `one_time_key_refused`
 */
export function readSpoken(
  sha256: Sha256,
  payload: Uint8Array,
  spki: string,
  fingerprint: Digest = formatDigest(sha256(fromBase64(spki))),
): Spoken {
  const { form, common, body } = parseStatement(sha256, KINDS, payload);
  const spoken: Spoken = {
    kind: form as Kind<unknown>,
    common,
    body,
    payloadDigest: formatDigest(sha256(payload)),
    spki,
    fingerprint,
    speaker: speakerOf(sha256, form, common, { spki, fingerprint }),
  };
  requireOwnName(spoken);
  spoken.kind.coheres?.(sha256, body, common);
  return spoken;
}

/** A thing that bears the name of another kind of thing would be taken for one. */
function requireOwnName({ kind, common }: Spoken): void {
  const word = kind.kind.replaceAll('-', '');
  if (idPattern(word).test(common.id)) return;
  throw new RegistryError('invalid_input', `The id of a ${kind.kind} begins with "${word}_".`, { field: 'id' });
}

/**
 * @param fingerprint as `readSpoken` takes it
 * @throws RegistryError `signature_invalid`, `malformed_statement`, `malformed_json`
 */
export async function verifySpoken(
  sha256: Sha256,
  verify: VerifyP256,
  { payload, signature, keyId }: Signed,
  spki: string,
  fingerprint?: Digest,
): Promise<Spoken> {
  const spoken = readSpoken(sha256, payload, spki, fingerprint);
  if (keyId !== spoken.fingerprint) {
    throw new RegistryError('signature_invalid', 'The key id is not the fingerprint of the signing key.', {
      field: 'signatures.0.keyid',
    });
  }
  if (!(await verify(spki, pae(payload), signature))) {
    throw new RegistryError('signature_invalid', "The statement's signature does not verify.", {
      field: 'signatures.0.sig',
    });
  }
  await verifyInner(verify, spoken);
  return spoken;
}

/**
 * The signatures inside a statement. The registry checks them too before it signs for a party: it vouches for nothing
 * that it was merely told.
 * @throws RegistryError `signature_invalid`, `invalid_input` for a key that is none
 */
export async function verifyInner(verify: VerifyP256, spoken: Spoken): Promise<void> {
  for (const { spki, message, signature, field } of innerSignaturesOf(spoken)) {
    if (await verify(spki, message, fromBase64(signature))) continue;
    throw new RegistryError('signature_invalid', `The signature in ${field} does not verify.`, { field });
  }
}
