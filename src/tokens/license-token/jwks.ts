/**
 * Token keys as JSON Web Keys (RFC 7517, RFC 7518 §6.2). A key is named by its RFC 7638 thumbprint, so a name cannot be
 * given to another key, and it serves one algorithm: ES256. Keys of other kinds in a set are passed over; a name that a
 * set uses twice is refused, whichever kinds the two are of.
 */
import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { z } from 'zod';
import { RegistryError } from '../../core/errors.ts';
import { TOKEN_ALGORITHM } from '../../core/licensing/token-claims.ts';
import { zodProblem } from '../../core/statement/zod-problem.ts';

export const jwkSchema = z
  .strictObject({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string().length(43),
    y: z.string().length(43),
    kid: z.string().length(43).describe('RFC 7638 thumbprint'),
    alg: z.literal(TOKEN_ALGORITHM),
    use: z.literal('sig'),
  })
  .meta({ id: 'TokenKey' });
export type TokenJwk = z.infer<typeof jwkSchema>;

export const jwksSchema = z.strictObject({ keys: z.array(jwkSchema) }).meta({ id: 'JsonWebKeySet' });
export type Jwks = z.infer<typeof jwksSchema>;

/** What anybody may hand in: a set in which only the names are looked at first. */
const outline = z.looseObject({ keys: z.array(z.looseObject({ kid: z.string().optional() })).max(1000) });

/** The keys of a set that may verify license tokens, by `kid`. */
export type VerificationKeys = ReadonlyMap<string, KeyObject>;

/** @throws RegistryError `invalid_input` when the key is not on the curve P-256 */
export async function toJwk(spki: Buffer): Promise<TokenJwk> {
  const { crv, x, y } = createPublicKey({ key: spki, format: 'der', type: 'spki' }).export({ format: 'jwk' });
  const key = { kty: 'EC', crv, x, y } as Pick<TokenJwk, 'crv' | 'kty' | 'x' | 'y'>;
  if (crv !== 'P-256') throw new RegistryError('invalid_input', 'License tokens are signed with P-256 keys only.');
  return { ...key, kid: await calculateJwkThumbprint(key, 'sha256'), alg: TOKEN_ALGORITHM, use: 'sig' };
}

/**
 * Reads a JWK Set, wherever it came from.
 * @throws RegistryError `invalid_input` when it is no set, names a key twice or by another thumbprint
 */
export async function readJwks(jwks: unknown): Promise<VerificationKeys> {
  const read = outline.safeParse(jwks);
  if (!read.success) throw zodProblem(read.error, 'invalid_input', 'jwks');
  const names = read.data.keys.flatMap(({ kid }) => (kid === undefined ? [] : [kid]));
  if (new Set(names).size !== names.length) {
    throw new RegistryError('invalid_input', 'The key set gives one name to two keys.', { field: 'jwks' });
  }
  const usable = read.data.keys.flatMap((key) => {
    const { data } = jwkSchema.strip().safeParse(key);
    return data ? [data] : [];
  });
  return new Map(await Promise.all(usable.map(async (jwk) => [jwk.kid, await importKey(jwk)] as const)));
}

async function importKey({ kid, kty, crv, x, y }: TokenJwk): Promise<KeyObject> {
  if ((await calculateJwkThumbprint({ kty, crv, x, y }, 'sha256')) !== kid) {
    throw new RegistryError('invalid_input', `The key ${kid} is named by another thumbprint than its own.`, {
      field: 'jwks',
    });
  }
  try {
    return createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' });
  } catch (cause) {
    throw new RegistryError('invalid_input', `The key ${kid} is not a point on the curve P-256.`, {
      field: 'jwks',
      cause,
    });
  }
}
