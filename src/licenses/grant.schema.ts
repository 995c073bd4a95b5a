import { z } from 'zod';
import { grant } from '../core/registry/index.ts';
import { digest, id } from '../core/statement/statement.ts';
import { signedWriteSchema, writeSchema } from '../ledger/index.ts';

export const createGrantSchema = writeSchema(grant).meta({ id: 'CreateGrant' });

export const revokeSchema = z
  .union([signedWriteSchema, z.strictObject({ reason: z.string().max(500).default('') })])
  .meta({ id: 'Revoke' });
export type Revoke = z.infer<typeof revokeSchema>;

export const grantParams = z.strictObject({ id: z.string().max(60) });
export const grantQuery = z.strictObject({ registration: z.string().max(60).optional() });
export type GrantQuery = z.infer<typeof grantQuery>;

export const GRANT_STATES = ['active', 'not-yet-valid', 'expired', 'revoked'] as const;
export type GrantState = (typeof GRANT_STATES)[number];

export const grantView = (grant.body as unknown as z.ZodObject)
  .extend({
    id: id('grant'),
    licensor: id('party'),
    state: z.enum(GRANT_STATES).describe('At the time of the answer'),
    statement: digest,
    recordedIndex: z.int(),
    revokedIndex: z.int().nullable().describe("The revocation's place in the log"),
  })
  .meta({ id: 'Grant' });
