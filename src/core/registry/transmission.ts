/**
 * Transmissions: what land registers call a transfer by operation of law. A succession in force has passed everything on
 * already; a transmission writes that down for one asset. A successor offers it, and nobody has to accept or consent: the
 * predecessor's whole share passes by the portions of the succession, with whatever rests on it, and so do the interests
 * that the predecessor holds in the shares of others. Of all this nothing is the successor's to choose, so it must
 * state exactly what follows.
 */
import { RegistryError } from '../errors.ts';
import type { Share } from '../share.ts';
import { add, compare, divide, formatShare, NOTHING, subtract } from '../share.ts';
import { dateOf } from '../title/dates.ts';
import type { TransmissionTerms } from '../title/terms.ts';
import { endedReads, wayBetween } from './ended-party.ts';
import { MAX_INTERESTS } from './in-force.ts';
import type { InstrumentBody } from './instrument.ts';
import type { Place, Rows, Spoken } from './kind.ts';
import { need, requireBasis } from './kind.ts';
import type { SuccessionBody } from './succession.ts';
import { portionsOf } from './succession.ts';
import type { RowKey } from './row-keys.ts';
import type { RowChange, Tables } from './tables.ts';
import { put } from './tables.ts';
import { asRow, heldBy, interestReads, shareOf, standingOn, stands, sumOf } from './title.ts';

type Interest = Tables['interest'];

export function transmissionReads({ asset, terms }: InstrumentBody, rows: Rows): RowKey[] {
  if (terms.type !== 'transmission') return [];
  const row = rows.get('succession', terms.succession);
  const parties = row === undefined ? [] : [row.predecessor, ...row.successors];
  return [
    ['succession', terms.succession],
    ...parties.flatMap((party): RowKey[] => [
      ['title', asset, party],
      ['encumbrance', asset, party],
      ...interestReads(rows.get('encumbrance', asset, party)?.interests),
    ]),
    ...interestReads(terms.interests),
    ...endedReads(parties, rows),
  ];
}

/**
 * The rows that change besides the instrument's own.
 * @throws RegistryError `state_conflict`, `forbidden`, `basis_stale`, `counterparty_invalid`, `digest_mismatch`,
 * `effective_date_invalid`, `shares_invalid`, `share_too_fine`, `share_encumbered`, `not_found`
 */
export function transmit(
  spoken: Spoken<InstrumentBody> & { body: { terms: TransmissionTerms } },
  asset: Pick<Place, 'statement'>,
  rows: Rows,
  place: Place,
): RowChange[] {
  const { common, body } = spoken;
  const { terms } = body;
  const row = need(rows, 'succession', terms.succession, 'terms.succession');
  requireBasis(spoken, asset, row);
  requireInForce(row, terms);
  requireSuccessor(common.maker, row, rows);
  requireFacts(spoken, row, rows);
  const shares = requireShares(body, row, rows);
  if (shares.length + terms.interests.length === 0) {
    throw new RegistryError('state_conflict', `Of ${body.asset} ${row.predecessor} has nothing that could pass.`, {
      field: 'asset',
    });
  }
  return [...passShares(body, row, shares, rows, place), ...passInterests(spoken, row, shares, rows, place)];
}

/** When title passes: with the succession, or from when the predecessor had it. */
export const effectiveDate = (succession: string, own: string | null): string =>
  own !== null && own > succession ? own : succession;

function requireInForce({ id, state, predecessor }: Tables['succession'], terms: TransmissionTerms): void {
  if (state !== 'recorded') {
    throw new RegistryError('state_conflict', `The succession ${id} is ${state}, and not in force.`, {
      field: 'terms.succession',
    });
  }
  if (terms.predecessor === predecessor) return;
  throw new RegistryError('invalid_input', `The predecessor of ${id} is ${predecessor}.`, {
    field: 'terms.predecessor',
  });
}

/** A successor that has ended left this to its own successors. */
function requireSuccessor(maker: string, row: Tables['succession'], rows: Rows): void {
  if (row.successors.some((party) => wayBetween(rows, party, maker) !== undefined)) return;
  throw new RegistryError('forbidden', `Only a successor of ${row.predecessor} has its title transmitted.`, {
    field: 'maker',
  });
}

/** What the succession says already is not said otherwise. */
function requireFacts({ common, body }: Spoken<InstrumentBody>, row: Tables['succession'], rows: Rows): void {
  const said = row.document as SuccessionBody;
  const parties = [row.predecessor, ...row.successors].filter((party) => party !== common.maker).sort();
  if (body.counterparties.join() !== parties.join()) {
    throw new RegistryError('counterparty_invalid', 'A transmission names all parties to the succession.', {
      field: 'counterparties',
      fix: `Name ${parties.join(', ')}.`,
    });
  }
  if (body.documentDigest !== said.documentDigest) {
    throw new RegistryError('digest_mismatch', `The document of ${row.id} is ${said.documentDigest}.`, {
      field: 'documentDigest',
    });
  }
  for (const [field, value] of [
    ['jurisdiction', said.jurisdiction],
    ['executedOn', null],
    ['lapsesAt', null],
  ] as const) {
    if (body[field] === value) continue;
    throw new RegistryError('invalid_input', `The ${field} of this transmission is ${value ?? 'null'}.`, { field });
  }
  const own = rows.get('title', body.asset, row.predecessor);
  const effectiveFrom = effectiveDate(
    said.effectiveFrom,
    own === undefined || own.shareNum === 0 ? null : own.effectiveFrom,
  );
  if (body.effectiveFrom === effectiveFrom) return;
  throw new RegistryError('effective_date_invalid', `What ${row.predecessor} had has passed on ${effectiveFrom}.`, {
    field: 'effectiveFrom',
    fix: `Let it count from ${effectiveFrom}.`,
  });
}

