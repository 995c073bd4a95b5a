/** Title, instruments and their chain, for people. */
import { RegistryError } from '../core/errors.ts';
import type { InstrumentBody } from '../core/registry/instrument.ts';
import type { SuccessionBody } from '../core/registry/succession.ts';
import type { Awaited } from '../core/title/awaited.ts';
import type { AbstractLine, AbstractOfTitle, StandingInterest } from '../core/title/abstract.ts';
import type { Change } from '../core/title/chain.ts';
import type { InstrumentAct } from '../core/title/instrument-states.ts';
import type { Quorums, Terms } from '../core/title/terms.ts';
import type { Client } from './client.ts';
import type { PartyView } from './context.ts';
import type { SuccessionOnRecord } from './party-succession.ts';
import { columns, fields, inOneLine } from './table.ts';
import type { InstrumentOnRecord } from './titles.ts';
import type { JudgedAbstract } from './title-abstract.ts';
import type { Portfolio, TitleView } from './views.ts';

/** What a party is called, by its id. */
export type NameOf = (party: string) => string;

/**
 * Names as they stand now, with the ids; the id alone of a party whose name was erased, or that the reader may not look up.
 * @param told whose names are known already
 */
export async function namesOf(
  client: Client,
  parties: readonly string[],
  told: TitleView['owners'] = [],
): Promise<NameOf> {
  const names = new Map(told.map(({ party, name }) => [party, name]));
  const rest = new Set(parties.filter((party) => !names.has(party))).values();
  const ask = async (): Promise<void> => {
    for (const party of rest) names.set(party, await nameOf(client, party));
  };
  await Promise.all(Array.from({ length: 8 }, ask));
  return (party) => {
    const name = names.get(party) ?? null;
    return name === null ? party : `${inOneLine(name)} (${party})`;
  };
}

async function nameOf(client: Client, party: string): Promise<string | null> {
  try {
    return (await client.get<PartyView>(`/v1/parties/${encodeURIComponent(party)}`)).name;
  } catch (error) {
    if (error instanceof RegistryError && HIDDEN.includes(error.code)) return null;
    throw error;
  }
}

const HIDDEN: readonly string[] = ['unauthenticated', 'scope_missing', 'not_found'];

/** All that an abstract speaks of. */
export const partiesOf = ({ first, instruments, owners, interests }: AbstractOfTitle): string[] => [
  first.maker,
  ...[...first.owners, ...owners].map(({ party }) => party),
  ...instruments.flatMap(({ maker, counterparties, acts }) => [
    maker,
    ...counterparties,
    ...acts.map((act) => act.maker),
  ]),
  ...interests.flatMap(({ grantor, holder }) => [grantor, holder]),
];

/** One sentence of who gives what to whom. */
export function sentenceOf({ terms, maker, counterparties, asset }: InstrumentBody & { maker: string }, name: NameOf) {
  const [by, to] = [name(maker), counterparties.map(name).join(', ')];
  switch (terms.type) {
    case 'assignment':
      return `${by} assigns ${terms.share} of ${asset} to ${to}${terms.under === null ? '' : ` under ${terms.under}`}`;
    case 'pledge':
      return `${by} pledges ${terms.share} of ${asset} to ${to}${untilOf(terms)}`;
    case 'option':
      return `${by} gives ${to} the right to be assigned ${terms.share} of ${asset}${untilOf(terms)}`;
    case 'priority-hold':
      return `${by} keeps ${terms.share} of ${asset} for ${to}${untilOf(terms)}`;
    case 'exclusive-license':
      return `${by} licenses ${scopeOf(terms)} of ${asset} to ${to} alone${untilOf(terms)}`;
    case 'transmission': {
      const shares = terms.shares.map(({ party, share }) => `${share} to ${name(party)}`);
      const rights =
        terms.interests.length === 0 ? [] : [`what it held in the shares of others (${terms.interests.join(', ')})`];
      return `What ${name(terms.predecessor)} had in ${asset} has passed by ${terms.succession}: ${[...shares, ...rights].join(', ')}`;
    }
    case 'co-ownership':
      return `${by} and ${to} agree who must consent to what is done with ${asset}: ${quorumsText(terms.quorums)}`;
  }
}

export const successionText = ({ type, predecessor, successors }: SuccessionBody, name: NameOf): string =>
  type === 'merger'
    ? `${name(predecessor)} merges into ${name(successors[0]!.party)}`
    : `${name(predecessor)} is split: ${successors.map(({ party, portion }) => `${portion} to ${name(party)}`).join(', ')}`;

export const describeSuccession = (on: SuccessionOnRecord, name: NameOf): string =>
  fields([
    ['succession', on.id],
    ['what', successionText(on, name)],
    ['state', on.state === 'recorded' ? 'in force' : on.state],
    ['stated by', on.maker === on.predecessor ? name(on.maker) : `${name(on.maker)}, the registrar`],
    ['document', on.documentDigest],
    ['counts from', on.effectiveFrom],
    ['law', on.jurisdiction],
    ['stated', `entry ${on.receipt.index}`],
    [
      'since then',
      on.acts
        .map(({ act, maker, recordedIndex }) => `${DONE[act]} by ${name(maker)}, entry ${recordedIndex}`)
        .join('\n') || undefined,
    ],
    ['in force', on.inForceIndex === null ? undefined : `since entry ${on.inForceIndex}`],
  ]);

