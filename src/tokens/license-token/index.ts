/** License tokens by themselves: no Nest, no database, no network. What the command line and a gate stand on. */
export { parseCompact } from './compact.ts';
export type { Jwks, TokenJwk, VerificationKeys } from './jwks.ts';
export { jwksSchema, readJwks, toJwk } from './jwks.ts';
export type { TokenSigner } from './sign.ts';
export { signLicenseToken } from './sign.ts';
export type { TokenHeader } from './jws.ts';
export { verifyJws } from './jws.ts';
export type { VerifiedToken, VerifyOptions } from './verify.ts';
export { verifyIssued, verifyLicenseToken } from './verify.ts';
