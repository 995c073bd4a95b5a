/**
 * Instruments of title, built and signed where the party's key is. What is agreed to is read from the signed offer in its
 * receipt, never from what the registry tells of it; an act names that very offer, so it counts for no other.
 */
import type { Digest } from '../core/digest.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { instrument, instrumentAct } from '../core/registry/index.ts';
import type { InstrumentActBody } from '../core/registry/instrument-act.ts';
import type { Moment } from '../core/title/chain.ts';
import type { InstrumentBody } from '../core/registry/instrument.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Awaited } from '../core/title/awaited.ts';
import { awaitedBy } from '../core/title/awaited.ts';
import { dateOf } from '../core/title/dates.ts';
import type { InstrumentAct, InstrumentState } from '../core/title/instrument-states.ts';
import type { Terms } from '../core/title/terms.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context, Session } from './context.ts';
import { findParty, findPartyId } from './find.ts';
import { findAsset, findOwnAsset } from './find-model.ts';
import { instantOf } from './parse.ts';
import { readBytes } from './settings.ts';
import { write } from './sign.ts';
import { checkReceipts } from './verify.ts';
import type { InstrumentView, Portfolio, TitleView } from './views.ts';

export interface OfferFacts {
  /** Party or parties; the other owners where none is named */
  to?: string[];
  document?: string;
  executed?: string;
  effective?: string;
  jurisdiction?: string;
  lapses?: string;
}

export interface Offered {
  id: string;
  body: InstrumentBody;
  state: InstrumentState;
  receipt: Receipt;
}

/** @param termsOf the terms, from the title as it stands */
export async function offerInstrument(
  context: Context,
  asset: string,
  facts: OfferFacts,
  termsOf: (title: TitleView) => Terms,
): Promise<Offered> {
  const lapsesAt = facts.lapses === undefined ? null : instantOf(facts.lapses);
  const documentDigest = facts.document === undefined ? null : await digestOfDocument(facts.document);
  const session = await context.session();
  const { client, me } = session;
  const { id: assetId, statement } = await findOwnAsset(context, asset);
  const title = await client.get<TitleView>(`/v1/titles/${assetId}?effective=${END_OF_TIME}`);
  const own = title.owners.find(({ party }) => party === me.party.id);
  if (own === undefined) {
    throw new RegistryError('forbidden', `You own no share of ${assetId}.`, { fix: 'See "muniment title show".' });
  }
  const others = title.owners.map(({ party }) => party).filter((party) => party !== me.party.id);
  const body: InstrumentBody = {
    asset: assetId,
    terms: termsOf(title),
    counterparties: (facts.to === undefined ? others : await idsOf(client, facts.to)).sort(),
    documentDigest,
    executedOn: facts.executed ?? null,
    effectiveFrom: facts.effective ?? dateOf(new Date().toISOString()),
    jurisdiction: facts.jurisdiction ?? null,
    lapsesAt,
  };
  const basis = [statement, await statementAt(client, own.changed, statement)];
  const receipt = await write(context, session, { kind: instrument, path: '/v1/instruments', body, basis });
  const { state } = await findInstrument(client, receipt.id);
  return { id: receipt.id, body, state, receipt };
}

/** What owners decide by themselves; the registry's own act is to let an offer lapse. */
export type PartyAct = Exclude<InstrumentAct, 'lapse'>;

export interface Acted {
  offer: InstrumentOnRecord;
  state: InstrumentState;
  receipt: Receipt;
}

/**
 * @param before is told what the act is about, before anything is signed
 * @throws RegistryError `digest_mismatch` when the document is not the one that the offer names
 */
export async function actOn(
  context: Context,
  act: PartyAct,
  id: string,
  { reason, document }: { reason?: string; document?: string },
  before: (offer: InstrumentOnRecord) => Promise<void>,
): Promise<Acted> {
  const session = await context.session();
  const { client } = session;
  const offer = await instrumentOnRecord(context, client, id);
  if (document !== undefined) requireDocument(offer, await digestOfDocument(document), document);
  await before(offer);
  const body = { instrument: id, act, reason: reason ?? null };
  const receipt = await writeAct(context, session, body, offer.statement);
  const { state } = await findInstrument(client, id);
  return { offer, state, receipt };
}