export const describeInstrument = (on: InstrumentOnRecord, name: NameOf): string =>
  fields([
    ['instrument', on.id],
    ['what', sentenceOf(on, name)],
    ['state', on.state],
    ['document', on.documentDigest ?? 'none is named'],
    ['signed on', on.executedOn ?? 'not stated'],
    ['counts from', on.effectiveFrom],
    ['law', on.jurisdiction ?? 'not stated'],
    ['ends if not in force by', on.lapsesAt ?? undefined],
    ['offered', `entry ${on.receipt.index}`],
    [
      'since then',
      on.acts
        .map(({ act, maker, recordedIndex }) => `${DONE[act]} by ${name(maker)}, entry ${recordedIndex}`)
        .join('\n') || undefined,
    ],
    ['in force', on.inForceIndex === null ? undefined : `since entry ${on.inForceIndex}`],
  ]);

export function describeTitle(
  { asset, effective, known, existsFrom, owners, interests, quorums }: TitleView,
  name: NameOf,
): string {
  return fields([
    ['asset', asset],
    ['on', `${effective}, as known with ${known} entries`],
    ['on record', `since ${existsFrom}`],
    [
      'owners',
      owners
        .map(
          (owner) =>
            `${owner.share}  ${owner.name ?? '(erased)'}  ${owner.party}\n     since ${changeText(owner.since)}`,
        )
        .join('\n') || 'nobody',
    ],
    ['rests on it', interests.map((interest) => interestText(interest, name)).join('\n') || undefined],
    ['owners agreed', quorums === null ? undefined : quorumsText(quorums)],
  ]);
}

/** What is still to be done before an offer is in force. */
export function awaitedText({ acceptance, share, owners, holders }: Awaited, name: NameOf): string {
  const waits = [
    ...acceptance.map((party) => `acceptance by ${name(party)}`),
    ...(share === null ? [] : [`consent of owners of ${share}: ${owners.map(name).join(', ')}`]),
    ...holders.map((party) => `consent of ${name(party)}, who holds an interest in the share`),
  ];
  return waits.join('\n') || 'nothing: "muniment title record" puts it in force';
}

export function describeAbstract({ abstract, verdict }: JudgedAbstract, name: NameOf): string {
  const { asset, name: title, effective, known, first, instruments, owners, interests, quorums } = abstract;
  return [
    `Abstract of title of "${inOneLine(title)}", ${asset}\non ${effective}, as known with ${known} entries\n\n`,
    `entry ${first.recordedIndex}: put on record by ${name(first.maker)} on ${first.existsFrom}\n`,
    first.owners.map(({ party, share }) => `  ${share}  ${name(party)}\n`).join(''),
    ...instruments.map((line) => `\n${lineText(line, name)}`),
    `\nowners\n`,
    owners.map(({ party, share, since }) => `  ${share}  ${name(party)}, since ${changeText(since)}\n`).join('') ||
      '  nobody\n',
    interests.length === 0 ? '' : `rests on it\n${interests.map((each) => `  ${interestText(each, name)}\n`).join('')}`,
    quorums === null ? '' : `owners agreed\n  ${quorumsText(quorums)}\n`,
    `verdict: ${verdict}\n`,
  ].join('');
}

export const describePortfolio = ({ titles, interests }: Portfolio): string =>
  columns(
    ['asset', 'has', 'name'],
    [
      ...titles.map(({ asset, share, name }) => [asset, share, name]),
      ...interests.map(({ asset, name, ...interest }) => [asset, rightText(interest), name]),
    ],
  );

function lineText(line: AbstractLine, name: NameOf): string {
  const { id, recordedIndex, executedOn, effectiveFrom, documentDigest, jurisdiction, acts, gaps, state } = line;
  const facts = [
    `counts from ${effectiveFrom}`,
    executedOn === null ? undefined : `signed on ${executedOn}`,
    jurisdiction === null ? undefined : `law of ${jurisdiction}`,
    documentDigest === null ? undefined : `document ${documentDigest}`,
  ];
  return [
    `entry ${recordedIndex}: ${sentenceOf(line, name)}\n`,
    `  ${id}, ${state}, ${facts.filter((fact) => fact !== undefined).join(', ')}\n`,
    ...acts.map(({ act, maker, recordedIndex: at }) => `  entry ${at}: ${DONE[act]} by ${name(maker)}\n`),
    ...gaps.map((gap) => `  open: ${gap}\n`),
  ].join('');
}

export const interestText = (interest: StandingInterest, name: NameOf): string => {
  const { instrument, grantor, holder, terms } = interest;
  return `${rightText(interest)} for ${name(holder)}, given by ${name(grantor)}${untilOf(terms)} (${instrument})`;
};

const rightText = ({ kind, terms }: Pick<StandingInterest, 'kind' | 'terms'>): string =>
  `${kind} on ${terms.type === 'exclusive-license' ? scopeOf(terms) : 'share' in terms ? terms.share : ''}`;

export const changeText = ({ instrument, effectiveFrom, index }: Change): string =>
  `${effectiveFrom}, by ${instrument ?? 'its first record'} (entry ${index})`;

const untilOf = (terms: Terms): string => ('until' in terms && terms.until !== null ? ` until ${terms.until}` : '');

const scopeOf = ({ actions, territory, fieldOfUse }: Extract<Terms, { type: 'exclusive-license' }>): string =>
  [
    actions.join(', '),
    territory === null ? '' : ` in ${territory.join(', ')}`,
    fieldOfUse === null ? '' : ` for ${inOneLine(fieldOfUse)}`,
  ].join('');

export const quorumsText = (quorums: Quorums): string =>
  Object.entries(quorums)
    .map(([type, quorum]) => `${type} ${quorum}`)
    .join(', ');

export const DONE: Readonly<Record<InstrumentAct, string>> = {
  accept: 'accepted',
  consent: 'consented to',
  record: 'put in force',
  reject: 'rejected',
  withdraw: 'withdrawn',
  lapse: 'lapsed, said',
  release: 'released',
};
