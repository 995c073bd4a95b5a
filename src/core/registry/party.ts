/**
 * Parties: people and organisations. A name is personal data, so the log holds only a salted commitment to it, whose
 * value the party may have erased.
 */
import { z } from 'zod';
import { digest, form, urn } from '../statement/statement.ts';
import { kind, requireNew } from './kind.ts';
import { requireRegistry } from './authority.ts';
import { put } from './tables.ts';

const shape = {
  kind: z.enum(['organization', 'person']),
  roles: z.array(z.enum(['auditor'])).max(1),
  nameCommitment: digest,
};

export const party = kind(
  form('party', shape, ({ id }) => [urn(id)]),
  {
    reads: ({ common }) => [['party', common.id]],
    commitments: ({ id }, { nameCommitment }) => [{ commitment: nameCommitment, partyId: id }],
    judge(spoken, rows, place) {
      const { common, body } = spoken;
      requireRegistry(spoken, rows);
      requireNew(rows, 'party', common.id);
      return [put('party', { id: common.id, ...body, keyed: false, ...place })];
    },
  },
);
