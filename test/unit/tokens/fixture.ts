/** A licensed model, a key pair and a token to attack. */
import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { LicenseTokenClaims } from '../../../src/core/licensing/token-claims.ts';
import { makeClaims } from '../../../src/core/licensing/token-claims.ts';
import type { TokenJwk } from '../../../src/tokens/license-token/index.ts';
import { toJwk } from '../../../src/tokens/license-token/index.ts';
import { makeP256, newId } from '../../../src/platform/crypto.ts';

export const ISSUER = 'https://registry.example';
export const AUDIENCE = 'https://inference.example';
export const NOW = Date.parse('2026-07-01T12:00:00.500Z');
export const SECONDS = Math.floor(NOW / 1000);
export const MAX_LIFETIME = 86_400;

export const anyDigest = () => `sha256:${randomBytes(32).toString('hex')}` as const;

export const claims: LicenseTokenClaims = makeClaims(
  {
    id: newId('grant'),
    licensee: newId('party'),
    registrationId: newId('registration'),
    weightDigest: anyDigest(),
    fileDigest: anyDigest(),
    recordedIndex: 17,
    document: {
      registration: newId('registration'),
      licensee: newId('party'),
      actions: ['infer', 'host'],
      constraints: { commercial: true, territory: ['DE', 'FR'], fieldOfUse: 'speech', maxCalls: 1000, seats: null },
      sublicensing: false,
      termsDigest: anyDigest(),
      notBefore: '2026-01-01T00:00:00.000Z',
      expiresAt: null,
      acceptBy: '2026-02-01T00:00:00.000Z',
    },
  },
  {
    issuer: ISSUER,
    audience: AUDIENCE,
    jti: newId('token'),
    clientId: newId('apikey'),
    issuedAt: SECONDS,
    lifetime: 3600,
    actions: ['infer'],
    status: { idx: 7, uri: `${ISSUER}/statuslists/0` },
    tree: { origin: 'log.example/0123', size: 20, root: randomBytes(32) },
  },
);

export interface KeyPair {
  privateKey: KeyObject;
  publicKey: KeyObject;
  jwk: TokenJwk;
  kid: string;
}

export async function makeKey(): Promise<KeyPair> {
  const privateKey = createPrivateKey({ key: makeP256().pkcs8, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  const jwk = await toJwk(publicKey.export({ format: 'der', type: 'spki' }));
  return { privateKey, publicKey, jwk, kid: jwk.kid };
}

export const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 });

export const base64url = (text: string | Uint8Array): string => Buffer.from(text as string).toString('base64url');

/** A token with exactly these texts as header and payload, signed as a holder of the key could sign anything. */
export function forge(
  header: string | object,
  payload: string | object,
  key: KeyObject,
  signer: (input: Buffer, key: KeyObject) => Buffer = es256,
): string {
  const text = (part: string | object) => (typeof part === 'string' ? part : JSON.stringify(part));
  const input = `${base64url(text(header))}.${base64url(text(payload))}`;
  return `${input}.${signer(Buffer.from(input), key).toString('base64url')}`;
}

export const es256 = (input: Buffer, key: KeyObject): Buffer =>
  sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' });
