import { z } from 'zod';
import { accessRecordSchema } from '../core/licensing/access-record.ts';
import { rowProofSchema } from '../ledger/index.ts';

export const artifactParams = z.strictObject({ id: z.string().max(60) });
export const accessParams = z.strictObject({
  id: z.string().max(60),
  number: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
});

export const accessQuery = z.strictObject({
  before: z.coerce.number().int().positive().optional().describe('Only accesses with lower numbers'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type AccessQuery = z.infer<typeof accessQuery>;

export const accessView = accessRecordSchema
  .omit({ type: true, registration: true, salt: true })
  .extend({
    bytes: z
      .int()
      .nonnegative()
      .nullable()
      .describe('How many left; null while they are on their way, or it is not known'),
    complete: z.boolean().nullable(),
  })
  .meta({ id: 'ArtifactAccess' });
export type AccessView = z.infer<typeof accessView>;

export const provenAccess = accessView.extend({ proof: rowProofSchema }).meta({ id: 'ProvenArtifactAccess' });
export type ProvenAccess = z.infer<typeof provenAccess>;
