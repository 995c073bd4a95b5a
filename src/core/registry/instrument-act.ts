/**
 * What is done about an instrument after its offer: counterparties accept or reject it, co-owners and lienholders consent,
 * a party to it has it recorded when nothing is missing any more, its maker withdraws it, the registry lets it lapse when its time is over, and whoever holds the interest that it made
 * releases that. Each is a statement of whoever does it, and names the offer.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { formatShare } from '../share.ts';
import { form, id, urn } from '../statement/statement.ts';
import { dateOf } from '../title/dates.ts';
import type { InstrumentAct, InstrumentState } from '../title/instrument-states.ts';
import { INSTRUMENT_ACTS, requireAct, transition } from '../title/instrument-states.ts';
import { needsAcceptance } from '../title/terms.ts';
import { isRegistry } from './authority.ts';
import { inForce, inForceReads, isComplete, missingConsents, withoutEncumbrances } from './in-force.ts';
import type { InstrumentBody } from './instrument.ts';
import type { Place, Rows, Spoken } from './kind.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import type { RowChange, Tables } from './tables.ts';
import { put } from './tables.ts';
import { heldBy, standingOn } from './title.ts';

/** Each is a row to judge by. */
const MAX_CONSENTS = 1000;

const shape = {
  instrument: id('instrument'),
  act: z.enum(INSTRUMENT_ACTS),
  reason: z.string().min(1).max(500).nullable(),
};

const actForm = form('instrument-act', shape, (_, { instrument }) => [urn(instrument)]);
export type InstrumentActBody = z.infer<typeof actForm.body>;

type Acting = Spoken<InstrumentActBody>;

export const instrumentAct = kind(actForm, {
  aboutTitle: true,
  reads: ({ common, body }, rows): RowKey[] => {
    const row = rows.get('instrument', body.instrument);
    const interest = rows.get('interest', body.instrument);
    return [
      ['instrument_act', common.id],
      ['instrument', body.instrument],
      ...(row === undefined ? [] : [['interest', row.id] as const, ['title', row.assetId, common.maker] as const]),
      ...(row === undefined ? [] : inForceReads(row, rows)),
      ...(interest === undefined ? [] : [['encumbrance', interest.assetId, interest.grantor] as const]),
    ];
  },
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    requireNew(rows, 'instrument_act', common.id);
    const row = need(rows, 'instrument', body.instrument, 'instrument');
    requireBasis(spoken, row);
    requireAct(row.id, row.state, body.act);
    ACTORS[body.act](spoken, row, rows);
    const { maker } = common;
    return [
      put('instrument_act', { id: common.id, instrumentId: row.id, act: body.act, maker, ...place }),
      ...effectOf(spoken, row, rows, place),
    ];
  },
});

/** Who may act. @throws RegistryError `forbidden` for anybody else, `state_conflict` for a second time */
const ACTORS: Readonly<Record<InstrumentAct, (spoken: Acting, row: Tables['instrument'], rows: Rows) => void>> = {
  accept(spoken, row) {
    requireCounterparty(spoken, row);
    requireOnce(row.accepted, spoken);
    requireNotLapsed(spoken, row);
  },
  consent(spoken, row, rows) {
    const { maker, statedAt } = spoken.common;
    const on = dateOf(statedAt);
    const holds = standingOn(rows, row.assetId, row.maker, on).some(({ holder }) => holder === maker);
    const owns = heldBy(rows, row.assetId, maker).num > 0n;
    const accepting = mustAccept(row);
    if (maker === row.maker || accepting.includes(maker) || !(owns || holds)) {
      throw forbidden('Only another owner, or who holds an interest in the share, consents.');
    }
    requireOnce(row.consented, spoken);
    requireNotLapsed(spoken, row);
    const { share, holders } = missingConsents({ ...row, accepted: accepting }, rows, on);
    if (!(owns && share.num > 0n) && !holders.includes(maker)) {
      throw new RegistryError('state_conflict', `${row.id} does not take your consent.`, { field: 'act' });
    }
    if (row.consented.length === MAX_CONSENTS) {
      throw new RegistryError('state_conflict', `${row.id} has ${MAX_CONSENTS} consents already.`, { field: 'act' });
    }
  },
  record(spoken, row, rows) {
    if (spoken.common.maker !== row.maker) requireCounterparty(spoken, row);
    requireNotLapsed(spoken, row);
    const { share, holders } = missingConsents(row, rows, dateOf(spoken.common.statedAt));
    if (isComplete({ share, holders })) return;
    const of = holders.length === 0 ? `owners of ${formatShare(share)}` : holders.join(', ');
    throw new RegistryError('state_conflict', `The consent of ${of} is missing.`, { field: 'act' });
  },
  reject: requireCounterparty,
  withdraw({ common }, row) {
    if (common.maker !== row.maker) throw forbidden('Only who offered an instrument withdraws it.');
  },
  lapse({ common }, row, rows) {
    const { lapsesAt } = row.document as InstrumentBody;
    if (!isRegistry(need(rows, 'party', common.maker, 'maker'))) {
      throw forbidden('Only the registry lets an offer lapse.');
    }
    if (lapsesAt === null || common.statedAt < lapsesAt) {
      throw new RegistryError('state_conflict', `The time of ${row.id} is not over.`, { field: 'act' });
    }
  },
  release({ common }, row, rows) {
    const interest = rows.get('interest', row.id);
    if (interest === undefined || interest.endedIndex !== null) {
      throw new RegistryError('state_conflict', `Of ${row.id} nothing stands that could be released.`, {
        field: 'act',
      });
    }
    if (common.maker !== interest.holder) throw forbidden('Only who holds an interest releases it.');
  },
};

