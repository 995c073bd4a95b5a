/**
 * Quotas: how much training a party may start on this registry, as the registrar set it. The newest in log order holds;
 * earlier ones stay on record, so that it can be told later what was agreed when. Between the registry and the party
 * alone: nobody else reads how much compute a party was allowed.
 */
import { z } from 'zod';
import { form, id, urn } from '../statement/statement.ts';
import { requireRegistry } from './authority.ts';
import { kind, need, requireNew } from './kind.ts';
import { put } from './tables.ts';

const shape = {
  party: id('party'),
  coreSeconds: z
    .int()
    .nonnegative()
    .nullable()
    .describe('Processor time of the runs that it starts in one calendar month (UTC); null: without limit'),
  deviceSeconds: z
    .int()
    .nonnegative()
    .optional()
    .describe('Time for which these runs hold a graphics device; absent: without limit'),
  runsAtOnce: z
    .int()
    .nonnegative()
    .max(1_000_000)
    .nullable()
    .describe('Its runs that wait or train at one time; null: without limit'),
};

const quotaForm = form('quota', shape, (_, { party }) => [urn(party)]);
export type QuotaBody = z.infer<typeof quotaForm.body>;

export const quota = kind(quotaForm, {
  reads: ({ common, body }) => [
    ['quota', common.id],
    ['party', body.party],
  ],
  readers: ({ party }) => [party],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    requireRegistry(spoken, rows);
    requireNew(rows, 'quota', common.id);
    const { id: partyId } = need(rows, 'party', body.party, 'party');
    const { coreSeconds, deviceSeconds = null, runsAtOnce } = body;
    return [put('quota', { id: common.id, partyId, coreSeconds, deviceSeconds, runsAtOnce, ...place })];
  },
});
