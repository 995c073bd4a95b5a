/**
 * Instruments: agreements about the title of a model or dataset. The one who disposes offers one, naming what it builds
 * on; it comes into force when the counterparties have accepted and everybody has consented whose consent it takes
 * (`instrument-act`). Everything about title is public: what binds strangers, strangers must be able to see. Of the
 * signed document the digest alone is on record.
 *
 * An offer moves nothing and reserves nothing. Of two assignments of one share the one that comes into force first in the
 * log wins, and the other is refused then.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { compare, formatShare, parseShare } from '../share.ts';
import type { Common } from '../statement/statement.ts';
import { digest, form, id, instant, urn } from '../statement/statement.ts';
import { date, dateOf } from '../title/dates.ts';
import type { InstrumentState } from '../title/instrument-states.ts';
import { transition } from '../title/instrument-states.ts';
import type { Terms, TransmissionTerms } from '../title/terms.ts';
import { isOverShare, needsAcceptance, parseQuorum, termsSchema } from '../title/terms.ts';
import { requireNotEnded } from './ended-party.ts';
import { fulfilledBy, inForce, inForceReads, isComplete, missingConsents } from './in-force.ts';
import type { Place, Rows, Spoken } from './kind.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import type { RowChange, Tables } from './tables.ts';
import { put } from './tables.ts';
import { heldBy } from './title.ts';
import { transmissionReads, transmit } from './transmission.ts';

/** Each needs a row to be judged by. */
export const MAX_COUNTERPARTIES = 40;

export const asset = z
  .union([id('registration'), id('dataset')])
  .describe('The registration of a model, or a dataset that its holder registered');

export const jurisdiction = z
  .string()
  .regex(/^[A-Z]{2}$/, 'must be ISO 3166-1 alpha-2')
  .nullable()
  .describe('Whose law governs it');

const shape = {
  asset,
  terms: termsSchema,
  counterparties: z
    .array(id('party'))
    .min(1)
    .max(MAX_COUNTERPARTIES)
    .refine((all) => all.every((each, i) => i === 0 || all[i - 1]! < each), 'must be sorted, each party once')
    .describe(
      'Who must accept: the assignee, lienholder, licensee, or the other owners; of a transmission all parties to the succession besides its maker, who need not',
    ),
  documentDigest: digest.nullable().describe('Of the signed document'),
  executedOn: date.nullable().describe('When it was signed, as its maker claims'),
  effectiveFrom: date.describe('From when it is to count'),
  jurisdiction,
  lapsesAt: instant.nullable().describe('When the offer ends if it is not in force by then'),
};

const instrumentForm = form('instrument', shape, ({ id }, { asset, documentDigest }) => [
  urn(id),
  urn(asset),
  ...(documentDigest === null ? [] : [{ name: 'document', digest: documentDigest }]),
]);
export type InstrumentBody = z.infer<typeof instrumentForm.body>;

export const instrument = kind(instrumentForm, {
  aboutTitle: true,
  reads: ({ common, body }, rows): RowKey[] => [
    ['instrument', common.id],
    assetKey(body.asset),
    ...body.counterparties.flatMap((party): RowKey[] => [
      ['party', party],
      ['ended_party', party],
    ]),
    ...transmissionReads(body, rows),
    ...inForceReads({ ...drafted(common, body), accepted: [], consented: [] }, rows),
  ],
  judge(spoken, rows, place) {
    const asset = needAsset(rows, spoken.body.asset);
    for (const [i, party] of spoken.body.counterparties.entries()) {
      need(rows, 'party', party, `counterparties.${i}`);
      if (spoken.body.terms.type !== 'transmission') requireNotEnded(rows, party, `counterparties.${i}`);
    }
    return judgeOffer(spoken, asset, rows, place);
  },
});

/**
 * The judgement of an offer by what is on record about its asset alone: that its counterparties are parties is judged
 * before.
 */
