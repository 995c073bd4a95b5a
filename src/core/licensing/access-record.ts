/**
 * The record of one access to stored weights, as the log commits to it in an `access-batch`: who fetched them, by which
 * API key, license token and grant, which part of which file, and when. It is made before the first byte leaves.
 *
 *   record = canonical JSON (RFC 8785) of exactly {"apiKey","at","fileDigest","firstByte","grant","lastByte","number",
 *            "party","registration","salt","token","type"}
 *
 * The salt keeps whoever sees a neighbor's leaf hash in a proof from guessing what it stands for.
 */
import { z } from 'zod';
import { canonicalize } from '../canonical-json.ts';
import type { Sha256 } from '../digest.ts';
import { leafHash } from '../merkle/tree.ts';
import { digest, id, instant } from '../statement/statement.ts';

export const ACCESS_TYPE = 'urn:muniment:artifact-access:v1';

export const accessRecordSchema = z
  .strictObject({
    type: z.literal(ACCESS_TYPE),
    number: z.int().positive(),
    registration: id('registration'),
    party: id('party'),
    apiKey: id('apikey'),
    token: id('token').nullable().describe('The license token that was shown; null for an owner with its API key'),
    grant: id('grant').nullable(),
    fileDigest: digest,
    firstByte: z.int().nonnegative().nullable().describe('Of the part that was asked for; null for the whole'),
    lastByte: z.int().nonnegative().nullable(),
    at: instant,
    salt: z.string().regex(/^[0-9a-f]{32}$/, 'must be random, in hex'),
  })
  .meta({ id: 'AccessRecord', description: 'What the log commits to about one access to stored weights' });

export type AccessRecord = Omit<z.infer<typeof accessRecordSchema>, 'type'>;

const rowSchema = accessRecordSchema.strip();

/** The bytes behind a leaf; what a row has beside its record is left out. */
export const formatAccessRecord = (row: AccessRecord): Uint8Array =>
  canonicalize(rowSchema.parse({ ...row, type: ACCESS_TYPE }));

/** Leaf hashes of a batch, in order of position. */
export const accessLeaves = (sha256: Sha256, rows: readonly AccessRecord[]): Uint8Array[] =>
  rows.map((row) => leafHash(sha256, formatAccessRecord(row)));
