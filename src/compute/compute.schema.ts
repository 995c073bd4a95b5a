import { z } from 'zod';
import { quota } from '../core/registry/index.ts';
import type { QuotaBody } from '../core/registry/quota.ts';
import { commonShape, digest } from '../core/statement/statement.ts';

const { coreSeconds, deviceSeconds, runsAtOnce } = (
  quota.body as unknown as z.ZodObject<{
    coreSeconds: z.ZodType<QuotaBody['coreSeconds']>;
    deviceSeconds: z.ZodOptional<z.ZodType<number>>;
    runsAtOnce: z.ZodType<QuotaBody['runsAtOnce']>;
  }>
).shape;

export const computeParams = z.strictObject({ id: z.string().max(60) });
export const computeQuery = z.strictObject({
  before: z.coerce.number().int().nonnegative().optional().describe('Only records at lower indexes'),
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('How many runs'),
});
export type ComputeQuery = z.infer<typeof computeQuery>;

const total = z.strictObject({
  runs: z.int().nonnegative(),
  coreSeconds: z.number().nonnegative(),
  deviceSeconds: z.number().nonnegative(),
});

/** From the records of runs alone: what failed or was cancelled left none. */
export const computeView = z
  .strictObject({
    party: z.string(),
    contributed: total.describe('What its workers spent on the runs of all parties, its own among them'),
    consumed: total.describe('What was spent on the runs that it started'),
    entries: z
      .array(
        z.strictObject({
          run: z.string(),
          provider: z.string().describe('Whose worker it was'),
          consumer: z.string().describe('Who started the run'),
          coreSeconds: z.number(),
          deviceSeconds: z.number().nullable().describe('Null where no graphics device was held'),
          backend: z.string(),
          device: z.string(),
          statement: digest.describe('Payload digest of the statement that records the run'),
          recordedIndex: z.int().nonnegative(),
        }),
      )
      .describe('The newest runs first, one entry for each worker'),
  })
  .meta({ id: 'PartyCompute' });
export type ComputeView = z.infer<typeof computeView>;

export const setQuotaSchema = z
  .strictObject({ id: commonShape.id.optional(), coreSeconds, deviceSeconds, runsAtOnce })
  .meta({ id: 'SetQuota' });
export type SetQuota = z.output<typeof setQuotaSchema>;

export const quotaView = z
  .strictObject({
    party: z.string(),
    coreSeconds,
    deviceSeconds: z.int().nullable().describe('Null: without limit'),
    runsAtOnce,
    setBy: z.enum(['registrar', 'default']).describe("`default`: by the registry's configuration"),
    used: z.strictObject({
      coreSeconds: z.number().describe('By the runs that were started this month, whatever became of them'),
      deviceSeconds: z.number().describe('By the same runs'),
      runs: z.int().describe('That wait or train now'),
    }),
    renewsAt: z.iso.datetime().describe('When the seconds begin anew'),
    statement: digest.nullable(),
    recordedIndex: z.int().nullable(),
  })
  .meta({ id: 'Quota' });
export type QuotaView = z.infer<typeof quotaView>;
