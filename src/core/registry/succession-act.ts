/**
 * What is done about a succession: its successors accept or reject it, whoever stated it withdraws it. With the last
 * acceptance it is in force and its predecessor has ended; whether all of its parties still exist is judged again then, so
 * of two successions that cross the later one is refused.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { form, id, urn } from '../statement/statement.ts';
import { SUCCESSION_ACTS, successionAfter } from '../title/succession-states.ts';
import { endedReads } from './ended-party.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import type { SuccessionBody } from './succession.ts';
import { requireLiving } from './succession.ts';
import type { RowKey } from './row-keys.ts';
import { put } from './tables.ts';

const shape = {
  succession: id('succession'),
  act: z.enum(SUCCESSION_ACTS),
  reason: z.string().min(1).max(500).nullable(),
};

const actForm = form('succession-act', shape, (_, { succession }) => [urn(succession)]);
export type SuccessionActBody = z.infer<typeof actForm.body>;

export const successionAct = kind(actForm, {
  reads: ({ common, body }, rows): RowKey[] => {
    const row = rows.get('succession', body.succession);
    return [
      ['succession_act', common.id],
      ['succession', body.succession],
      ...(row === undefined ? [] : endedReads([row.predecessor, ...row.successors], rows)),
    ];
  },
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    const { maker } = common;
    requireNew(rows, 'succession_act', common.id);
    const row = need(rows, 'succession', body.succession, 'succession');
    requireBasis(spoken, row);
    const accepted = body.act === 'accept' ? [...row.accepted, maker] : row.accepted;
    const state = successionAfter(row.id, row.state, body.act, accepted.length === row.successors.length);
    if (body.act === 'withdraw') {
      if (maker !== row.maker) throw forbidden('Only who stated a succession withdraws it.');
    } else if (!row.successors.includes(maker)) {
      throw forbidden(`Only a successor has a say in ${row.id}.`);
    }
    if (body.act === 'accept') {
      if (row.accepted.includes(maker)) {
        throw new RegistryError('state_conflict', 'Your acceptance is on record already.', { field: 'act' });
      }
      requireLiving(row.document as SuccessionBody, rows);
    }
    const inForceIndex = state === 'recorded' ? place.recordedIndex : null;
    const endedIndex = state === 'rejected' || state === 'withdrawn' ? place.recordedIndex : null;
    return [
      put('succession_act', { id: common.id, successionId: row.id, act: body.act, maker, ...place }),
      put('succession', { ...row, accepted, state, inForceIndex, endedIndex }),
      ...(state === 'recorded'
        ? [put('ended_party', { partyId: row.predecessor, successionId: row.id, ...place })]
        : []),
    ];
  },
});

const forbidden = (sentence: string): RegistryError => new RegistryError('forbidden', sentence, { field: 'maker' });