function effectOf(spoken: Acting, row: Tables['instrument'], rows: Rows, place: Place): RowChange[] {
  const { common, body } = spoken;
  switch (body.act) {
    case 'accept':
      return advance(spoken, { ...row, accepted: [...row.accepted, common.maker] }, rows, place);
    case 'consent':
      return advance(spoken, { ...row, consented: [...row.consented, common.maker] }, rows, place);
    case 'record':
      return advance(spoken, row, rows, place);
    case 'reject':
      return [ended(row, 'rejected', body.act, place)];
    case 'withdraw':
      return [ended(row, 'withdrawn', body.act, place)];
    case 'lapse':
      return [ended(row, 'lapsed', body.act, place)];
    case 'release':
      return [ended(row, 'released', body.act, place), ...released(row, rows, place, dateOf(common.statedAt))];
  }
}

const mustAccept = ({ counterparties, document }: Tables['instrument']): string[] =>
  needsAcceptance((document as InstrumentBody).terms.type) ? counterparties : [];

const ended = (row: Tables['instrument'], to: InstrumentState, act: InstrumentAct, place: Place): RowChange =>
  put('instrument', { ...row, state: transition(row.state, act, to), endedIndex: place.recordedIndex });

/** Brings the instrument into force if nothing is missing any more. */
function advance({ common, body }: Acting, row: Tables['instrument'], rows: Rows, place: Place): RowChange[] {
  const on = dateOf(common.statedAt);
  const to = (state: InstrumentState) => transition(row.state, body.act, state);
  if (row.accepted.length < mustAccept(row).length) return [put('instrument', { ...row, state: to('offered') })];
  if (!isComplete(missingConsents(row, rows, on))) return [put('instrument', { ...row, state: to('accepted') })];
  return [
    put('instrument', { ...row, state: to('recorded'), inForceIndex: place.recordedIndex }),
    ...inForce(row, rows, place, on),
  ];
}

function released({ id, assetId }: Tables['instrument'], rows: Rows, place: Place, on: string): RowChange[] {
  const interest = need(rows, 'interest', id, 'instrument');
  const change = put('interest', { ...interest, endedIndex: place.recordedIndex, endedOn: on });
  if (interest.kind !== 'exclusive-license') return [change, withoutEncumbrances([interest], rows)];
  const terms = need(rows, 'asset_terms', assetId, 'instrument');
  return [change, put('asset_terms', { ...terms, exclusive: terms.exclusive.filter((each) => each !== id) })];
}

function requireCounterparty({ common }: Acting, row: Tables['instrument']): void {
  if (!row.counterparties.includes(common.maker)) {
    throw forbidden(`The instrument ${row.id} is offered to somebody else.`);
  }
}

function requireOnce(done: readonly string[], { common, body }: Acting): void {
  if (!done.includes(common.maker)) return;
  throw new RegistryError('state_conflict', `Your ${body.act} is on record already.`, { field: 'act' });
}

function requireNotLapsed({ common }: Acting, row: Tables['instrument']): void {
  const { lapsesAt } = row.document as InstrumentBody;
  if (lapsesAt === null || common.statedAt <= lapsesAt) return;
  throw new RegistryError('instrument_lapsed', `The offer ${row.id} ended on ${lapsesAt}.`, {
    field: 'act',
    fix: 'Ask for a new offer.',
  });
}

const forbidden = (sentence: string): RegistryError => new RegistryError('forbidden', sentence, { field: 'maker' });
