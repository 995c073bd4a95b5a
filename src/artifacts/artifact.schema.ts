import { z } from 'zod';
import { digest, id } from '../core/statement/statement.ts';

export const artifactParams = z.strictObject({ id: z.string().max(60) });

export const accessQuery = z.strictObject({
  before: z.coerce.number().int().positive().optional().describe('Only accesses with lower numbers'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type AccessQuery = z.infer<typeof accessQuery>;

export const accessView = z
  .strictObject({
    number: z.int().positive(),
    party: id('party'),
    apiKey: id('apikey'),
    token: id('token').nullable().describe('The license token that was shown; null for an owner with its API key'),
    grant: id('grant').nullable(),
    fileDigest: digest,
    firstByte: z.int().nonnegative().nullable().describe('Of the part that was asked for; null for the whole'),
    lastByte: z.int().nonnegative().nullable(),
    at: z.iso.datetime(),
    bytes: z
      .int()
      .nonnegative()
      .nullable()
      .describe('How many left; null while they are on their way, or it is not known'),
    complete: z.boolean().nullable(),
  })
  .meta({ id: 'ArtifactAccess' });
export type AccessView = z.infer<typeof accessView>;
