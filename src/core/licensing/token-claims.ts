/**
 * What a license token says: the claim profile of `model-license+jwt` (JWT, RFC 7519; explicit typing, RFC 8725 §3.11;
 * `authorization_details`, RFC 9396). One party may do named things with one model, under one recorded grant.
 *
 * Members that the profile does not know are refused, in every place, and a token that is bound to a holder's key (`cnf`)
 * passes only where the possession of that key was proven. Absent is what
 * nobody computed, such as obligations; an empty list would claim that there are none.
 */
import { z } from 'zod';
import type { Json } from '../canonical-json.ts';
import { canonicalize } from '../canonical-json.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { ACTIONS } from './actions.ts';
import type { GrantBody } from '../registry/grant.ts';
import { digest, id } from '../statement/statement.ts';
import { zodProblem } from '../statement/zod-problem.ts';

export const TOKEN_TYPE = 'model-license+jwt';
export const TOKEN_ALGORITHM = 'ES256';
export const DETAILS_TYPE = 'model_license';
/** Bytes of the compact serialization. */
export const MAX_TOKEN_SIZE = 8192;

/** Duties in a token at most; where there are more, it names none. */
export const MAX_OBLIGATIONS = 16;

/** Seconds since 1970, RFC 7519 §2 without fractions. */
const numericDate = z.int().nonnegative();
const url = z.string().min(1).max(500);

/** An audience or issuer: StringOrURI (RFC 7519 §2) in visible ASCII. */
export const audienceSchema = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'must be 1 to 200 visible ASCII characters');

/** RFC 7638 thumbprint, SHA-256, base64url. */
export const KEY_ID = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be an RFC 7638 thumbprint');

const modelSchema = z.union([
  z.strictObject({ id: id('registration'), weight_digest: digest }),
  z.strictObject({ id: id('registration'), file_digest: digest }),
]);

export const claimsSchema = z
  .strictObject({
    iss: url.describe('The registry'),
    sub: id('party').describe('The licensee'),
    aud: audienceSchema.describe('Who is to accept the token; one name, never a list'),
    jti: id('token'),
    iat: numericDate,
    nbf: numericDate,
    exp: numericDate,
    client_id: id('apikey').describe('The API key that asked for the token'),
    license_id: id('registration').describe("The record that holds the license offered: the model's registration"),
    grant_id: id('grant'),
    terms_hash: digest.describe('Of the terms agreed in the grant'),
    cnf: z
      .strictObject({ jkt: KEY_ID })
      .optional()
      .describe('The key whose possession whoever presents the token must prove (RFC 9449 §6.1)'),
    status: z
      .strictObject({ status_list: z.strictObject({ idx: z.int().nonnegative(), uri: url }) })
      .describe('Where to read whether it still counts (Token Status List)'),
    authorization_details: z
      .array(
        z.strictObject({
          type: z.literal(DETAILS_TYPE),
          model: modelSchema.describe('By weight digest, or by file digest where the container cannot be read'),
          actions: z.array(z.enum(ACTIONS)).min(1).max(ACTIONS.length),
          constraints: z.strictObject({
            territory: z
              .array(z.string().regex(/^[A-Z]{2}$/))
              .min(1)
              .max(250)
              .nullable()
              .describe('ISO 3166-1 alpha-2; null is everywhere'),
            field_of_use: z.string().min(1).max(500).nullable(),
            max_calls: z.int().positive().nullable(),
            commercial: z.boolean(),
          }),
          obligations: z
            .array(
              z.strictObject({
                license: z.string().max(200),
                rule: z.string().max(200).nullable(),
                clause: z.string().max(200).nullable(),
              }),
            )
            .max(MAX_OBLIGATIONS)
            .optional()
            .describe(
              'Duties that flow down to the model for these actions, all of them; absent where they are not all known',
            ),
        }),
      )
      .length(1),
    prov: z
      .strictObject({
        origin: z.string().min(1).max(200),
        index: z.int().nonnegative(),
        tree_size: z.int().positive(),
        root_hash: digest,
      })
      .describe("Where the grant stands in the log, and a published checkpoint's tree that holds it"),
  })
  .meta({ id: 'LicenseTokenClaims' });

export type LicenseTokenClaims = z.infer<typeof claimsSchema>;

/** What the record says about the grant under which a token is asked for. */
export interface GrantOnRecord {
  readonly id: string;
  readonly licensee: string;
  readonly registrationId: string;
  readonly weightDigest: Digest | null;
  readonly fileDigest: Digest;
  readonly document: GrantBody;
  readonly recordedIndex: number;
}

export interface TokenRequest {
  readonly issuer: string;
  readonly audience: string;
  readonly jti: string;
  readonly clientId: string;
  /** Seconds since 1970 */
  readonly issuedAt: number;
  /** Seconds */
  readonly lifetime: number;
  readonly actions: LicenseTokenClaims['authorization_details'][number]['actions'];
  /** RFC 7638 thumbprint of the key that the token is bound to */
  readonly holder?: string;
  /** Absent where not all of them are known */
  readonly obligations?: NonNullable<LicenseTokenClaims['authorization_details'][number]['obligations']>;
  readonly status: LicenseTokenClaims['status']['status_list'];
  readonly tree: { readonly origin: string; readonly size: number; readonly root: Uint8Array };
}