export interface InstrumentOnRecord extends InstrumentBody {
  id: string;
  maker: string;
  statement: Digest;
  /** What became of it, as the registry tells */
  state: InstrumentState;
  accepted: string[];
  consented: string[];
  inForceIndex: number | null;
  endedIndex: number | null;
  acts: InstrumentView['acts'];
  receipt: Receipt;
}

/** @throws RegistryError `not_found`; `proof_invalid` when its record is another one */
export async function instrumentOnRecord(context: Context, client: Client, id: string): Promise<InstrumentOnRecord> {
  const { statement, state, accepted, consented, inForceIndex, endedIndex, acts } = await findInstrument(client, id);
  const receipt = await client.get<Receipt>(`/v1/receipts/${statement}`);
  const [spoken] = await checkReceipts(context, [receipt]);
  if (spoken?.kind.kind !== instrument.kind || spoken.common.id !== id || spoken.payloadDigest !== statement) {
    throw new RegistryError('proof_invalid', 'The record is not the instrument that was asked for.');
  }
  const { body, common } = spoken as Spoken<InstrumentBody>;
  const told = { state, accepted, consented, inForceIndex, endedIndex, acts };
  return { ...body, id, maker: common.maker, statement, ...told, receipt };
}

export interface MomentFacts {
  on?: string;
  /** Size of the log, or a time */
  known?: string;
}

export async function findTitle(context: Context, asset: string, moment: MomentFacts): Promise<TitleView> {
  const query = momentQuery(moment);
  const id = await findAsset(context, asset);
  return (await context.client()).get<TitleView>(`/v1/titles/${id}?${query}`);
}

export interface OpenInstrument {
  instrument: InstrumentView;
  awaited: Awaited;
  /** Whether it waits for the party */
  yours: boolean;
}

/** Open offers that the party made or that wait for it, the newest first. */
export async function openOffers(context: Context, text: string | undefined): Promise<OpenInstrument[]> {
  const { client, me } = await context.session();
  const party = text === undefined ? me.party.id : (await findParty(client, text)).id;
  const [offered, accepted] = await Promise.all([
    listInstruments(client, `state=offered&party=${party}`),
    // What waits for consents alone may wait for a party that is not named in it.
    listInstruments(client, 'state=accepted'),
  ]);
  const titles = new Map<string, Promise<TitleView>>();
  const titleOf = (asset: string): Promise<TitleView> => {
    const known = titles.get(asset) ?? client.get<TitleView>(`/v1/titles/${asset}`);
    titles.set(asset, known);
    return known;
  };
  const open: OpenInstrument[] = [];
  for (const each of [...offered, ...accepted].sort((a, b) => b.recordedIndex - a.recordedIndex)) {
    const awaited = awaitedBy(each, await titleOf(each.asset));
    const yours = [awaited.acceptance, awaited.owners, awaited.holders].some((parties) => parties.includes(party));
    const named = each.maker === party || each.counterparties.includes(party);
    if (named || yours) open.push({ instrument: each, awaited, yours });
  }
  return open;
}

