/**
 * Proofs of possession (DPoP, RFC 9449 §4): who presents a token that is bound to a key signs, for this one request, that
 * it holds the key. Needs no Nest and no database; that a proof is shown once only is remembered by whoever asks.
 */
import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, compactVerify, importJWK } from 'jose';
import { z } from 'zod';
import type { Json } from '../../core/canonical-json.ts';
import { RegistryError } from '../../core/errors.ts';
import { parseCompact } from '../license-token/index.ts';

export const DPOP_ALGORITHMS = ['ES256'];
export const DPOP_TYPE = 'dpop+jwt';
const MAX_PROOF_SIZE = 4096;
/** Seconds by which a proof may seem to come from the future: clocks differ. */
const MAX_AHEAD = 5;

const headerSchema = z.strictObject({
  typ: z.literal(DPOP_TYPE),
  alg: z.literal('ES256'),
  // A private member, or anything else, is refused.
  jwk: z.strictObject({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string().length(43),
    y: z.string().length(43),
    alg: z.literal('ES256').optional(),
    use: z.literal('sig').optional(),
    kid: z.string().max(200).optional(),
    key_ops: z.array(z.string().max(20)).max(10).optional(),
    ext: z.boolean().optional(),
  }),
});

const claimsSchema = z.looseObject({
  jti: z.string().min(8).max(200),
  htm: z.string().max(20),
  htu: z.string().max(2000),
  iat: z.int().nonnegative(),
  ath: z.string().length(43).optional(),
});

export interface ProofQuestion {
  readonly method: string;
  /** Of the request, as the outside knows it */
  readonly url: string;
  /** Milliseconds since 1970 */
  readonly now: number;
  /** Seconds for which a proof is good */
  readonly window: number;
  /** Seconds since 1970: nobody remembers whether one that was made earlier was shown */
  readonly since?: number;
  /** The token that comes with the proof, if there is one */
  readonly token?: string;
}

export interface Proof {
  /** RFC 7638 thumbprint of the key */
  readonly holder: string;
  /** What must not be shown again, and until when, in seconds since 1970 */
  readonly once: string;
  readonly until: number;
}

/** @throws RegistryError `dpop_proof_invalid`, with what is wrong as its field */
export async function verifyProof(proof: string, question: ProofQuestion): Promise<Proof> {
  const { header, payload } = read(proof);
  const parsed = headerSchema.safeParse(header);
  if (!parsed.success) throw invalid(String(parsed.error.issues[0]?.path[0] ?? 'header'));
  const { kty, crv, x, y } = parsed.data.jwk;
  const jwk = { kty, crv, x, y };
  try {
    await compactVerify(proof, await importJWK(jwk, 'ES256'), { algorithms: DPOP_ALGORITHMS });
  } catch (cause) {
    throw invalid('signature', cause);
  }
  const claims = claimsSchema.safeParse(payload);
  if (!claims.success) throw invalid(String(claims.error.issues[0]?.path[0] ?? 'payload'));
  const { jti, htm, htu, iat, ath } = claims.data;
  if (htm !== question.method) throw invalid('htm');
  if (!URL.canParse(htu) || targetOf(htu) !== targetOf(question.url)) throw invalid('htu');
  const seconds = Math.floor(question.now / 1000);
  if (iat > seconds + MAX_AHEAD || iat < Math.max(seconds - question.window, question.since ?? 0)) throw invalid('iat');
  if (question.token !== undefined && ath !== accessTokenHash(question.token)) throw invalid('ath');
  const holder = await calculateJwkThumbprint(jwk, 'sha256');
  return { holder, once: sha256(`${holder} ${jti}`), until: iat + question.window + 1 };
}

function read(proof: string): { header: Record<string, Json>; payload: Record<string, Json> } {
  try {
    return parseCompact(proof, MAX_PROOF_SIZE);
  } catch (cause) {
    throw invalid('proof', cause);
  }
}

/** Without query and fragment, normalized (RFC 9449 §4.3, 9). */
function targetOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** `ath` (§4.2). */
export const accessTokenHash = (token: string): string => sha256(token);

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');

const invalid = (field: string, cause?: unknown): RegistryError =>
  new RegistryError('dpop_proof_invalid', `The proof of possession is not right: ${field}.`, {
    field,
    fix: 'Make a new proof for this very request (RFC 9449).',
    cause,
  });