export function makeClaims(grant: GrantOnRecord, request: TokenRequest): LicenseTokenClaims {
  const { constraints, termsDigest } = grant.document;
  const { weightDigest, fileDigest, registrationId } = grant;
  return {
    iss: request.issuer,
    sub: grant.licensee,
    aud: request.audience,
    jti: request.jti,
    iat: request.issuedAt,
    nbf: request.issuedAt,
    exp: request.issuedAt + request.lifetime,
    client_id: request.clientId,
    license_id: registrationId,
    grant_id: grant.id,
    terms_hash: termsDigest,
    ...(request.holder === undefined ? {} : { cnf: { jkt: request.holder } }),
    status: { status_list: request.status },
    authorization_details: [
      {
        type: DETAILS_TYPE,
        model: {
          id: registrationId,
          ...(weightDigest === null ? { file_digest: fileDigest } : { weight_digest: weightDigest }),
        },
        actions: [...request.actions],
        constraints: {
          territory: constraints.territory,
          field_of_use: constraints.fieldOfUse,
          max_calls: constraints.maxCalls,
          commercial: constraints.commercial,
        },
        ...(request.obligations === undefined ? {} : { obligations: request.obligations }),
      },
    ],
    prov: {
      origin: request.tree.origin,
      index: grant.recordedIndex,
      tree_size: request.tree.size,
      root_hash: formatDigest(request.tree.root),
    },
  };
}

/** @throws RegistryError `token_malformed`, `field` naming the claim */
export function parseClaims(payload: Json): LicenseTokenClaims {
  const read = claimsSchema.safeParse(payload);
  if (!read.success) throw zodProblem(read.error, 'token_malformed');
  const { prov } = read.data;
  if (prov.index >= prov.tree_size) {
    throw new RegistryError('token_malformed', 'The grant stands outside the tree that the token names.', {
      field: 'prov.index',
    });
  }
  return read.data;
}

/** SHA-256 over the canonical JSON (RFC 8785) of the claims: the same for whoever re-serializes them. */
export const claimsDigest = (sha256: Sha256, claims: LicenseTokenClaims): Digest =>
  formatDigest(sha256(canonicalize(claims)));

export interface Expected {
  readonly issuer: string;
  /** Of the caller, milliseconds since 1970 as from `Date.now()` */
  readonly now: number;
  /** Policy: seconds between `iat` and `exp` at most */
  readonly maxLifetime: number;
}

/**
 * Everything about the claims that does not depend on who is to accept them. No leeway: issuer and verifier that
 * disagree about the time say so by an error instead of stretching a license.
 * @throws RegistryError `token_foreign`, `token_malformed`, `token_too_long_lived`, `token_not_yet_valid`, `token_expired`
 */
export function judgeClaims(claims: LicenseTokenClaims, { issuer, now, maxLifetime }: Expected): void {
  const { iss, iat, nbf, exp } = claims;
  if (iss !== issuer) {
    throw new RegistryError('token_foreign', `The token was issued by another registry than ${issuer}.`, {
      field: 'iss',
    });
  }
  if (exp <= iat || exp <= nbf) {
    throw new RegistryError('token_malformed', 'The token ends before it begins.', { field: 'exp' });
  }
  if (exp - Math.min(iat, nbf) > maxLifetime) {
    throw new RegistryError('token_too_long_lived', `The token lives longer than the ${maxLifetime} s allowed.`, {
      field: 'exp',
    });
  }
  const seconds = Math.floor(now / 1000);
  if (seconds < nbf || seconds < iat) {
    throw new RegistryError('token_not_yet_valid', `The token is valid from ${utc(Math.max(nbf, iat))} on.`, {
      field: seconds < nbf ? 'nbf' : 'iat',
      fix: 'Check the clock.',
    });
  }
  if (seconds >= exp) {
    throw new RegistryError('token_expired', `The token expired at ${utc(exp)}.`, {
      field: 'exp',
      fix: 'Ask the registry for a new one.',
    });
  }
}

/** @throws RegistryError `token_wrong_audience` */
export function requireAudience({ aud }: LicenseTokenClaims, audience: string): void {
  if (aud === audience) return;
  throw new RegistryError('token_wrong_audience', `The token is meant for "${aud}", not for "${audience}".`, {
    field: 'aud',
  });
}

/**
 * @param holder thumbprint of the key whose possession was proven
 * @throws RegistryError `dpop_proof_missing` for a token that is bound to a key and comes without proof of it,
 *   `dpop_proof_invalid` where the proof is by another key
 */
export function requireHolder({ cnf }: LicenseTokenClaims, holder: string | undefined): void {
  if (cnf === undefined || cnf.jkt === holder) return;
  const fix = `Prove that you hold the key ${cnf.jkt}: over HTTP with a proof by it in the header DPoP (RFC 9449).`;
  if (holder === undefined) {
    throw new RegistryError('dpop_proof_missing', 'The token is bound to a key, and nothing proves that you hold it.', {
      field: 'cnf',
      fix,
    });
  }
  throw new RegistryError('dpop_proof_invalid', 'The token is bound to another key than the one that you hold.', {
    field: 'cnf',
    fix,
  });
}

/** A hostile number of seconds may lie outside what a date can hold. */
const utc = (seconds: number): string =>
  seconds <= 8_640_000_000_000 ? new Date(seconds * 1000).toISOString() : `second ${seconds}`;
