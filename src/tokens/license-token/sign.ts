/** Signs license tokens (RFC 7515, ES256). */
import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { RegistryError } from '../../core/errors.ts';
import type { LicenseTokenClaims } from '../../core/licensing/token-claims.ts';
import { claimsSchema, MAX_TOKEN_SIZE, TOKEN_ALGORITHM, TOKEN_TYPE } from '../../core/licensing/token-claims.ts';
import { zodProblem } from '../../core/statement/zod-problem.ts';

export interface TokenSigner {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

/** @throws RegistryError `invalid_input` when the claims do not fit the profile or the token would be too large */
export function signLicenseToken(claims: LicenseTokenClaims, { kid, privateKey }: TokenSigner): string {
  const checked = claimsSchema.safeParse(claims);
  if (!checked.success) throw zodProblem(checked.error, 'invalid_input');
  const token = jwt.sign(claims, privateKey, {
    algorithm: TOKEN_ALGORITHM,
    header: { alg: TOKEN_ALGORITHM, kid, typ: TOKEN_TYPE },
  });
  if (token.length > MAX_TOKEN_SIZE) {
    throw new RegistryError('invalid_input', `The token would be larger than ${MAX_TOKEN_SIZE} bytes.`, {
      fix: 'Shorten the territory or the field of use in a new grant.',
    });
  }
  return token;
}
