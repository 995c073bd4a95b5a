/**
 * The abstract of title, from its statements alone: the first record of an asset and every instrument in force on it, with
 * the successions behind it, to who owns what. The statements are judged again, in the order of the log, by the very functions that judged them when
 * they were recorded, upon the rows that they make here. So whoever shows them cannot show an act of somebody who may not
 * do it, an offer that was not accepted, a consent that is missing, or a share that nobody had. Whoever leaves a transfer
 * out leaves a gap where one of its parties disposes later: that offer names the statement that its title came from.
 *
 * What leaves no such gap (a pledge, the end of the chain) is missed where shares and interests do not come to what the
 * registry tells. That a key was its
 * maker's is judged where a statement is recorded; here each key must speak for one party.
 */
import type { z } from 'zod';
import { equalBytes } from '../bytes.ts';
import { canonicalize } from '../canonical-json.ts';
import type { Digest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { dataset } from '../registry/dataset.ts';
import { ownersOf } from '../registry/dataset.ts';
import { requireNotEnded } from '../registry/ended-party.ts';
import type { InstrumentActBody } from '../registry/instrument-act.ts';
import { instrumentAct } from '../registry/instrument-act.ts';
import type { InstrumentBody } from '../registry/instrument.ts';
import { judgeOffer } from '../registry/instrument.ts';
import type { Place, Rows, Spoken } from '../registry/kind.ts';
import type { RegistrationBody } from '../registry/registration.ts';
import { judgeSuccession } from '../registry/succession.ts';
import type { SuccessionActBody } from '../registry/succession-act.ts';
import { successionAct } from '../registry/succession-act.ts';
import type { IndexName, Row } from '../registry/row-keys.ts';
import type { RowChange, TableName, Tables } from '../registry/tables.ts';
import { keyOf, nameOf } from '../registry/row-keys.ts';
import { firstTitle } from '../registry/title.ts';
import type { Moment, Owned, Root } from './chain.ts';
import { titleAt, transfersOf } from './chain.ts';
import { dateOf } from './dates.ts';
import { gapsOf } from './gaps.ts';
import type { InstrumentAct, InstrumentState } from './instrument-states.ts';
import type { Proven } from './proven-transfers.ts';
import { isAct, isInstrument, isSuccession, isSuccessionAct } from './proven-transfers.ts';
import type { InterestKind, Quorums, Terms } from './terms.ts';

export interface ShownAbstract extends Moment {
  readonly asset: string;
  /** The statement that put the asset on record */
  readonly first: Proven;
  /** Of each instrument its offer, then what was done about it, in log order */
  readonly instruments: readonly (readonly Proven[])[];
  /** Of each succession behind a transmission its statement, then what was done about it, in log order */
  readonly successions: readonly (readonly Proven[])[];
  /** What else offers and acts build on, such as the records of parties */
  readonly others: readonly Proven[];
}

export interface AbstractOfTitle extends Moment {
  readonly asset: string;
  readonly name: string;
  readonly first: {
    readonly maker: string;
    readonly owners: Root['owners'];
    readonly existsFrom: string;
    readonly statement: Digest;
    readonly recordedIndex: number;
  };
  /** In the order in which they came into force */
  readonly instruments: readonly AbstractLine[];
  readonly owners: readonly Owned[];
  /** What rests on the title, in log order */
  readonly interests: readonly StandingInterest[];
  /** What the owners agreed on */
  readonly quorums: Quorums | null;
}

export interface AbstractLine extends InstrumentBody {
  readonly id: string;
  readonly maker: string;
  readonly state: InstrumentState;
  readonly statement: Digest;
  readonly recordedIndex: number;
  readonly inForceIndex: number;
  readonly endedIndex: number | null;
  readonly acts: readonly {
    readonly act: InstrumentAct;
    readonly maker: string;
    readonly reason: string | null;
    readonly statement: Digest;
    readonly recordedIndex: number;
  }[];
  readonly gaps: readonly string[];
}

export interface StandingInterest {
  readonly instrument: string;
  readonly kind: InterestKind;
  readonly grantor: string;
  readonly holder: string;
  readonly terms: Terms;
  readonly effectiveFrom: string;
  readonly recordedIndex: number;
}

/**
 * @returns the chain as its statements prove it at the moment
 * @throws RegistryError `proof_invalid` with the first thing that is wrong
 */
export function judgeAbstract({
  asset,
  effective,
  known,
  first,
  instruments,
  successions,
  others,
}: ShownAbstract): AbstractOfTitle {
  const { name, owners } = readFirst(asset, first);
  for (const statements of instruments) requireOneInstrument(asset, statements);
  for (const statements of successions) requireOneSuccession(statements);
  requirePlaces([first, ...instruments.flat().sort(byPlace)], known);
  const acts = [...instruments.flat(), ...successions.flat()].sort(byPlace);
  const inOrder = [first, ...acts].sort(byPlace);
  requirePlaces(inOrder, known);
  requireSpeakers(inOrder);

  const { common, payloadDigest: statement } = first.spoken;
  const rows = new AssetRows();
  rows.put(firstTitle(common, owners, placeOf(first)));
  for (const each of acts) rows.put(judgeAgain(each, { statement }, rows));

  for (const each of others) requireOther(asset, each);
  const seen = new Set([...inOrder, ...others].map(({ spoken }) => spoken.payloadDigest));
  const lines = instruments
    .map((statements) => lineOf(statements, rows, seen))
    .sort((a, b) => a.inForceIndex - b.inForceIndex);
  const existsFrom = dateOf(common.statedAt);
  const recordedIndex = first.index;
  const moment = { effective, known };
  return {
    asset,
    name,
    ...moment,
    first: { maker: common.maker, owners, existsFrom, statement, recordedIndex },
    instruments: lines,
    owners: titleAt(
      { owners, effectiveFrom: existsFrom, index: recordedIndex },
      lines.flatMap((line) => transfersOf(line, line.inForceIndex)),
      moment,
    ),
    interests: lines.flatMap((line) => standingInterest(line, rows, moment)),
    quorums: rows.get('asset_terms', asset)?.quorums ?? null,
  };
}

/** As the registry tells who owns the asset, and what rests on it. */
export interface ToldTitle {
  readonly owners: readonly Owned[];
  readonly interests: readonly StandingInterest[];
}

/**
 * Holds what the registry tells against what the statements prove; names are its own word, and of quorums it tells none
 * but those that stand now.
 * @throws RegistryError `proof_invalid` with the first owner or interest that differs
 */
export function requireTold({ owners, interests }: AbstractOfTitle, told: ToldTitle): void {
  const parties = new Set([...owners, ...told.owners].map(({ party }) => party));
  for (const party of parties) {
    const proven = owners.find((owner) => owner.party === party);
    const claimed = told.owners.find((owner) => owner.party === party);
    if (!same(proven, claimed)) {
      throw invalid(
        `The registry tells that ${party} owns ${shareOf(claimed)}; the statements prove ${shareOf(proven)}.`,
      );
    }
  }
  const instruments = new Set([...interests, ...told.interests].map(({ instrument }) => instrument));
  for (const id of instruments) {
    const [proven, claimed] = [interests, told.interests].map((all) => all.find(({ instrument }) => instrument === id));
    if (!same(proven, claimed)) throw invalid(`What the registry tells of the interest ${id} is not what is proved.`);
  }
}

/** What the asset's own record says of whose it is. */
function readFirst(asset: string, { spoken }: Proven): { name: string; owners: Root['owners'] } {
  const { kind, common } = spoken;
  if (common.id !== asset || !['dataset', 'registration'].includes(kind.kind)) {
    throw invalid(`The first statement is ${kind.kind} ${common.id}, and not the record of ${asset}.`);
  }
  const body = spoken.body as z.infer<typeof dataset.body> | RegistrationBody;
  return { name: body.name, owners: 'owners' in body ? body.owners : ownersOf(common.maker, body) };
}

function requireOneInstrument(asset: string, [offer, ...acts]: readonly Proven[]): void {
  if (offer === undefined || !isInstrument(offer.spoken)) throw invalid('What should be an offer is none.');
  const { common, body } = offer.spoken;
  if (body.asset !== asset) throw invalid(`The instrument ${common.id} is about ${body.asset}, and not ${asset}.`);
  let { index } = offer;
  for (const act of acts) {
    if (!isAct(act.spoken) || act.spoken.body.instrument !== common.id) {
      throw invalid(`Entry ${act.index} does nothing about the instrument ${common.id}, under which it is shown.`);
    }
    if (act.index <= index) throw invalid(`What was done about ${common.id} is not shown in the order of the log.`);
    index = act.index;
  }
}

function requireOneSuccession([stated, ...acts]: readonly Proven[]): void {
  if (stated === undefined || !isSuccession(stated.spoken)) throw invalid('What should be a succession is none.');
  const { id } = stated.spoken.common;
  for (const { spoken, index } of acts) {
    if (isSuccessionAct(spoken) && spoken.body.succession === id) continue;
    throw invalid(`Entry ${index} does nothing about the succession ${id}, under which it is shown.`);
  }
}

const byPlace = (a: Proven, b: Proven): number => a.index - b.index;

/** @param proven in the order of the log */
function requirePlaces(proven: readonly Proven[], known: number): void {
  const origin = proven[0]!.spoken.common.origin;
  for (const [i, { spoken, index }] of proven.entries()) {
    if (index >= known) throw invalid(`Entry ${index} is not among the ${known} entries that the abstract speaks of.`);
    if (i > 0 && index <= proven[i - 1]!.index) throw invalid(`Entry ${index} is shown twice, or before its asset.`);
    if (spoken.common.origin !== origin) throw invalid(`Entry ${index} is of another log.`);
  }
}

/** Nobody signs for a party that has spoken with a key of its own, and no key is two parties' own. */
function requireSpeakers(proven: readonly Proven[]): void {
  const byKey = new Map<Digest, string>();
  const keyed = new Set<string>();
  for (const { spoken, index } of proven) {
    const { maker, attestedBy } = spoken.common;
    if (attestedBy === 'registry') {
      if (keyed.has(maker)) throw invalid(`Entry ${index} is signed for ${maker}, which signs with its own key.`);
      continue;
    }
    keyed.add(maker);
    const known = byKey.get(spoken.fingerprint) ?? maker;
    if (known !== maker) throw invalid(`Entry ${index} of ${maker} is signed with the key of ${known}.`);
    byKey.set(spoken.fingerprint, maker);
  }
}

function judgeAgain(proven: Proven, asset: Pick<Place, 'statement'>, rows: Rows): readonly RowChange[] {
  const { spoken, index } = proven;
  const place = placeOf(proven);
  try {
    if (isSuccession(spoken)) return judgeSuccession(spoken, rows, place);
    if (isSuccessionAct(spoken)) return successionAct.judge(spoken, rows, place);
    requireNotEnded(rows, spoken.common.maker, 'maker');
    return isInstrument(spoken)
      ? judgeOffer(spoken, asset, rows, place)
      : instrumentAct.judge(spoken as Spoken<InstrumentActBody>, rows, place);
  } catch (cause) {
    if (!(cause instanceof RegistryError)) throw cause;
    const what = isInstrument(spoken)
      ? 'the offer'
      : isSuccession(spoken)
        ? 'the succession'
        : (spoken.body as InstrumentActBody | SuccessionActBody).act;
    throw invalid(`Entry ${index} (${what} by ${spoken.common.maker}) does not follow: ${cause.message}`, cause);
  }
}

/** An instrument beside the chain would be one that was left out of it. */
function requireOther(asset: string, { spoken, index }: Proven): void {
  if (!isAct(spoken) && !(isInstrument(spoken) && spoken.body.asset === asset)) return;
  throw invalid(`Entry ${index} is about an instrument, and stands outside the chain.`);
}

function lineOf([offer, ...acts]: readonly Proven[], rows: Rows, seen: ReadonlySet<Digest>): AbstractLine {
  const { spoken, index } = offer as Proven & { spoken: Spoken<InstrumentBody> };
  const { id, maker } = spoken.common;
  const { state, inForceIndex, endedIndex } = rows.get('instrument', id)!;
  if (inForceIndex === null) throw invalid(`The instrument ${id} is ${state}, and never came into force.`);
  const attested = [offer!, ...acts].flatMap(({ spoken: { common } }) =>
    common.attestedBy === 'registry' ? [common.maker] : [],
  );
  return {
    ...spoken.body,
    id,
    maker,
    state,
    statement: spoken.payloadDigest,
    recordedIndex: index,
    inForceIndex,
    endedIndex,
    acts: acts.map((each) => {
      const { common, body, payloadDigest } = each.spoken as Spoken<InstrumentActBody>;
      const { act, reason } = body;
      return { act, maker: common.maker, reason, statement: payloadDigest, recordedIndex: each.index };
    }),
    gaps: [
      ...gapsOf({ ...spoken.body, unsigned: unsignedBehind(spoken.body, rows), attested: [...new Set(attested)] }),
      ...spoken.common.basis.filter((digest) => !seen.has(digest)).map((digest) => `builds on ${digest}, not shown`),
    ],
  };
}

function unsignedBehind({ terms }: InstrumentBody, rows: Rows): string | null {
  if (terms.type !== 'transmission') return null;
  const { maker, predecessor } = rows.get('succession', terms.succession)!;
  return maker === predecessor ? null : predecessor;
}

function standingInterest(line: AbstractLine, rows: AssetRows, { effective }: Moment): StandingInterest[] {
  const { id, effectiveFrom } = line;
  const row = rows.get('interest', id);
  if (row === undefined || effectiveFrom > effective) return [];
  if (row.endedOn !== null && row.endedOn <= effective) return [];
  const { kind, recordedIndex } = row;
  const passages = rows.passagesOf(id).filter((passage) => passage.effectiveFrom <= effective);
  const { grantor, holder } = passages.at(-1) ?? { grantor: line.maker, holder: line.counterparties[0]! };
  const terms = row.terms as Extract<Terms, { until: string | null }>;
  if (terms.until !== null && terms.until < effective) return [];
  return [{ instrument: id, kind, grantor, holder, terms, effectiveFrom, recordedIndex }];
}

/** The rows of one asset, as its statements have made them so far. */
class AssetRows implements Rows {
  readonly #rows = new Map<string, Tables[TableName]>();
  readonly #passages = new Map<string, Tables['interest_passage'][]>();

  get<N extends IndexName | TableName>(name: N, ...key: string[]): Row<N> | undefined {
    return this.#rows.get(`${name} ${nameOf(key)}`) as Row<N> | undefined;
  }

  /** Of other statements than the rows' own nothing is known, and nothing is asked. */
  statementIndex(): undefined {
    return undefined;
  }

  put(changes: readonly RowChange[]): void {
    for (const { table, row } of changes) {
      this.#rows.set(`${table} ${nameOf(keyOf(table, row))}`, row);
      if (table !== 'interest_passage') continue;
      this.#passages.set(row.interestId, [...(this.#passages.get(row.interestId) ?? []), row]);
    }
  }

  /** In the order of the log. */
  passagesOf(interest: string): (Tables['interest_passage'] & { effectiveFrom: string })[] {
    return (this.#passages.get(interest) ?? []).map((passage) => {
      const { effectiveFrom } = this.get('instrument', passage.instrumentId)!.document as InstrumentBody;
      return { ...passage, effectiveFrom };
    });
  }
}

const placeOf = ({ spoken, index }: Proven): Place => ({ statement: spoken.payloadDigest, recordedIndex: index });

/** By every member that is proved. */
function same(proven: object | undefined, told: object | undefined): boolean {
  if (proven === undefined || told === undefined) return proven === told;
  const members = Object.keys(proven).map((name) => [name, (told as Record<string, unknown>)[name] ?? null]);
  return equalBytes(canonicalize(proven), canonicalize(Object.fromEntries(members)));
}

const shareOf = (owned: Owned | undefined): string =>
  owned === undefined ? 'nothing' : `${owned.share} since entry ${owned.since.index}`;

const invalid = (sentence: string, cause?: unknown): RegistryError =>
  new RegistryError('proof_invalid', sentence, { fix: 'Do not rely on this abstract; keep it as evidence.', cause });