/** All that a party owned and had a right in at one moment, gathered page by page. */
export async function portfolioOf(context: Context, text: string | undefined, moment: MomentFacts): Promise<Portfolio> {
  const client = await context.client();
  const party = text === undefined ? (await context.session()).me.party.id : await findPartyId(client, text);
  const asked = await client.get<Moment>(`/v1/parties/${party}/titles?limit=1&${momentQuery(moment)}`);
  const { effective, known } = asked;
  const pagesOf = async <K extends 'interests' | 'titles'>(what: K): Promise<Portfolio[K][number][]> => {
    const found: Portfolio[K][number][] = [];
    for (let after: string | null = ''; after !== null;) {
      const path = `/v1/parties/${party}/${what}?limit=500&effective=${effective}&known=${known}&after=${after}`;
      const page: Record<K, Portfolio[K][number][]> & { next: string | null } = await client.get(path);
      if (page.next !== null && page.next <= after) throw new RegistryError('unreachable', 'The pages do not go on.');
      found.push(...page[what]);
      after = page.next;
    }
    return found;
  };
  const [titles, interests] = await Promise.all([pagesOf('titles'), pagesOf('interests')]);
  return { party, effective, known, titles, interests };
}

/** A day on which every instrument on record counts. */
export const END_OF_TIME = '9999-12-31';

const findInstrument = (client: Client, id: string): Promise<InstrumentView> =>
  client.get<InstrumentView>(`/v1/instruments/${encodeURIComponent(id)}`);

/** The statement that last changed somebody's title, on which a new offer builds. */
async function statementAt(
  client: Client,
  { instrument: id, index }: TitleView['owners'][number]['changed'],
  assetStatement: Digest,
): Promise<Digest> {
  if (id === null) return assetStatement;
  const instrument = await findInstrument(client, id);
  const found = [instrument, ...instrument.acts].find(({ recordedIndex }) => recordedIndex === index);
  if (found !== undefined) return found.statement;
  throw new RegistryError(
    'proof_invalid',
    `The registry tells that ${id} came into force at ${index}, and shows none.`,
  );
}

async function writeAct(context: Context, session: Session, body: InstrumentActBody, offer: Digest): Promise<Receipt> {
  const path = `/v1/instruments/${body.instrument}/acts`;
  if (session.key !== undefined) {
    return write(context, session, { kind: instrumentAct, path, body, basis: [offer] });
  }
  const { act, reason } = body;
  const receipt = await session.client.post<Receipt>(path, { act, reason });
  const [spoken] = await checkReceipts(context, [receipt]);
  const said = spoken?.kind.kind === instrumentAct.kind ? (spoken.body as InstrumentActBody) : undefined;
  if (said?.instrument === body.instrument && said.act === act) return receipt;
  throw new RegistryError('proof_invalid', 'The receipt is for another record than the one that was asked for.');
}

function requireDocument({ id, documentDigest }: InstrumentOnRecord, digest: Digest, path: string): void {
  if (documentDigest === digest) return;
  const named = documentDigest === null ? 'names no document' : `is about the document ${documentDigest}`;
  throw new RegistryError('digest_mismatch', `"${path}" has the digest ${digest}, and ${id} ${named}.`, {
    field: 'document',
    fix: 'Ask the other side for the very document that it signed; agree to nothing else.',
  });
}

const digestOfDocument = async (path: string): Promise<Digest> => formatDigest(sha256(await readBytes(path)));

async function idsOf(client: Client, parties: readonly string[]): Promise<string[]> {
  const found = await Promise.all(parties.map((party) => findParty(client, party)));
  return found.map(({ id }) => id);
}

export async function listInstruments(client: Client, query: string): Promise<InstrumentView[]> {
  const found: InstrumentView[] = [];
  for (let before = Infinity; ;) {
    const beyond = before === Infinity ? '' : `&before=${before}`;
    const page = await client.get<InstrumentView[]>(`/v1/instruments?${query}&limit=1000${beyond}`);
    found.push(...page);
    const last = page.at(-1);
    if (page.length < 1000 || last === undefined || last.recordedIndex >= before) return found;
    before = last.recordedIndex;
  }
}

function momentQuery({ on, known }: MomentFacts): string {
  const query = new URLSearchParams();
  if (on !== undefined) query.set('effective', on);
  // A day alone stands for its end, as the registry reads it.
  if (known !== undefined) query.set('known', /^\d+$|^\d{4}-\d{2}-\d{2}$/.test(known) ? known : instantOf(known));
  return query.toString();
}
