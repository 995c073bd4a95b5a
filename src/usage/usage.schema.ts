import { z } from 'zod';
import { ACTIONS } from '../core/licensing/actions.ts';
import { KEY_ID } from '../core/licensing/token-claims.ts';
import { id, instant } from '../core/statement/statement.ts';

/** More than any grant is for; keeps sums far from where numbers lose their precision. */
const MAX_CALLS = 1_000_000_000;
const calls = z.int().positive().max(MAX_CALLS);
const count = z.int().nonnegative();

export const grantParams = z.strictObject({ id: z.string().max(60) });
export const blockParams = z.strictObject({ id: z.string().max(60), block: z.string().max(60) });
export const seatParams = z.strictObject({ id: z.string().max(60), holder: z.string().max(60) });

/** Who is no side of the grant shows a token under it. */
const token = z.string().max(8192).optional().describe('A license token under the grant, from who is no side of it');

export const reportSchema = z
  .strictObject({
    id: id('usagereport').describe('Made by the client: the same report counts once, however often it is sent'),
    block: id('usageblock').nullable().default(null).describe('The block that the calls were spent from'),
    token,
    uses: z
      .array(z.strictObject({ token: id('token').nullable(), action: z.enum(ACTIONS), calls }))
      .min(1)
      .max(1000)
      .describe('Calls by token and action'),
    from: instant,
    to: instant,
  })
  .meta({ id: 'ReportUsage' });
export type Report = z.infer<typeof reportSchema>;

export const leaseSchema = z
  .strictObject({
    id: id('usageblock').describe('Made by the client: asked for again, the same block is answered'),
    calls: calls.describe('How many are wanted; where fewer are left, those'),
    token,
  })
  .meta({ id: 'LeaseCalls' });
export type Lease = z.infer<typeof leaseSchema>;

export const blockView = z
  .strictObject({
    id: id('usageblock'),
    grant: id('grant'),
    calls: count.describe('How many it holds'),
    spent: count,
    settled: z.boolean().describe('What was not spent of it is free again'),
  })
  .meta({ id: 'UsageBlock' });
export type BlockView = z.infer<typeof blockView>;

export const openBlockView = z
  .strictObject({
    id: id('usageblock'),
    party: id('party').describe('Who leased it'),
    calls: count.describe('How many it holds'),
    spent: count.describe('Of these, as far as is known'),
    leasedAt: instant,
  })
  .meta({ id: 'OpenUsageBlock' });
export type OpenBlockView = z.infer<typeof openBlockView>;

const counts = {
  grant: id('grant'),
  maxCalls: count.nullable(),
  calls: count.describe('Reported, those under sub-licenses among them'),
  leased: count.describe('Held by gates in advance, and not spent yet as far as is known'),
  left: count.nullable().describe('What may be leased or reported yet; null for any number'),
};

export const countsView = z.strictObject(counts).meta({ id: 'UsageCounts' });
export type CountsView = z.infer<typeof countsView>;

export const usageView = z
  .strictObject({
    ...counts,
    byAction: z.record(z.string(), count).describe('Of this very grant, as the rest'),
    byDay: z.array(z.strictObject({ day: z.iso.date(), calls: count })).describe('The last 90 days with any, UTC'),
  })
  .meta({ id: 'Usage' });
export type UsageView = z.infer<typeof usageView>;

export const seatSchema = z
  .strictObject({
    token,
    borrowSeconds: z
      .int()
      .positive()
      .max(31_536_000)
      .nullable()
      .default(null)
      .describe('To work without a network so long; the seat stays taken until then or until it is given up'),
  })
  .meta({ id: 'TakeSeat' });
export type TakeSeat = z.infer<typeof seatSchema>;

export const seatView = z
  .strictObject({
    grant: id('grant'),
    holder: KEY_ID.describe('Thumbprint of the key that holds it'),
    party: id('party'),
    takenAt: instant,
    until: instant.describe('When it is free again without a heartbeat'),
    borrowed: z.boolean(),
  })
  .meta({ id: 'Seat' });
export type SeatView = z.infer<typeof seatView>;
