import { z } from 'zod';
import type { Digest } from '../core/digest.ts';
import { succession } from '../core/registry/index.ts';
import type { SuccessionBody } from '../core/registry/succession.ts';
import { digest, id } from '../core/statement/statement.ts';
import type { SuccessionAct, SuccessionState } from '../core/title/succession-states.ts';
import { SUCCESSION_ACTS, SUCCESSION_STATES } from '../core/title/succession-states.ts';
import { signedWriteSchema, writeSchema } from '../ledger/index.ts';

export const stateSuccessionSchema = writeSchema(succession).meta({ id: 'StateSuccession' });

export const successionActSchema = z
  .union([
    signedWriteSchema,
    z.strictObject({
      id: id('successionact').optional(),
      act: z.enum(SUCCESSION_ACTS),
      reason: z.string().min(1).max(500).nullable().default(null),
    }),
  ])
  .meta({ id: 'ActOnSuccession' });
export type SuccessionActWrite = z.infer<typeof successionActSchema>;

const index = z.int().nonnegative();

export const successionView = (succession.body as unknown as z.ZodObject)
  .extend({
    id: id('succession'),
    maker: id('party').describe('The predecessor, or the registrar where it could not sign'),
    state: z.enum(SUCCESSION_STATES),
    accepted: z.array(id('party')),
    statement: digest,
    recordedIndex: index,
    inForceIndex: index.nullable().describe('Of the last acceptance, by which the predecessor ended'),
    endedIndex: index.nullable(),
    acts: z
      .array(
        z.strictObject({
          id: id('successionact'),
          act: z.enum(SUCCESSION_ACTS),
          maker: id('party'),
          statement: digest,
          recordedIndex: index,
        }),
      )
      .describe('In log order'),
  })
  .meta({ id: 'Succession' });
export interface SuccessionView extends SuccessionBody {
  id: string;
  maker: string;
  state: SuccessionState;
  accepted: string[];
  statement: Digest;
  recordedIndex: number;
  inForceIndex: number | null;
  endedIndex: number | null;
  acts: { id: string; act: SuccessionAct; maker: string; statement: Digest; recordedIndex: number }[];
}

export const successionParams = z.strictObject({ id: z.string().max(60) });
export const successionQuery = z.strictObject({
  party: z.string().max(60).optional().describe('Its predecessor or a successor'),
  predecessor: z.string().max(60).optional(),
  state: z.enum(SUCCESSION_STATES).optional(),
  before: z.coerce.number().int().nonnegative().optional().describe('Only those at lower indexes'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type SuccessionQuery = z.infer<typeof successionQuery>;
