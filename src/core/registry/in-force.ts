/**
 * What an instrument takes to come into force, and what it does then. Whoever adds a statement to it asks here: the
 * writer, and `fsck` after it, judge upon the rows as they stand at that place in the log, so of two instruments that
 * cannot both be fulfilled the later one is refused, whatever was offered first.
 */
import { RegistryError } from '../errors.ts';
import type { Share } from '../share.ts';
import { add, compare, formatShare, move, NOTHING, parseShare, subtract } from '../share.ts';
import type { ExclusiveTerms, ShareTerms, Terms } from '../title/terms.ts';
import { DEFAULT_QUORUMS, interestKindOf, overlaps, parseQuorum } from '../title/terms.ts';
import { requireNotEnded } from './ended-party.ts';
import type { InstrumentBody } from './instrument.ts';
import type { Place, Rows } from './kind.ts';
import type { RowKey } from './row-keys.ts';
import type { RowChange, Tables } from './tables.ts';
import { put } from './tables.ts';
import { asRow, heldBy, interestReads, shareOf, standingExclusive, standingOn, sumOf, uncovered } from './title.ts';

type Instrument = Tables['instrument'];
type Involved = Pick<Instrument, 'accepted' | 'assetId' | 'consented' | 'counterparties' | 'document' | 'maker'>;

/** Interests on one share, or exclusive licenses on one asset, that may stand at a time. */
export const MAX_INTERESTS = 50;

export function inForceReads({ assetId, maker, counterparties, accepted, consented }: Involved, rows: Rows): RowKey[] {
  const parties = new Set([maker, ...counterparties, ...accepted, ...consented]);
  return [
    ['ended_party', maker],
    ...[...parties].map((party): RowKey => ['title', assetId, party]),
    ['encumbrance', assetId, maker],
    ...interestReads(rows.get('encumbrance', assetId, maker)?.interests),
    ['asset_terms', assetId],
    ...interestReads(rows.get('asset_terms', assetId)?.exclusive),
  ];
}

export interface Missing {
  /** What the shares of those who agreed fall short of the quorum */
  readonly share: Share;
  /** Holders of interests that the instrument would leave without cover */
  readonly holders: readonly string[];
}

/** Whose consent is missing besides that of the counterparties that have accepted. */
export function missingConsents(row: Involved, rows: Rows, on: string): Missing {
  const terms = termsOf(row);
  const agreed = new Set([row.maker, ...row.accepted, ...row.consented]);
  const sum = [...agreed].reduce((sum, party) => add(sum, heldBy(rows, row.assetId, party)), NOTHING);
  const short = subtract(quorumOf(terms, rows.get('asset_terms', row.assetId)?.quorums ?? null), sum);
  const holders = displaced(row, rows, on).map(({ holder }) => holder);
  return {
    share: compare(short, NOTHING) > 0 ? short : NOTHING,
    holders: [...new Set(holders)].filter((holder) => !agreed.has(holder)),
  };
}

export const isComplete = ({ share, holders }: Missing): boolean => share.num === 0n && holders.length === 0;

/**
 * The rows that change when the instrument comes into force.
 * @param on the day, `YYYY-MM-DD`
 * @throws RegistryError `share_insufficient`, `share_too_fine`, `share_encumbered`, `exclusive_license_stands`,
 * `effective_date_invalid`, `forbidden`, `party_ended` when it cannot any more
 */
export function inForce(row: Involved & Pick<Instrument, 'id'>, rows: Rows, place: Place, on: string): RowChange[] {
  requireNotEnded(rows, row.maker, 'instrument');
  const own = requireHeld(row, rows);
  const { effectiveFrom } = bodyOf(row);
  if (effectiveFrom < own.effectiveFrom) {
    throw new RegistryError(
      'effective_date_invalid',
      `The maker's title counts from ${own.effectiveFrom} on; it cannot be disposed of from ${effectiveFrom}.`,
      { field: 'effectiveFrom', fix: `Let it count from ${own.effectiveFrom} or later.` },
    );
  }
  const terms = termsOf(row);
  switch (terms.type) {
    case 'assignment':
      return assign(row, own, parseShare(terms.share), rows, place, on);
    case 'transmission':
      throw new RegistryError('state_conflict', 'A transmission is in force with its offer.', { field: 'act' });
    case 'co-ownership':
      return [put('asset_terms', { ...assetTermsOf(row.assetId, rows), quorums: terms.quorums, ...place })];
    case 'exclusive-license':
      return licenseExclusively(row, terms, rows, place, on);
    case 'pledge':
    case 'option':
    case 'priority-hold':
      return encumber(row, terms, own, rows, place, on);
  }
}

function requireHeld({ assetId, maker }: Involved, rows: Rows): Tables['title'] {
  const own = rows.get('title', assetId, maker);
  if (own !== undefined && own.shareNum > 0) return own;
  throw new RegistryError('share_insufficient', `${maker} holds no share of ${assetId} any more.`, { field: 'asset' });
}

function assign(row: Involved, own: Tables['title'], share: Share, rows: Rows, place: Place, on: string): RowChange[] {
  const { assetId, counterparties } = row;
  const { effectiveFrom } = bodyOf(row);
  const [assignee] = counterparties as [string];
  const theirs = rows.get('title', assetId, assignee);
  const after = move(share, shareOf(own), heldBy(rows, assetId, assignee));
  const since = theirs !== undefined && theirs.effectiveFrom > effectiveFrom ? theirs.effectiveFrom : effectiveFrom;
  const ended = displaced(row, rows, on);
  return [
    put('title', { ...own, ...asRow(after.from), effectiveFrom, ...place }),
    put('title', { assetId, partyId: assignee, ...asRow(after.to), effectiveFrom: since, ...place }),
    ...ended.map((interest) =>
      put('interest', { ...interest, endedIndex: place.recordedIndex, endedOn: effectiveFrom }),
    ),
    ...(ended.length === 0 ? [] : [withoutEncumbrances(ended, rows)]),
  ];
}

