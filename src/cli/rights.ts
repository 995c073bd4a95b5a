/**
 * Rights records, built and signed where their maker's key is: what a file and the options say is held against the
 * published schema here, before anything is sent. A record names its maker's earlier one that it takes the place of.
 */
import type { Digest } from '../core/digest.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { dataRights, marketRecord, protectionRecord } from '../core/registry/index.ts';
import type { Kind } from '../core/registry/kind.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { zodProblem } from '../core/statement/zod-problem.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Context } from './context.ts';
import { findAnyModel, findOwnModel } from './find-model.ts';
import { findDataset } from './find.ts';
import { readFacts } from './facts-file.ts';
import { readBytes } from './settings.ts';
import { write } from './sign.ts';
import type { DataRightsBody, MarketBody, ProtectionBody, RightsView } from './views.ts';

/** So many of the longest records fit into one answer. */
const PAGE = 30;

export interface ProtectionOptions {
  file?: string;
  in?: string;
  basis?: string;
  status?: string;
  authority?: string;
  contribution?: string;
  firstDisclosed?: string;
  secrecy?: string;
  nda?: string;
}

export async function addProtection(
  context: Context,
  model: string,
  options: ProtectionOptions,
): Promise<Stated<ProtectionBody>> {
  const { id, statement } = await findOwnModel(context, model);
  const facts = {
    ...(await readFacts(options.file)),
    ...given({
      jurisdiction: options.in,
      legalBasis: options.basis,
      status: options.status,
      authority: options.authority,
      humanContribution: options.contribution,
      firstDisclosed: options.firstDisclosed,
      secrecy: options.secrecy,
      nda: await digestOfFile(options.nda),
    }),
    registration: id,
  };
  return state(context, PROTECTION, facts, statement);
}

export interface MarketOptions {
  file?: string;
  in?: string;
  name?: string;
  placedOn?: string;
  filingNumber?: string;
}

export async function addMarketRecord(
  context: Context,
  model: string,
  options: MarketOptions,
): Promise<Stated<MarketBody>> {
  const { id, statement } = await findOwnModel(context, model);
  const { name, placedOn, filingNumber } = options;
  const facts = {
    ...(await readFacts(options.file)),
    ...given({ jurisdiction: options.in, name, placedOn, filingNumber }),
    registration: id,
  };
  return state(context, MARKET, facts, statement);
}

export interface DataRightsOptions {
  file?: string;
  category?: string;
  collectedFrom?: string;
  collectedTo?: string;
  authorization?: string;
  optOut?: string;
  personalData?: boolean;
}

export async function stateDataRights(
  context: Context,
  dataset: string,
  options: DataRightsOptions,
): Promise<Stated<DataRightsBody>> {
  const { client, me } = await context.session();
  const { id, statement } = await findDataset(client, dataset, me.party.id);
  const { category, collectedFrom, collectedTo, optOut, personalData } = options;
  const facts = {
    ...(await readFacts(options.file)),
    ...given({
      sourceCategory: category,
      collected: periodOf(collectedFrom, collectedTo),
      authorization: await digestOfFile(options.authorization),
      optOut,
      personalData,
    }),
    dataset: id,
  };
  return state(context, DATA_RIGHTS, facts, statement);
}

export const listProtections = (context: Context, model: string, history: boolean) =>
  listOf(context, PROTECTION, model, history);

export const listMarketRecords = (context: Context, model: string, history: boolean) =>
  listOf(context, MARKET, model, history);

export async function showDataRights(context: Context, dataset: string): Promise<RightsView<DataRightsBody>[]> {
  const client = await context.client();
  const { apiKey } = await context.settings();
  const own = apiKey === undefined ? undefined : (await context.session()).me.party.id;
  const { id } = await findDataset(client, dataset, own);
  return client.get(`${DATA_RIGHTS.path}?dataset=${id}`);
}

export interface Stated<Body> {
  body: Body;
  receipt: Receipt;
}

/** A kind of record, and how the one is found that a later one takes the place of. */
interface Recording<Body> {
  kind: Kind<Body>;
  path: string;
  about: (body: Body) => Record<string, string>;
  same?: (a: Body, b: Body) => boolean;
}

const PROTECTION: Recording<ProtectionBody> = {
  kind: protectionRecord,
  path: '/v1/protection-records',
  about: ({ registration, jurisdiction }) => ({ registration, jurisdiction }),
  same: (a, b) => a.legalBasis === b.legalBasis,
};
const MARKET: Recording<MarketBody> = {
  kind: marketRecord,
  path: '/v1/market-records',
  about: ({ registration, jurisdiction }) => ({ registration, jurisdiction }),
};
const DATA_RIGHTS: Recording<DataRightsBody> = {
  kind: dataRights,
  path: '/v1/data-rights',
  about: ({ dataset }) => ({ dataset }),
};

async function listOf<Body>(context: Context, { path }: Recording<Body>, model: string, history: boolean) {
  const registration = await findAnyModel(context, model);
  const client = await context.client();
  const found: RightsView<Body>[] = [];
  for (let page; page === undefined || page.length === PAGE; found.push(...page)) {
    const before = found.at(-1)?.recordedIndex;
    const query = new URLSearchParams({
      registration,
      history: history ? 'yes' : 'no',
      limit: String(PAGE),
      ...(before === undefined ? {} : { before: String(before) }),
    });
    page = await client.get<RightsView<Body>[]>(`${path}?${query.toString()}`);
  }
  return found;
}

async function state<Body extends object>(
  context: Context,
  { kind, path, about, same = () => true }: Recording<Body>,
  facts: object,
  statement: Digest,
): Promise<Stated<Body>> {
  const checked = kind.body.safeParse(facts);
  if (!checked.success) throw zodProblem(checked.error, 'invalid_input');
  const body = checked.data;
  const session = await context.session();
  const query = new URLSearchParams({ ...about(body), maker: session.me.party.id });
  const standing = await session.client.get<RightsView<Body>[]>(`${path}?${query.toString()}`);
  const before = standing.filter((record) => same(record, body));
  const basis = [statement, ...before.map((record) => record.statement)];
  return { body, receipt: await write(context, session, { kind, path, body, basis }) };
}

const digestOfFile = async (path: string | undefined): Promise<Digest | undefined> =>
  path === undefined ? undefined : formatDigest(sha256(await readBytes(path)));

function periodOf(from: string | undefined, to: string | undefined): object | undefined {
  if (from === undefined && to === undefined) return undefined;
  if (from === undefined || to === undefined) {
    throw new RegistryError('usage', 'A collection has a beginning and an end.', {
      field: from === undefined ? 'collectedFrom' : 'collectedTo',
      fix: 'Give --collected-from and --collected-to; "now" while it goes on.',
    });
  }
  return { from, to: to === 'now' ? null : to };
}

/** What was given at all: what is not stated is left out. */
const given = (facts: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
