/**
 * The one place where a license token is believed (RFC 7515, RFC 7519, RFC 8725). Needs no database and no network: key
 * set, issuer, audience and clock come in as arguments, and none of them can be left out.
 *
 * `jsonwebtoken` checks the signature, and nothing else is left to it: by itself it ignores `typ` and `crit`, skips
 * issuer and audience where they are undefined, does not ask for `exp` and takes the last of two members with one name.
 * The header chooses among the given keys by name and cannot bring a key, an algorithm or a place to fetch from.
 */
import jwt from 'jsonwebtoken';
import type { Json } from '../../core/canonical-json.ts';
import { RegistryError } from '../../core/errors.ts';
import type { Expected, LicenseTokenClaims, TokenHeader } from '../../core/licensing/token-claims.ts';
import {
  headerSchema,
  judgeClaims,
  parseClaims,
  requireAudience,
  TOKEN_ALGORITHM,
  TOKEN_TYPE,
} from '../../core/licensing/token-claims.ts';
import { zodProblem } from '../../core/statement/zod-problem.ts';
import { parseCompact } from './compact.ts';
import type { VerificationKeys } from './jwks.ts';
import { readJwks } from './jwks.ts';

export interface VerifyOptions extends Expected {
  /** JWK Set of the issuer, from `/.well-known/jwks.json` or a file */
  readonly jwks: unknown;
  /** Who is about to accept the token */
  readonly audience: string;
}

export interface VerifiedToken {
  readonly header: TokenHeader;
  readonly claims: LicenseTokenClaims;
}

/** Header members that bring keys or change how the token is read (RFC 7515 §4.1.2–§4.1.8, §4.1.11; RFC 7797). */
const REFUSED_MEMBERS = ['crit', 'jku', 'jwk', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'b64', 'zip', 'enc'];

/**
 * @throws RegistryError `token_malformed`, `token_algorithm_refused`, `token_key_unknown`, `signature_invalid`,
 *   `token_foreign`, `token_too_long_lived`, `token_not_yet_valid`, `token_expired`, `token_wrong_audience`; `usage` or
 *   `invalid_input` when the fault lies in the options
 */
export async function verifyLicenseToken(token: string, options: VerifyOptions): Promise<VerifiedToken> {
  requireOptions(options);
  const verified = verifyIssued(token, await readJwks(options.jwks), options);
  requireAudience(verified.claims, options.audience);
  return verified;
}

/** The same but for the audience: for the issuer, who is asked about tokens that are meant for others. */
export function verifyIssued(token: string, keys: VerificationKeys, expected: Expected): VerifiedToken {
  const { header: rawHeader, payload } = parseCompact(token);
  const header = judgeHeader(rawHeader);
  const key = keys.get(header.kid);
  if (key === undefined) {
    throw new RegistryError('token_key_unknown', `The issuer has no key ${header.kid}, or it is retired.`, {
      field: 'kid',
      fix: 'Fetch the key set again.',
    });
  }
  try {
    jwt.verify(token, key, { algorithms: [TOKEN_ALGORITHM], ignoreExpiration: true, ignoreNotBefore: true });
  } catch (cause) {
    throw new RegistryError('signature_invalid', "The token's signature does not verify.", {
      field: 'signature',
      cause,
    });
  }
  const claims = parseClaims(payload);
  judgeClaims(claims, expected);
  return { header, claims };
}

function judgeHeader(header: Record<string, Json>): TokenHeader {
  const refused = REFUSED_MEMBERS.find((name) => Object.hasOwn(header, name));
  if (refused !== undefined) {
    throw new RegistryError('token_malformed', `The token's header carries "${refused}", which is refused.`, {
      field: refused,
    });
  }
  if (header['alg'] !== TOKEN_ALGORITHM) {
    throw new RegistryError('token_algorithm_refused', `License tokens are signed with ${TOKEN_ALGORITHM} alone.`, {
      field: 'alg',
    });
  }
  if (header['typ'] !== TOKEN_TYPE) {
    throw new RegistryError('token_malformed', `The token is not of the type ${TOKEN_TYPE}.`, { field: 'typ' });
  }
  const read = headerSchema.safeParse(header);
  if (!read.success) throw zodProblem(read.error, 'token_malformed');
  return read.data;
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
