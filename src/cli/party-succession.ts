/**
 * Mergers and splits of parties, built and signed where the party's key is, and what follows from them for each asset. What
 * is agreed to is read from the signed statement in its receipt, never from what the registry tells of it.
 */
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { instrument, succession, successionAct } from '../core/registry/index.ts';
import type { InstrumentBody } from '../core/registry/instrument.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { SuccessionBody } from '../core/registry/succession.ts';
import { portionsOf } from '../core/registry/succession.ts';
import { effectiveDate, sharesOf } from '../core/registry/transmission.ts';
import { formatShare, NOTHING, parseShare } from '../core/share.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { transfersOf } from '../core/title/chain.ts';
import { dateOf } from '../core/title/dates.ts';
import type { SuccessionAct, SuccessionState } from '../core/title/succession-states.ts';
import type { TransmissionTerms } from '../core/title/terms.ts';
import { isTransfer, MAX_TRANSMITTED } from '../core/title/terms.ts';
import type { Client } from './client.ts';
import type { Context, Session } from './context.ts';
import { findParty, findPartyId, splitShare } from './find.ts';
import { findAsset } from './find-model.ts';
import { digestOfFile } from './seal.ts';
import { write } from './sign.ts';
import { END_OF_TIME, listInstruments, portfolioOf } from './titles.ts';
import type { SuccessionView, TitleView } from './views.ts';
import { checkReceipts } from './verify.ts';

export type { SuccessionAct };

export interface SuccessionFacts {
  document: string;
  jurisdiction: string;
  effective?: string;
  /** Where the registrar states it */
  predecessor?: string;
}

/** @param into the successors as `PARTY=n/d`; one alone takes everything */
export async function stateSuccession(
  context: Context,
  type: SuccessionBody['type'],
  into: readonly string[],
  facts: SuccessionFacts,
): Promise<{ body: SuccessionBody; receipt: Receipt }> {
  const documentDigest = await digestOfFile(facts.document);
  const session = await context.session();
  const { client, me } = session;
  const successors: SuccessionBody['successors'] = [];
  for (const text of into) {
    const { party, share } = splitShare(text);
    successors.push({ party: (await findParty(client, party)).id, portion: share });
  }
  const body: SuccessionBody = {
    type,
    predecessor: facts.predecessor === undefined ? me.party.id : (await findParty(client, facts.predecessor)).id,
    successors,
    documentDigest,
    effectiveFrom: facts.effective ?? dateOf(new Date().toISOString()),
    jurisdiction: facts.jurisdiction,
  };
  return {
    body,
    receipt: await write(context, session, { kind: succession, path: '/v1/successions', body, basis: [] }),
  };
}

export interface SuccessionOnRecord extends SuccessionBody {
  id: string;
  maker: string;
  statement: Digest;
  /** What became of it, as the registry tells */
  state: SuccessionState;
  acts: SuccessionView['acts'];
  inForceIndex: number | null;
  receipt: Receipt;
}

/** @throws RegistryError `not_found`; `proof_invalid` when its record is another one */
export async function successionOnRecord(context: Context, client: Client, id: string): Promise<SuccessionOnRecord> {
  const { statement, state, acts, inForceIndex } = await findSuccession(client, id);
  const receipt = await client.get<Receipt>(`/v1/receipts/${statement}`);
  const [spoken] = await checkReceipts(context, [receipt]);
  if (spoken?.kind.kind !== succession.kind || spoken.common.id !== id || spoken.payloadDigest !== statement) {
    throw new RegistryError('proof_invalid', 'The record is not the succession that was asked for.');
  }
  const { body, common } = spoken as Spoken<SuccessionBody>;
  return { ...body, id, maker: common.maker, statement, state, acts, inForceIndex, receipt };
}

export async function listSuccessions(context: Context, text: string | undefined): Promise<SuccessionView[]> {
  const client = await context.client();
  const party = text === undefined ? '' : `&party=${await findPartyId(client, text)}`;
  const found: SuccessionView[] = [];
  for (let before = Infinity; ;) {
    const beyond = before === Infinity ? '' : `&before=${before}`;
    const page = await client.get<SuccessionView[]>(`/v1/successions?limit=1000${party}${beyond}`);
    found.push(...page);
    const last = page.at(-1);
    if (page.length < 1000 || last === undefined || last.recordedIndex >= before) return found;
    before = last.recordedIndex;
  }
}

/**
 * @param before is told what the act is about, before anything is signed
 * @throws RegistryError `digest_mismatch` when the document is not the one that the succession names
 */