interface Passing {
  readonly party: string;
  readonly share: Share;
}

/** @throws RegistryError `shares_invalid` unless the terms state what follows */
function requireShares({ asset, terms }: InstrumentBody, row: Tables['succession'], rows: Rows): Passing[] {
  const own = heldBy(rows, asset, row.predecessor);
  const shares = sharesOf(own, portionsOf(row.document as SuccessionBody), (party) => heldBy(rows, asset, party));
  const [due, said] = [shares, (terms as TransmissionTerms).shares].map((list) =>
    list.map(({ party, share }) => `${party} ${typeof share === 'string' ? share : formatShare(share)}`).join(', '),
  );
  if (due === said) return shares;
  throw new RegistryError('shares_invalid', `Of ${asset} something else passes than is stated.`, {
    field: 'terms.shares',
    fix: due === '' ? 'Name no shares: the predecessor holds none.' : `State exactly: ${due}.`,
  });
}

/** What passes to each successor; who gets less than the finest unit gets nothing. */
export function sharesOf(
  own: Share,
  portions: readonly { readonly party: string; readonly portion: Share }[],
  heldOf: (party: string) => Share,
): Passing[] {
  if (own.num === 0n) return [];
  const among = portions.map(({ party, portion }) => ({ portion, held: heldOf(party) }));
  return divide(own, among)
    .map((share, i) => ({ party: portions[i]!.party, share }))
    .filter(({ share }) => share.num > 0n);
}

function passShares(
  { asset, effectiveFrom }: InstrumentBody,
  { predecessor }: Tables['succession'],
  shares: readonly Passing[],
  rows: Rows,
  place: Place,
): RowChange[] {
  if (shares.length === 0) return [];
  return [
    put('title', { assetId: asset, partyId: predecessor, ...asRow(NOTHING), effectiveFrom, ...place }),
    ...shares.map(({ party, share }) => {
      const theirs = rows.get('title', asset, party);
      const since = effectiveDate(effectiveFrom, theirs?.effectiveFrom ?? null);
      const after = asRow(add(heldBy(rows, asset, party), share));
      return put('title', { assetId: asset, partyId: party, ...after, effectiveFrom: since, ...place });
    }),
  ];
}

function passInterests(
  { common, body }: Spoken<InstrumentBody>,
  row: Tables['succession'],
  shares: readonly Passing[],
  rows: Rows,
  place: Place,
): RowChange[] {
  const { asset } = body;
  const { predecessor } = row;
  const on = dateOf(common.statedAt);
  const resting = shares.length === 0 ? [] : standingOn(rows, asset, predecessor, on);
  const held = heldInterests(body.terms as TransmissionTerms, asset, predecessor, rows, on);
  /** What rests on whose share, of all whose list may change. */
  const lists = new Map(row.successors.map((party) => [party, standingOn(rows, asset, party, on)]));
  const changes: RowChange[] = [];

  const passOn = (interest: Interest, grantor: string, holder: string): void => {
    const { id: interestId } = interest;
    const own = lists.get(grantor);
    // Nobody holds a right against themselves.
    if (grantor === holder && interest.shareNum !== null) {
      const { recordedIndex: endedIndex } = place;
      changes.push(put('interest', { ...interest, endedIndex, endedOn: body.effectiveFrom }));
      if (own !== undefined) lists.set(grantor, without(own, interestId));
      return;
    }
    const passed = { ...interest, grantor, holder };
    if (own !== undefined && interest.shareNum !== null) lists.set(grantor, [...without(own, interestId), passed]);
    const passage = { interestId, instrumentId: common.id, grantor, holder, formerHolder: interest.holder };
    changes.push(put('interest', passed), put('interest_passage', { ...passage, ...place }));
  };

  for (const interest of held) passOn(interest, interest.grantor, row.successors[0]!);
  for (const interest of resting) {
    const covering = shares.filter(({ party, share }) => {
      const rests = lists.get(party)!;
      const free = subtract(add(heldBy(rows, asset, party), share), sumOf(rests));
      return compare(shareOf(interest), free) <= 0 && rests.length < MAX_INTERESTS;
    });
    const grantor = covering.find(({ party }) => party !== interest.holder) ?? covering[0];
    if (grantor === undefined) {
      throw new RegistryError('share_encumbered', `No successor's share covers the interest ${interest.id}.`, {
        field: 'terms.shares',
        fix: `Have it released by ${interest.holder} first.`,
      });
    }
    passOn(interest, grantor.party, interest.holder);
  }
  for (const [partyId, interests] of lists) {
    const ids = interests.sort((a, b) => a.recordedIndex - b.recordedIndex).map(({ id }) => id);
    const before = rows.get('encumbrance', asset, partyId)?.interests ?? [];
    if (ids.join() !== before.join()) {
      changes.push(put('encumbrance', { assetId: asset, partyId, interests: ids, ...place }));
    }
  }
  if (resting.length > 0) {
    changes.push(put('encumbrance', { assetId: asset, partyId: predecessor, interests: [], ...place }));
  }
  return changes;
}

const without = (interests: readonly Interest[], gone: string): Interest[] => interests.filter(({ id }) => id !== gone);

/** @throws RegistryError `not_found`, `state_conflict` for what the predecessor does not hold, or not any more */
function heldInterests(
  { interests }: TransmissionTerms,
  asset: string,
  predecessor: string,
  rows: Rows,
  on: string,
): Interest[] {
  return interests.map((id, i) => {
    const field = `terms.interests.${i}`;
    const interest = need(rows, 'interest', id, field);
    if (interest.assetId === asset && interest.holder === predecessor && stands(interest, on)) return interest;
    throw new RegistryError('state_conflict', `${predecessor} holds no interest ${id} in ${asset}.`, { field });
  });
}
