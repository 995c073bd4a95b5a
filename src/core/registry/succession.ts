/**
 * Company succession: a party merges into another one, or is split among several, and ends by that. The predecessor states
 * it, or the registrar where the predecessor is gone and cannot sign, by the digest of the plan or of the register's
 * extract; it is in force when every successor has accepted (`succession-act`).
 *
 * By itself it moves no title: a party may hold a hundred thousand interests, and a statement changes a bounded number of
 * rows. Each asset follows by an instrument of its own (`transmission`), for which nobody has to be asked any more. A company
 * that gives a part away and goes on signs assignments: it is still there to make them.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { jurisdiction } from '../jurisdiction.ts';
import type { Share } from '../share.ts';
import { add, formatShare, NOTHING, parseShare } from '../share.ts';
import { digest, form, id, urn } from '../statement/statement.ts';
import { date, dateOf } from '../title/dates.ts';
import { MAX_SUCCESSORS } from '../title/terms.ts';
import { isRegistry } from './authority.ts';
import { endedReads, requireNotEnded, wayBetween } from './ended-party.ts';
import type { Place, Rows, Spoken } from './kind.ts';
import { kind, need, requireNew } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import type { RowChange, Tables } from './tables.ts';
import { put } from './tables.ts';

export const SUCCESSION_TYPES = ['merger', 'split'] as const;
export type SuccessionType = (typeof SUCCESSION_TYPES)[number];

const shape = {
  type: z.enum(SUCCESSION_TYPES).describe('A merger has one successor, a split has several'),
  predecessor: id('party').describe('The party that ends'),
  successors: z
    .array(
      z.strictObject({ party: id('party'), portion: z.string().max(40).describe('An exact fraction such as 1/2') }),
    )
    .min(1)
    .max(MAX_SUCCESSORS)
    .describe('Who takes its place, in portions that add up to 1; the first takes what cannot be divided'),
  documentDigest: digest.describe("Of the plan, or of the company register's extract"),
  effectiveFrom: date.describe('From when it counts'),
  jurisdiction,
};

const successionForm = form('succession', shape, ({ id }, { predecessor, documentDigest }) => [
  urn(id),
  urn(predecessor),
  { name: 'document', digest: documentDigest },
]);
export type SuccessionBody = z.infer<typeof successionForm.body>;

export const succession = kind(successionForm, {
  reads: ({ common, body }, rows): RowKey[] => {
    const parties = partiesOf(body);
    return [
      ['succession', common.id],
      ...parties.map((party): RowKey => ['party', party]),
      ...endedReads(parties, rows),
    ];
  },
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    const predecessor = need(rows, 'party', body.predecessor, 'predecessor');
    requireCompany(predecessor, 'predecessor');
    if (predecessor.kind !== 'organization') {
      throw new RegistryError('invalid_input', 'A person neither merges nor splits.', { field: 'predecessor' });
    }
    for (const [i, { party }] of body.successors.entries()) {
      const field = `successors.${i}.party`;
      requireCompany(need(rows, 'party', party, field), field);
    }
    if (common.maker !== predecessor.id && !isRegistry(need(rows, 'party', common.maker, 'maker'))) {
      throw new RegistryError('forbidden', 'Only the predecessor, or the registrar for it, states a succession.', {
        field: 'maker',
      });
    }
    return judgeSuccession(spoken, rows, place);
  },
});

/** The judgement by what is on record about successions alone: who its parties are is judged before. */
export function judgeSuccession({ common, body }: Spoken<SuccessionBody>, rows: Rows, place: Place): RowChange[] {
  requireNew(rows, 'succession', common.id);
  requirePortions(body);
  if (body.effectiveFrom > dateOf(common.statedAt)) {
    throw new RegistryError('effective_date_invalid', 'A succession that is to count later is not put on record yet.', {
      field: 'effectiveFrom',
      fix: 'State it when the day has come.',
    });
  }
  requireLiving(body, rows);
  const { type, predecessor } = body;
  return [
    put('succession', {
      id: common.id,
      type,
      predecessor,
      successors: body.successors.map(({ party }) => party),
      maker: common.maker,
      state: 'offered',
      document: body,
      accepted: [],
      inForceIndex: null,
      endedIndex: null,
      ...place,
    }),
  ];
}

/**
 * Nobody takes the place of a party and has given it its own before.
 * @throws RegistryError `succession_circular` with the circle, `party_ended` for a party that ended otherwise
 */
export function requireLiving(body: Pick<SuccessionBody, 'predecessor' | 'successors'>, rows: Rows): void {
  const { predecessor, successors } = body;
  for (const [i, { party }] of successors.entries()) {
    const way = wayBetween(rows, party, predecessor);
    if (way === undefined) continue;
    throw new RegistryError(
      'succession_circular',
      `The succession is circular: ${[predecessor, ...way].join(' -> ')}.`,
      {
        field: `successors.${i}.party`,
        fix: 'Name as successor a party that exists, and that the predecessor did not come out of.',
      },
    );
  }
  requireNotEnded(rows, predecessor, 'predecessor');
  for (const [i, { party }] of successors.entries()) requireNotEnded(rows, party, `successors.${i}.party`);
}

export const portionsOf = ({ successors }: Pick<SuccessionBody, 'successors'>): { party: string; portion: Share }[] =>
  successors.map(({ party, portion }) => ({ party, portion: parseShare(portion) }));

export const partiesOf = ({
  predecessor,
  successors,
}: Pick<SuccessionBody, 'predecessor' | 'successors'>): string[] => [
  predecessor,
  ...successors.map(({ party }) => party),
];

/** Its word would make it judge of its own cause, and a log does not outlive its registry. */
function requireCompany(party: Tables['party'], field: string): void {
  if (!isRegistry(party)) return;
  throw new RegistryError('invalid_input', 'The registry itself neither succeeds nor is succeeded.', { field });
}

/** @throws RegistryError `shares_invalid`, `share_too_fine` */
function requirePortions({ type, successors }: SuccessionBody): void {
  const isOne = successors.length === 1;
  if (isOne !== (type === 'merger')) {
    const said = type === 'merger' ? 'A merger has one successor.' : 'A split has two successors or more.';
    throw new RegistryError('invalid_input', said, { field: 'successors' });
  }
  const seen = new Set<string>();
  let sum = NOTHING;
  for (const [i, { party, portion }] of successors.entries()) {
    if (seen.has(party)) {
      throw new RegistryError('shares_invalid', `The party ${party} is named twice among the successors.`, {
        field: `successors.${i}.party`,
      });
    }
    seen.add(party);
    sum = add(sum, parseShare(portion, `successors.${i}.portion`));
  }
  if (sum.num === sum.den) return;
  throw new RegistryError('shares_invalid', `The successors' portions add up to ${formatShare(sum)}, not to 1.`, {
    field: 'successors',
    fix: 'State every successor with a portion such that the portions add up to exactly 1.',
  });
}