export function judgeOffer(
  spoken: Spoken<InstrumentBody>,
  asset: Pick<Place, 'statement'>,
  rows: Rows,
  place: Place,
): RowChange[] {
  const { common, body } = spoken;
  requireNew(rows, 'instrument', common.id);
  requireCounterparties(common, body);
  requireDates(common, body);
  requireShares(body.terms);
  const to = (state: InstrumentState) => transition('draft', 'offer', state);
  if (isTransmission(spoken)) {
    const row = { ...drafted(common, body), state: to('recorded'), inForceIndex: place.recordedIndex, ...place };
    return [put('instrument', row), ...transmit(spoken, asset, rows, place)];
  }
  const own = rows.get('title', body.asset, common.maker);
  if (own === undefined || own.shareNum === 0) {
    throw new RegistryError('forbidden', `Only an owner of ${body.asset} disposes of it.`, { field: 'maker' });
  }
  requireBasis(spoken, asset, own);
  if (isOverShare(body.terms) && compare(parseShare(body.terms.share), heldBy(rows, body.asset, common.maker)) > 0) {
    const held = formatShare(heldBy(rows, body.asset, common.maker));
    throw new RegistryError('share_insufficient', `You hold ${held} of ${body.asset}, and no more.`, {
      field: 'terms.share',
    });
  }
  const row: Tables['instrument'] = { ...drafted(common, body), state: 'offered', ...place };
  const today = dateOf(common.statedAt);
  fulfilledBy(row, rows, today);
  if (needsAcceptance(body.terms.type)) return [put('instrument', { ...row, state: to('offered') })];
  if (!isComplete(missingConsents(row, rows, today))) return [put('instrument', { ...row, state: to('accepted') })];
  return [
    put('instrument', { ...row, state: to('recorded'), inForceIndex: place.recordedIndex }),
    ...inForce(row, rows, place, today),
  ];
}

const isTransmission = (
  spoken: Spoken<InstrumentBody>,
): spoken is Spoken<InstrumentBody> & { body: { terms: TransmissionTerms } } =>
  spoken.body.terms.type === 'transmission';

const drafted = ({ id, maker }: Common, body: InstrumentBody) => ({
  id,
  type: body.terms.type,
  assetId: body.asset,
  maker,
  counterparties: body.counterparties,
  document: body,
  accepted: [],
  consented: [],
  inForceIndex: null,
  endedIndex: null,
});

const assetTable = (asset: string) => (asset.startsWith('dataset_') ? 'dataset' : 'registration');

export const assetKey = (asset: string): RowKey => [assetTable(asset), asset];

/** @throws RegistryError `not_found` */
export const needAsset = (rows: Rows, asset: string): Tables['dataset' | 'registration'] =>
  need(rows, assetTable(asset), asset, 'asset');

function requireCounterparties({ maker }: Common, { counterparties, terms }: InstrumentBody): void {
  const own = counterparties.indexOf(maker);
  if (own !== -1) {
    throw new RegistryError('counterparty_invalid', 'Nobody makes an agreement with itself.', {
      field: `counterparties.${own}`,
    });
  }
  if (terms.type !== 'co-ownership' && terms.type !== 'transmission' && counterparties.length !== 1) {
    throw new RegistryError('counterparty_invalid', `An instrument of the type ${terms.type} has one counterparty.`, {
      field: 'counterparties',
      fix: 'Offer an instrument to each of them.',
    });
  }
}

function requireDates({ statedAt }: Common, { executedOn, effectiveFrom, lapsesAt, terms }: InstrumentBody): void {
  const today = dateOf(statedAt);
  if (executedOn !== null && executedOn > today) {
    throw new RegistryError('invalid_input', 'The document would be signed later than it is offered.', {
      field: 'executedOn',
    });
  }
  if (effectiveFrom > today) {
    throw new RegistryError('effective_date_invalid', 'What is to count later is not put on record yet.', {
      field: 'effectiveFrom',
      fix: 'Give an option, or offer it when the day has come.',
    });
  }
  if (lapsesAt !== null && lapsesAt <= statedAt) {
    throw new RegistryError('invalid_input', 'The offer would lapse before it is made.', { field: 'lapsesAt' });
  }
  if ('until' in terms && terms.until !== null && terms.until < today) {
    throw new RegistryError('invalid_input', 'It would end before it begins.', { field: 'terms.until' });
  }
}

function requireShares(terms: Terms): void {
  if (isOverShare(terms)) parseShare(terms.share, 'terms.share');
  if (terms.type !== 'co-ownership') return;
  for (const [type, quorum] of Object.entries(terms.quorums)) parseQuorum(quorum, `terms.quorums.${type}`);
}
