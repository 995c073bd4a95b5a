/**
 * The one place where a license token is believed (RFC 7515, RFC 7519, RFC 8725). Needs no database and no network: key
 * set, issuer, audience and clock come in as arguments, and none of them can be left out.
 */
import { RegistryError } from '../../core/errors.ts';
import type { Expected, LicenseTokenClaims } from '../../core/licensing/token-claims.ts';
import {
  judgeClaims,
  MAX_TOKEN_SIZE,
  parseClaims,
  requireAudience,
  requireHolder,
  TOKEN_TYPE,
} from '../../core/licensing/token-claims.ts';
import type { VerificationKeys } from './jwks.ts';
import { readJwks } from './jwks.ts';
import type { TokenHeader } from './jws.ts';
import { verifyJws } from './jws.ts';

export interface VerifyOptions extends Expected {
  /** JWK Set of the issuer, from `/.well-known/jwks.json` or a file */
  readonly jwks: unknown;
  /** Who is about to accept the token */
  readonly audience: string;
  /** Thumbprint of the key whose possession was proven, for tokens that are bound to one */
  readonly holder?: string;
}

export interface VerifiedToken {
  readonly header: TokenHeader;
  readonly claims: LicenseTokenClaims;
}

/**
 * @throws RegistryError `token_malformed`, `token_algorithm_refused`, `token_key_unknown`, `signature_invalid`,
 *   `token_foreign`, `token_too_long_lived`, `token_not_yet_valid`, `token_expired`, `token_wrong_audience`,
 *   `dpop_proof_missing`, `dpop_proof_invalid`; `usage` or `invalid_input` when the fault lies in the options
 */
export async function verifyLicenseToken(token: string, options: VerifyOptions): Promise<VerifiedToken> {
  requireOptions(options);
  const verified = verifyIssued(token, await readJwks(options.jwks), options);
  requireAudience(verified.claims, options.audience);
  requireHolder(verified.claims, options.holder);
  return verified;
}

/** The same but for the audience: for the issuer, who is asked about tokens that are meant for others. */
export function verifyIssued(token: string, keys: VerificationKeys, expected: Expected): VerifiedToken {
  const { header, payload } = verifyJws(token, keys, { typ: TOKEN_TYPE, maxSize: MAX_TOKEN_SIZE });
  const claims = parseClaims(payload);
  judgeClaims(claims, expected);
  return { header, claims };
}

/** An option that is undefined would be a check that is skipped. */
function requireOptions({ issuer, audience, now, maxLifetime }: VerifyOptions): void {
  const wrong = Object.entries({
    issuer: typeof issuer === 'string' && issuer !== '',
    audience: typeof audience === 'string' && audience !== '',
    now: Number.isFinite(now),
    maxLifetime: Number.isFinite(maxLifetime) && maxLifetime > 0,
  }).find(([, right]) => !right);
  if (wrong) throw new RegistryError('usage', `A token cannot be verified without ${wrong[0]}.`, { field: wrong[0] });
}
