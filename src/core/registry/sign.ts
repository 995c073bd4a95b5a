/**
 * From a statement to signed bytes, the same wherever a maker's key is kept: what is public is signed by that key itself,
 * anything else by a key made for this statement alone. Making keys comes in as an argument, as all randomness does; the
 * private half of a one-time key is to be forgotten once it has signed.
 */
import { toBase64 } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import type { Signed } from '../statement/dsse.ts';
import { pae } from '../statement/dsse.ts';
import type { Common } from '../statement/statement.ts';
import { formatStatement } from '../statement/statement.ts';
import type { Kind } from './kind.ts';
import { visibilityOf } from './kind.ts';
import { oneTimeKeyText } from './one-time-key.ts';

/** A P-256 key that signs; DER signatures. */
export interface Signer {
  /** SPKI, DER, base64 */
  readonly spki: string;
  /** `sha256:<hex>` of the SPKI */
  readonly keyId: string;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/**
 * @param makeKey called only for a statement that is not public
 * @returns the signed bytes, with the key that stands in the log entry
 * @throws RegistryError `invalid_input` when the body does not fit the kind
 */
export function signStatement<Body>(
  sha256: Sha256,
  kind: Kind<Body>,
  common: Omit<Common, 'signedFor'>,
  body: Body,
  key: Signer,
  makeKey: () => Signer,
): Signed & { readonly spki: string } {
  const hidden = visibilityOf(kind) !== 'public';
  const { spki, keyId, sign } = hidden ? makeKey() : key;
  const signedFor = hidden
    ? { oneTimeKey: spki, key: key.spki, signature: toBase64(key.sign(oneTimeKeyText(common.origin, spki))) }
    : undefined;
  const payload = formatStatement(sha256, kind, signedFor === undefined ? common : { ...common, signedFor }, body);
  return { payload, signature: sign(pae(payload)), keyId, spki };
}
