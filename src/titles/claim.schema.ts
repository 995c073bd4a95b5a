import { z } from 'zod';
import type { Digest } from '../core/digest.ts';
import type { AdverseClaimBody } from '../core/registry/adverse-claim.ts';
import { adverseClaim } from '../core/registry/index.ts';
import { SEALED_SUBJECTS } from '../core/registry/sealed.ts';
import { commonShape, digest, id } from '../core/statement/statement.ts';
import type { ClaimAct, ClaimState } from '../core/title/claim-states.ts';
import { CLAIM_ACTS, CLAIM_STATES } from '../core/title/claim-states.ts';
import { OPPOSITION_STATUSES } from '../core/title/opposition.ts';
import { date } from '../core/title/dates.ts';
import { signedWriteSchema, writeSchema } from '../ledger/index.ts';
import type { ClaimTimestampView } from './timestamp.schema.ts';
import { claimTimestampView } from './timestamp.schema.ts';

export const fileClaimSchema = writeSchema(adverseClaim).meta({ id: 'FileAdverseClaim' });

export const claimActSchema = z
  .union([
    signedWriteSchema,
    z.strictObject({
      id: commonShape.id.optional(),
      act: z.enum(CLAIM_ACTS),
      reason: z.string().min(1).max(500).nullable().default(null),
    }),
  ])
  .meta({ id: 'ActOnAdverseClaim' });
export type ClaimActWrite = z.infer<typeof claimActSchema>;

export const claimParams = z.strictObject({ id: z.string().max(60) });
export const claimQuery = z.strictObject({
  asset: z.string().max(60).optional(),
  claimant: z.string().max(60).optional(),
  state: z.enum(CLAIM_STATES).optional(),
  after: z.coerce.number().int().nonnegative().optional().describe('Only claims at higher indexes'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type ClaimQuery = z.infer<typeof claimQuery>;

const index = z.int().nonnegative();
const clock = z.iso.datetime().describe("By the registry's clock; the order is told by the index");

const possessionView = z.strictObject({
  sealed: id('sealed'),
  digest,
  subject: z.enum(SEALED_SUBJECTS),
  sealedIndex: index.describe('Its maker knew the digest before this entry'),
  sealedAt: clock,
  openedIndex: index.describe('Where it was revealed'),
});
export type PossessionView = z.infer<typeof possessionView>;

export const claimView = (adverseClaim.body as unknown as z.ZodObject)
  .extend({
    id: id('adverseclaim'),
    claimant: id('party'),
    state: z.enum(CLAIM_STATES),
    acknowledged: z.array(id('party')).describe('Owners who acknowledged it, in log order'),
    evidence: z.array(possessionView).describe('What the claimant sealed and opened, the earliest first'),
    timestamps: z.array(claimTimestampView).describe('Of authorities outside, over the document, the earliest first'),
    statement: digest,
    recordedIndex: index,
    recordedAt: clock,
    endedIndex: index.nullable().describe('Of its withdrawal'),
    acts: z
      .array(
        z.strictObject({
          id: id('adverseclaimact'),
          act: z.enum(CLAIM_ACTS),
          maker: id('party'),
          statement: digest,
          recordedIndex: index,
        }),
      )
      .describe('In log order'),
  })
  .meta({ id: 'AdverseClaim' });
export interface ClaimView extends Omit<AdverseClaimBody, 'evidence' | 'timestamps'> {
  id: string;
  claimant: string;
  state: ClaimState;
  acknowledged: string[];
  evidence: PossessionView[];
  timestamps: ClaimTimestampView[];
  statement: Digest;
  recordedIndex: number;
  recordedAt: string;
  endedIndex: number | null;
  acts: { id: string; act: ClaimAct; maker: string; statement: Digest; recordedIndex: number }[];
}

/** Beside title, never merged into it. */
export const claimsView = z.strictObject({
  sum: z.string().describe('What the claims that are shown add up to; may be more than 1'),
  standing: z.array(claimView).describe('Those that stood at the moment and count by the day, in log order'),
  more: z.boolean().describe('Whether there are others that are not shown'),
});
export type ClaimsView = Omit<z.infer<typeof claimsView>, 'standing'> & { standing: ClaimView[] };

export const oppositionView = z.strictObject({
  status: z.enum(OPPOSITION_STATUSES),
  windowEnds: date.nullable().describe("The last day of the window, by the registry's clock; null where there is none"),
});

export const sameModelView = z.strictObject({
  registration: id('registration'),
  maker: id('party'),
  name: z.string(),
  recordedIndex: index,
  recordedAt: clock,
  possessions: z.array(possessionView).describe('What its maker sealed of the model and opened, the earliest first'),
});
export type SameModelView = z.infer<typeof sameModelView>;