/** The interests on the assignor's share that end when the assignment comes into force. */
function displaced(row: Involved, rows: Rows, on: string): Tables['interest'][] {
  const terms = termsOf(row);
  if (terms.type !== 'assignment') return [];
  const remaining = subtract(heldBy(rows, row.assetId, row.maker), parseShare(terms.share));
  const others = standingOn(rows, row.assetId, row.maker, on).filter(({ id }) => id !== terms.under);
  return [...fulfilledBy(row, rows, on), ...uncovered(others, remaining)];
}

/**
 * The option or priority hold that an assignment names.
 * @throws RegistryError `invalid_input` when the assignee has none of this name
 */
export function fulfilledBy(row: Involved, rows: Rows, on: string): Tables['interest'][] {
  const terms = termsOf(row);
  if (terms.type !== 'assignment' || terms.under === null) return [];
  const found = standingOn(rows, row.assetId, row.maker, on).find(({ id }) => id === terms.under);
  if (found !== undefined && found.kind !== 'lien' && found.holder === row.counterparties[0]) return [found];
  throw new RegistryError('invalid_input', `The assignee has no option or hold ${terms.under} on the share.`, {
    field: 'terms.under',
  });
}

/** @param ended interests on one share */
export function withoutEncumbrances(ended: readonly Tables['interest'][], rows: Rows): RowChange {
  const { assetId, grantor } = ended[0]!;
  const row = rows.get('encumbrance', assetId, grantor);
  if (row === undefined) {
    throw new RegistryError('ledger_inconsistent', `What rests on ${grantor}'s share of ${assetId} is missing.`);
  }
  const gone = new Set(ended.map(({ id }) => id));
  return put('encumbrance', { ...row, interests: row.interests.filter((id) => !gone.has(id)) });
}

function encumber(
  row: Involved & Pick<Instrument, 'id'>,
  terms: Pick<ShareTerms, 'share'>,
  own: Tables['title'],
  rows: Rows,
  place: Place,
  on: string,
): RowChange[] {
  const { assetId, maker } = row;
  const standing = standingOn(rows, assetId, maker, on);
  const share = parseShare(terms.share);
  const sum = add(sumOf(standing), share);
  if (compare(sum, shareOf(own)) > 0 || standing.length === MAX_INTERESTS) {
    const rests = formatShare(sumOf(standing));
    throw new RegistryError('share_encumbered', `${rests} of the maker's ${formatShare(shareOf(own))} is not free.`, {
      field: 'terms.share',
      fix: 'Have what rests on the share released first.',
    });
  }
  const interests = [...standing.map(({ id }) => id), row.id];
  return [
    put('interest', interestOf(row, asRow(share), place)),
    put('encumbrance', { assetId, partyId: maker, interests, ...place }),
  ];
}

function licenseExclusively(
  row: Involved & Pick<Instrument, 'id'>,
  terms: ExclusiveTerms,
  rows: Rows,
  place: Place,
  on: string,
): RowChange[] {
  const standing = standingExclusive(rows, row.assetId, on);
  requireNoExclusive(standing, terms);
  if (standing.length === MAX_INTERESTS) {
    throw new RegistryError('share_encumbered', `${MAX_INTERESTS} exclusive licenses stand already.`, {
      field: 'terms',
    });
  }
  const exclusive = [...standing.map(({ id }) => id), row.id];
  return [
    put('interest', interestOf(row, { shareNum: null, shareDen: null }, place)),
    put('asset_terms', { ...assetTermsOf(row.assetId, rows), exclusive, ...place }),
  ];
}

/** @throws RegistryError `exclusive_license_stands` when one of the exclusive licenses covers some of what is licensed */
export function requireNoExclusive(
  standing: readonly Tables['interest'][],
  licensed: Pick<ExclusiveTerms, 'actions' | 'fieldOfUse' | 'territory'>,
): void {
  const met = standing.find(({ terms }) => overlaps(terms as ExclusiveTerms, licensed));
  if (met === undefined) return;
  throw new RegistryError('exclusive_license_stands', `The exclusive license ${met.id} stands in the way.`, {
    fix: `License what it leaves free, or have it released by ${met.holder}.`,
  });
}

const interestOf = (
  { id, assetId, maker, counterparties, document }: Involved & Pick<Instrument, 'id'>,
  share: Pick<Tables['interest'], 'shareDen' | 'shareNum'>,
  place: Place,
): Tables['interest'] => {
  const { terms } = document as InstrumentBody;
  const kind = interestKindOf(terms.type)!;
  const open = { endedIndex: null, endedOn: null };
  return { id, assetId, kind, grantor: maker, holder: counterparties[0]!, terms, ...share, ...open, ...place };
};

const assetTermsOf = (assetId: string, rows: Rows): Omit<Tables['asset_terms'], keyof Place> =>
  rows.get('asset_terms', assetId) ?? { assetId, quorums: null, exclusive: [] };

/** The share whose holders must agree. @param agreed what the owners agreed on */
export function quorumOf(terms: Terms, agreed: Tables['asset_terms']['quorums']): Share {
  if (terms.type === 'co-ownership' || terms.type === 'transmission' || agreed === null)
    return DEFAULT_QUORUMS[terms.type];
  return parseQuorum(agreed[terms.type]);
}

const bodyOf = ({ document }: Pick<Instrument, 'document'>): InstrumentBody => document as InstrumentBody;
const termsOf = (row: Pick<Instrument, 'document'>): Terms => bodyOf(row).terms;
