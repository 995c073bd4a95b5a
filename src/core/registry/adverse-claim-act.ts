/**
 * What is done about an adverse claim: its claimant withdraws it, an owner acknowledges it. An acknowledgment is a word on
 * record and moves nothing; who gives way offers an assignment.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { form, id, urn } from '../statement/statement.ts';
import { CLAIM_ACTS, claimAfter } from '../title/claim-states.ts';
import { endedReads, wayBetween } from './ended-party.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import type { Tables } from './tables.ts';
import { put } from './tables.ts';
import { heldBy } from './title.ts';

const shape = {
  claim: id('adverseclaim'),
  act: z.enum(CLAIM_ACTS),
  reason: z.string().min(1).max(500).nullable(),
};

const actForm = form('adverse-claim-act', shape, (_, { claim }) => [urn(claim)]);
export type AdverseClaimActBody = z.infer<typeof actForm.body>;

export const adverseClaimAct = kind(actForm, {
  aboutTitle: true,
  reads: ({ common, body }, rows): RowKey[] => {
    const row = rows.get('adverse_claim', body.claim);
    return [
      ['adverse_claim_act', common.id],
      ['adverse_claim', body.claim],
      ...(row === undefined ? [] : [['title', row.assetId, common.maker] as const]),
      ...(row === undefined ? [] : endedReads([row.claimant], rows)),
    ];
  },
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    const { maker } = common;
    requireNew(rows, 'adverse_claim_act', common.id);
    const row = need(rows, 'adverse_claim', body.claim, 'claim');
    requireBasis(spoken, row);
    const state = claimAfter(row.id, row.state, body.act);
    const act = put('adverse_claim_act', { id: common.id, claimId: row.id, act: body.act, maker, ...place });
    if (body.act === 'withdraw') {
      if (wayBetween(rows, row.claimant, maker) === undefined)
        throw forbidden('Only who filed a claim, or a successor, withdraws it.');
      return [act, put('adverse_claim', { ...row, state, endedIndex: place.recordedIndex })];
    }
    requireOther(maker, row);
    if (heldBy(rows, row.assetId, maker).num === 0n)
      throw forbidden('Only an owner of the asset acknowledges a claim.');
    return [act, put('adverse_claim', { ...row, state, acknowledged: [...row.acknowledged, maker] })];
  },
});

function requireOther(maker: string, { claimant, acknowledged }: Tables['adverse_claim']): void {
  if (maker === claimant) throw forbidden('Nobody acknowledges a claim of their own.');
  if (!acknowledged.includes(maker)) return;
  throw new RegistryError('state_conflict', 'Your acknowledgment is on record already.', { field: 'act' });
}

const forbidden = (sentence: string): RegistryError => new RegistryError('forbidden', sentence, { field: 'maker' });
