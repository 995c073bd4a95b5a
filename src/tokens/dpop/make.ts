/** The other side of a proof of possession (RFC 9449 §4.2): whoever holds the key makes one for each request. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, SignJWT } from 'jose';
import type { JWK } from 'jose';
import { accessTokenHash, DPOP_TYPE } from './proof.ts';

export interface HolderKey {
  readonly privateKey: KeyObject;
  /** The public half alone */
  readonly jwk: JWK;
  /** RFC 7638, as in a token's `cnf.jkt` */
  readonly thumbprint: string;
}

export interface ProofRequest {
  readonly method: string;
  /** As the server calls itself; query and fragment are left out */
  readonly url: string;
  /** Milliseconds since 1970 */
  readonly now: number;
  /** A name that no other proof by this key has */
  readonly jti: string;
  /** The bound token that is presented with it */
  readonly token?: string;
}

/** @param pkcs8 a P-256 private key, PEM */
export async function holderKey(pkcs8: string): Promise<HolderKey> {
  const privateKey = createPrivateKey(pkcs8);
  const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' }) as JWK;
  const jwk = { kty, crv, x, y } as JWK;
  return { privateKey, jwk, thumbprint: await calculateJwkThumbprint(jwk, 'sha256') };
}

export function makeProof({ privateKey, jwk }: HolderKey, request: ProofRequest): Promise<string> {
  const { method, url, now, jti, token } = request;
  const { origin, pathname } = new URL(url);
  return new SignJWT({
    jti,
    htm: method,
    htu: origin + pathname,
    iat: Math.floor(now / 1000),
    ...(token === undefined ? {} : { ath: accessTokenHash(token) }),
  })
    .setProtectedHeader({ typ: DPOP_TYPE, alg: 'ES256', jwk })
    .sign(privateKey);
}