export async function actOnSuccession(
  context: Context,
  act: SuccessionAct,
  id: string,
  { document, reason = null }: { document?: string; reason?: string | null },
  before: (stated: SuccessionOnRecord) => Promise<void>,
): Promise<{ state: SuccessionState; receipt: Receipt }> {
  const session = await context.session();
  const stated = await successionOnRecord(context, session.client, id);
  if (document !== undefined && (await digestOfFile(document)) !== stated.documentDigest) {
    throw new RegistryError('digest_mismatch', `"${document}" is not the document ${stated.documentDigest} of ${id}.`, {
      field: 'document',
      fix: 'Ask who stated the succession for the very document; agree to nothing else.',
    });
  }
  await before(stated);
  const body = { succession: id, act, reason };
  const path = `/v1/successions/${id}/acts`;
  const plain = { act, reason };
  const receipt = await write(context, session, { kind: successionAct, path, body, basis: [stated.statement], plain });
  return { state: (await findSuccession(session.client, id)).state, receipt };
}

export interface Transmitted {
  asset: string;
  transmissions: { id: string; terms: TransmissionTerms; receipt: Receipt }[];
  /** Why nothing passed */
  refused: RegistryError | undefined;
}

/**
 * Writes down what has passed by a succession.
 * @param text the asset; undefined for everything that the predecessor has
 */
export async function transmit(context: Context, id: string, text: string | undefined): Promise<Transmitted[]> {
  const session = await context.session();
  const stated = await successionOnRecord(context, session.client, id);
  const assets = text === undefined ? await assetsOf(context, stated.predecessor) : [await findAsset(context, text)];
  const done: Transmitted[] = [];
  for (const asset of assets) {
    try {
      done.push({ asset, transmissions: await transmitAsset(context, session, stated, asset), refused: undefined });
    } catch (error) {
      if (!(error instanceof RegistryError) || text !== undefined || error.status >= 500) throw error;
      done.push({ asset, transmissions: [], refused: error });
    }
  }
  return done;
}

async function assetsOf(context: Context, party: string): Promise<string[]> {
  const { titles, interests } = await portfolioOf(context, party, {});
  return [...new Set([...titles, ...interests].map(({ asset }) => asset))];
}

async function transmitAsset(
  context: Context,
  session: Session,
  stated: SuccessionOnRecord,
  asset: string,
): Promise<Transmitted['transmissions']> {
  const { client, me } = session;
  const { predecessor } = stated;
  const [{ statement }, { owners, existsFrom }, { interests }, instruments] = await Promise.all([
    client.get<{ statement: Digest }>(`/v1/${asset.startsWith('dataset_') ? 'datasets' : 'models'}/${asset}`),
    client.get<TitleView>(`/v1/titles/${asset}?effective=${END_OF_TIME}`),
    client.get<TitleView>(`/v1/titles/${asset}`),
    listInstruments(client, `asset=${asset}&party=${predecessor}&state=recorded`),
  ]);
  const heldOf = (party: string) => {
    const owner = owners.find((each) => each.party === party);
    return owner === undefined ? NOTHING : parseShare(owner.share);
  };
  const ids = interests.filter(({ holder }) => holder === predecessor).map((each) => each.instrument);
  const pages = Array.from({ length: Math.max(1, Math.ceil(ids.length / MAX_TRANSMITTED)) }, (_, i) =>
    ids.slice(i * MAX_TRANSMITTED, (i + 1) * MAX_TRANSMITTED),
  );
  const done: Transmitted['transmissions'] = [];
  for (const [i, page] of pages.entries()) {
    const own = i === 0 ? heldOf(predecessor) : NOTHING;
    const shares = sharesOf(own, portionsOf(stated), heldOf);
    const since = own.num === 0n ? null : ownSince(predecessor, existsFrom, instruments);
    const terms: TransmissionTerms = {
      type: 'transmission',
      succession: stated.id,
      predecessor,
      shares: shares.map(({ party, share }) => ({ party, share: formatShare(share) })),
      interests: page.sort(),
    };
    const body: InstrumentBody = {
      asset,
      terms,
      counterparties: [predecessor, ...stated.successors.map(({ party }) => party)]
        .filter((party) => party !== me.party.id)
        .sort(),
      documentDigest: stated.documentDigest,
      executedOn: null,
      effectiveFrom: effectiveDate(stated.effectiveFrom, since),
      jurisdiction: stated.jurisdiction,
      lapsesAt: null,
    };
    const basis = [statement, stated.statement];
    const receipt = await write(context, session, { kind: instrument, path: '/v1/instruments', body, basis });
    done.push({ id: receipt.id, terms, receipt });
  }
  return done;
}

/** From when a party's share counts as it is: the latest day of what made it so. */
const ownSince = (
  party: string,
  existsFrom: string,
  instruments: Awaited<ReturnType<typeof listInstruments>>,
): string =>
  instruments
    .filter(({ terms, inForceIndex }) => isTransfer(terms.type) && inForceIndex !== null)
    .flatMap((each) => transfersOf(each, each.inForceIndex!))
    .filter(({ from, to }) => from === party || to === party)
    .reduce((latest, { effectiveFrom }) => (effectiveFrom > latest ? effectiveFrom : latest), existsFrom);

const findSuccession = (client: Client, id: string): Promise<SuccessionView> =>
  client.get<SuccessionView>(`/v1/successions/${encodeURIComponent(id)}`);
