import { z } from 'zod';
import type { Digest } from '../core/digest.ts';
import type { GrantAct, GrantState } from '../core/licensing/grant-states.ts';
import { GRANT_ACTS, GRANT_STATES } from '../core/licensing/grant-states.ts';
import type { GrantBody } from '../core/registry/grant.ts';
import { grant } from '../core/registry/index.ts';
import { digest, id, instant } from '../core/statement/statement.ts';
import { signedWriteSchema, writeSchema } from '../ledger/index.ts';

export const createGrantSchema = writeSchema(grant).meta({ id: 'OfferGrant' });

const reason = z.string().max(500).default('');

export const grantActSchema = z
  .union([
    signedWriteSchema,
    z.strictObject({
      id: id('grantact').optional().describe('Made by the client'),
      act: z.enum(GRANT_ACTS),
      reason,
      effectiveAt: instant.nullable().default(null).describe('Of a termination with notice: when the grant ends'),
    }),
  ])
  .meta({ id: 'ActOnGrant' });
export type GrantActWrite = z.infer<typeof grantActSchema>;

export const revokeSchema = z.union([signedWriteSchema, z.strictObject({ reason })]).meta({ id: 'Revoke' });
export type Revoke = z.infer<typeof revokeSchema>;

export const grantParams = z.strictObject({ id: z.string().max(60) });
export const grantQuery = z.strictObject({
  registration: z.string().max(60).optional(),
  after: z.coerce.number().int().nonnegative().optional().describe('Only grants at higher indexes'),
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
});
export type GrantQuery = z.infer<typeof grantQuery>;

const index = z.int().nonnegative();

export const grantView = (grant.body as unknown as z.ZodObject)
  .extend({
    id: id('grant'),
    licensor: id('party'),
    state: z.enum(GRANT_STATES).describe('At the time of the answer'),
    above: z.array(id('grant')).describe("The grants of which it is a part, the owner's first"),
    endsAt: instant.nullable().describe('When a termination takes effect'),
    renewedBy: id('grant').nullable(),
    statement: digest,
    recordedIndex: index,
    acts: z
      .array(
        z.strictObject({
          id: id('grantact'),
          act: z.enum(GRANT_ACTS),
          maker: id('party'),
          statement: digest,
          recordedIndex: index,
        }),
      )
      .describe('In log order'),
  })
  .meta({ id: 'Grant' });
export interface GrantView extends GrantBody {
  id: string;
  licensor: string;
  state: GrantState;
  above: string[];
  endsAt: string | null;
  renewedBy: string | null;
  statement: Digest;
  recordedIndex: number;
  acts: { id: string; act: GrantAct; maker: string; statement: Digest; recordedIndex: number }[];
}
