/**
 * The record of one issued license token, as the log commits to it. Tokens are many, so the log holds one `token-batch`
 * statement for each batch of them: the RFC 6962 root over the records, in order of their position.
 *
 *   leaf   = SHA-256(00 ‖ record)
 *   record = canonical JSON (RFC 8785) of exactly
 *            {"claimsDigest","expiresAt","grant","issuedAt","jti","kid","licensee","salt","statusIndex","statusList","type"}
 *
 * `claimsDigest` is SHA-256 over the canonical JSON of the token's claims, `issuedAt` and `expiresAt` are its `iat` and
 * `exp` in seconds, `kid` names the key that signed it. The salt keeps whoever sees a neighbor's leaf hash in a proof
 * from guessing what it stands for. A row of `registry.token_issuance` holds the same members in snake case, with the
 * batch and the position in it; `fsck` formats the rows of a batch again and compares the root.
 */
import { z } from 'zod';
import { canonicalize, parseCanonical } from '../canonical-json.ts';
import type { Sha256 } from '../digest.ts';
import { leafHash } from '../merkle/tree.ts';
import { digest, id } from '../statement/statement.ts';
import { KEY_ID } from './token-claims.ts';
import { zodProblem } from '../statement/zod-problem.ts';

export const ISSUANCE_TYPE = 'urn:muniment:token-issuance:v1';

export const issuanceRecordSchema = z
  .strictObject({
    type: z.literal(ISSUANCE_TYPE),
    jti: id('token'),
    grant: id('grant'),
    licensee: id('party'),
    kid: KEY_ID,
    claimsDigest: digest,
    issuedAt: z.int().nonnegative(),
    expiresAt: z.int().nonnegative(),
    salt: z.string().regex(/^[0-9a-f]{32}$/, 'must be 128 random bits in hex'),
    statusList: z.int().nonnegative().describe('Number of the status list that tells of it'),
    statusIndex: z.int().nonnegative().describe('Its place in that'),
  })
  .meta({ id: 'IssuanceRecord', description: 'What the log commits to about one license token' });

export type IssuanceRecord = z.infer<typeof issuanceRecordSchema>;

/** Made once: a schema that is made for each row costs more than what it checks. */
const rowSchema = issuanceRecordSchema.strip();

/** The bytes behind a leaf; what a row has beside its record is left out. */
export const formatIssuanceRecord = (record: Omit<IssuanceRecord, 'type'>): Uint8Array =>
  canonicalize(rowSchema.parse({ ...record, type: ISSUANCE_TYPE }));

/** @throws RegistryError `malformed_json`, `invalid_input` unless the bytes are what `formatIssuanceRecord` writes */
export function parseIssuanceRecord(bytes: Uint8Array): IssuanceRecord {
  const read = issuanceRecordSchema.safeParse(parseCanonical(bytes));
  if (!read.success) throw zodProblem(read.error, 'invalid_input');
  return read.data;
}

/** Leaf hashes of a batch, in order of position. */
export const issuanceLeaves = (sha256: Sha256, records: readonly Omit<IssuanceRecord, 'type'>[]): Uint8Array[] =>
  records.map((record) => leafHash(sha256, formatIssuanceRecord(record)));
