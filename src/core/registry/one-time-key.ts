/**
 * One-time keys. Everybody sees the key beside each entry of the log, so a statement that is not for everybody must not
 * show whose it is: it is signed by a key made for it alone, and only its payload says, by a signature of the maker's own
 * key over the log's origin and that key, for whom it was signed.
 *
 * Whoever reads the payload may try to use the key again, or to pass off a known key as a one-time key: each of them
 * counts once, and never is one that a party registered.
 */
import { utf8 } from '../bytes.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { Common } from '../statement/statement.ts';
import { fingerprint, parseP256Spki } from '../statement/public-key.ts';
import type { InnerSignature, Kind, Place, Rows, Spoken } from './kind.ts';
import { visibilityOf } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import type { RowChange } from './tables.ts';
import { put } from './tables.ts';

/** What a maker's own key signs to vouch for a one-time key. @param spki of the one-time key, base64 of DER */
export const oneTimeKeyText = (origin: string, spki: string): Uint8Array =>
  utf8(`muniment one-time key v1\n${origin}\n${spki}\n`);

/** The key whose holder speaks: the one in the entry, or the one that vouches for it. */
export interface Speaker {
  /** SPKI, DER, base64 */
  readonly spki: string;
  readonly fingerprint: Digest;
}

/**
 * @param inEntry the key in the entry
 * @throws RegistryError `one_time_key_required`, `one_time_key_refused`, `signature_invalid`, `invalid_input`
 */
export function speakerOf(
  sha256: Sha256,
  kind: Pick<Kind<never>, 'kind' | 'readers' | 'sealed'>,
  { signedFor }: Common,
  inEntry: Speaker,
): Speaker {
  if (visibilityOf(kind) === 'public') {
    if (signedFor === undefined) return inEntry;
    throw new RegistryError('one_time_key_refused', `A ${kind.kind} is public and is signed by its maker's own key.`, {
      field: 'signedFor',
    });
  }
  if (signedFor === undefined) {
    throw new RegistryError(
      'one_time_key_required',
      `A ${kind.kind} is not public, and its key would show its maker.`,
      {
        field: 'signedFor',
        fix: 'Sign it with a key made for it alone, for which your own key vouches.',
      },
    );
  }
  if (signedFor.oneTimeKey !== inEntry.spki) {
    throw new RegistryError('signature_invalid', 'The statement is not signed by the one-time key that it names.', {
      field: 'signedFor.oneTimeKey',
    });
  }
  return { spki: signedFor.key, fingerprint: fingerprint(sha256, parseP256Spki(signedFor.key, 'signedFor.key')) };
}

/** The maker's signature over the one-time key, where there is one. */
export function vouchersOf({ common: { signedFor, origin } }: Spoken): InnerSignature[] {
  if (signedFor === undefined) return [];
  const { key, oneTimeKey, signature } = signedFor;
  return [{ spki: key, message: oneTimeKeyText(origin, oneTimeKey), signature, field: 'signedFor.signature' }];
}

export const oneTimeKeyReads = ({ common, fingerprint }: Spoken): readonly RowKey[] =>
  common.signedFor === undefined
    ? []
    : [
        ['one_time_key', fingerprint],
        ['party_key', fingerprint],
      ];

/** @throws RegistryError `one_time_key_reused`, `one_time_key_refused` */
export function spendOneTimeKey({ common, fingerprint }: Spoken, rows: Rows, place: Place): readonly RowChange[] {
  if (common.signedFor === undefined) return [];
  requireUnspent(rows, fingerprint, 'signedFor.oneTimeKey');
  if (rows.get('party_key', fingerprint) !== undefined) {
    throw new RegistryError('one_time_key_refused', 'The one-time key is a registered key of a party.', {
      field: 'signedFor.oneTimeKey',
      fix: 'Make a fresh key for each statement that is not public.',
    });
  }
  return [put('one_time_key', { fingerprint, ...place })];
}

/** @throws RegistryError `one_time_key_reused` */
export function requireUnspent(rows: Rows, fingerprint: Digest, field: string): void {
  if (rows.get('one_time_key', fingerprint) === undefined) return;
  throw new RegistryError('one_time_key_reused', 'The key has signed another statement as a one-time key.', {
    field,
    fix: 'Make a fresh key for each statement that is not public.',
  });
}
