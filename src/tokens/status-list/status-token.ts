/**
 * Status list tokens (`statuslist+jwt`, draft-ietf-oauth-status-list §5.1): a packed list, signed with the keys that sign
 * license tokens. They are believed as strictly as those: the header chooses a key by name and brings none, and the list
 * must be the one that the license token points to.
 */
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { RegistryError } from '../../core/errors.ts';
import type { LicenseTokenClaims } from '../../core/licensing/token-claims.ts';
import { TOKEN_ALGORITHM } from '../../core/licensing/token-claims.ts';
import type { TokenStatus } from '../../core/licensing/status-list.ts';
import { readStatus, STATUS_BITS, TOKEN_STATUSES } from '../../core/licensing/status-list.ts';
import { zodProblem } from '../../core/statement/zod-problem.ts';
import type { TokenSigner, VerificationKeys } from '../license-token/index.ts';
import { verifyJws } from '../license-token/index.ts';
import { decodeList, encodeList } from './list.ts';

export const STATUS_LIST_TYPE = 'statuslist+jwt';
export const STATUS_LIST_MEDIA_TYPE = `application/${STATUS_LIST_TYPE}`;
/** Characters of the compact serialization: a list of the longest that is read, hardly compressible. */
const MAX_STATUS_TOKEN_SIZE = 8 * 1024 * 1024;

/** Seconds by which a list may seem to come from the future: it is often signed in the moment in which it is asked for. */
const MAX_AHEAD = 5;

const claimsSchema = z.looseObject({
  iss: z.string().optional(),
  sub: z.string().describe('The URI of the list'),
  iat: z.int().nonnegative(),
  exp: z.int().nonnegative().optional(),
  ttl: z.int().positive().optional().describe('Seconds for which a copy may be kept'),
  status_list: z.looseObject({ bits: z.literal(STATUS_BITS), lst: z.string() }),
});

export interface StatusListFacts {
  readonly issuer: string;
  readonly uri: string;
  /** Seconds since 1970 */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Seconds */
  readonly ttl: number;
  readonly list: Uint8Array;
}

export function signStatusList(facts: StatusListFacts, { kid, privateKey }: TokenSigner): string {
  const { issuer, uri, issuedAt, expiresAt, ttl, list } = facts;
  const claims = {
    ...{ iss: issuer, sub: uri, iat: issuedAt, exp: expiresAt, ttl },
    status_list: { bits: STATUS_BITS, lst: encodeList(list) },
  };
  const header = { alg: TOKEN_ALGORITHM, kid, typ: STATUS_LIST_TYPE } as const;
  return jwt.sign(claims, privateKey, { algorithm: TOKEN_ALGORITHM, header });
}

export interface StatusList {
  readonly uri: string;
  /** Seconds since 1970 */
  readonly issuedAt: number;
  readonly expiresAt: number | null;
  readonly ttl: number | null;
  readonly list: Uint8Array;
}

export interface Expected {
  readonly keys: VerificationKeys;
  readonly issuer: string;
  readonly uri: string;
}

export interface Freshness {
  /** Milliseconds since 1970 */
  readonly now: number;
  /** Seconds since the registry signed it, at most: the policy of whoever relies on the list */
  readonly maxStaleness: number;
}

export type StatusQuestion = Expected & Freshness;

/**
 * @throws RegistryError as for a license token; `status_list_invalid` for a list that is another, or not a list of ours;
 *   `status_stale` for one that is too old to tell
 */
export function verifyStatusList(token: string, question: StatusQuestion): StatusList {
  const list = readStatusList(token, question);
  requireFresh(list, question);
  return list;
}

/**
 * The list whose signature is right, however old: for who keeps it, and asks at each use whether it is fresh.
 * @throws RegistryError as `verifyStatusList`, but for `status_stale`
 */
export function readStatusList(token: string, { keys, issuer, uri }: Expected): StatusList {
  const { payload } = verifyJws(token, keys, { typ: STATUS_LIST_TYPE, maxSize: MAX_STATUS_TOKEN_SIZE });
  const read = claimsSchema.safeParse(payload);
  if (!read.success) throw zodProblem(read.error, 'status_list_invalid');
  const { iss, sub, iat, exp, ttl, status_list: packed } = read.data;
  if (sub !== uri)
    throw new RegistryError('status_list_invalid', `The status list is ${sub}, not ${uri}.`, { field: 'sub' });
  if (iss !== undefined && iss !== issuer) {
    throw new RegistryError('token_foreign', `The status list is that of another registry than ${issuer}.`, {
      field: 'iss',
    });
  }
  return { uri, issuedAt: iat, expiresAt: exp ?? null, ttl: ttl ?? null, list: decodeList(packed.lst) };
}

/** @throws RegistryError `status_stale`, `status_list_invalid` for one of a time to come */
export function requireFresh({ issuedAt, expiresAt }: StatusList, { now, maxStaleness }: Freshness): void {
  const seconds = Math.floor(now / 1000);
  const age = seconds - issuedAt;
  if (age < -MAX_AHEAD) {
    throw new RegistryError('status_list_invalid', 'The status list was signed in the future.', {
      field: 'iat',
      fix: 'Check the clock.',
    });
  }
  // So put that what is no number is too old.
  if (age <= maxStaleness && (expiresAt === null || seconds < expiresAt)) return;
  throw new RegistryError('status_stale', `The status list is ${age} s old, too old to tell whether a token counts.`, {
    field: 'status',
    fix: 'Fetch it again.',
  });
}

const NAMES = Object.keys(TOKEN_STATUSES) as TokenStatus[];

/**
 * What the list says of a token; one with notice of a dispute counts.
 * @throws RegistryError `token_revoked`, `token_suspended`; `status_list_invalid` when the list has no such index
 */
export function requireCounts({ status }: LicenseTokenClaims, { list }: StatusList): TokenStatus {
  const told = NAMES[readStatus(list, status.status_list.idx)]!;
  if (told === 'valid' || told === 'disputed') return told;
  throw new RegistryError(`token_${told}`, `The token, or its grant, is ${told}.`, {
    field: 'status',
    fix: 'Ask the licensor.',
  });
}
