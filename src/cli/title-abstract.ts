/**
 * The abstract of title: fetched with every receipt, judged before anybody believes it, and kept in a file that is judged
 * again later with the trust file alone. What such a file tells beside its receipts must follow from them, so whoever hands
 * it on can change nothing in it. They can leave out its end; how far it reaches is therefore always told with it.
 */
import { z } from 'zod';
import { equalBytes, fromUtf8 } from '../core/bytes.ts';
import { canonicalize } from '../core/canonical-json.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { InstrumentBody } from '../core/registry/instrument.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import { zodProblem } from '../core/statement/zod-problem.ts';
import type { AbstractOfTitle } from '../core/title/abstract.ts';
import { judgeAbstract, requireTold } from '../core/title/abstract.ts';
import type { Moment } from '../core/title/chain.ts';
import { date, dateOf } from '../core/title/dates.ts';
import type { JudgedCheckpoint } from '../core/trust/index.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { findAsset } from './find-model.ts';
import { requireOneLog } from './judge-map.ts';
import { readBytes } from './settings.ts';
import { checkReceipts, checkReceiptsOffline, holdAgainstKept, judgeCheckpoint, judgeOrPin } from './verify.ts';
import type { SuccessionView, TitleView } from './views.ts';
import { weakest } from './witnessed.ts';

export interface AbstractFile {
  abstract: AbstractOfTitle;
  receipts: AbstractReceipts;
}

interface AbstractReceipts {
  /** Of the record of the asset */
  first: Receipt;
  /** Of each instrument the offer, then what was done about it */
  instruments: Receipt[][];
  /** Of each succession behind a transmission its statement, then what was done about it */
  successions: Receipt[][];
  /** Of what else the offers build on */
  others: Receipt[];
}

export interface JudgedAbstract extends AbstractFile {
  verdict: JudgedCheckpoint['verdict'];
  witnessed: JudgedCheckpoint['witnessed'];
  origin: string;
}

/**
 * Asks for the abstract and judges it; the shares it comes to must be the ones that the registry tells.
 * @param asset as people name it
 * @returns also the owners as the registry tells them, for their names
 * @throws RegistryError `proof_invalid` with the first thing that is wrong, `signature_invalid`, `checkpoint_untrusted`
 */
export async function fetchAbstract(
  context: Context,
  asset: string,
): Promise<{ judged: JudgedAbstract; owners: TitleView['owners'] }> {
  const client = await context.client();
  const id = await findAsset(context, asset);
  const { known, first, instruments } = await fetchPages(client, id);
  const checkpoint = await judgeOrPin(context, client, first.checkpoint);
  const moment = { effective: dateOf(new Date().toISOString()), known };
  const check = (receipts: readonly Receipt[]) => checkReceipts(context, receipts);
  const offers = (await check(instruments.flatMap(([offer]) => offer ?? []))) as Spoken<InstrumentBody>[];
  const successions = await fetchSuccessions(client, offers, known);
  const shown = [first, ...instruments.flat(), ...successions.flat()];
  const others = await fetchOthers(client, offers, shown);
  const judged = await judge(context, id, moment, { first, instruments, successions, others }, check);
  await holdAgainstKept(context, client, checkpoint);
  const title = await client.get<TitleView>(`/v1/titles/${id}?effective=${moment.effective}&known=${known}`);
  requireTold(judged.abstract, title);
  return { judged, owners: title.owners };
}

/** A kept abstract, without a network. @throws RegistryError as `fetchAbstract`; `malformed_proof` */
export async function verifyAbstract(context: Context, file: string): Promise<JudgedAbstract> {
  const { abstract: told, receipts } = parseFile(fromUtf8(await readBytes(file)));
  const { asset, effective, known } = told;
  const check = (all: readonly Receipt[]) => checkReceiptsOffline(context, all);
  const judged = await judge(context, asset, { effective, known }, receipts, check);
  for (const name of new Set([...Object.keys(told), ...Object.keys(judged.abstract)])) {
    const [said, proven] = [told, judged.abstract].map(
      (abstract) => (abstract as Record<string, unknown>)[name] ?? null,
    );
    if (!equalBytes(canonicalize(said), canonicalize(proven))) {
      throw invalid(`What the file tells as "${name}" is not what its statements prove.`);
    }
  }
  return judged;
}

type Check = (receipts: readonly Receipt[]) => Promise<Spoken[]>;

async function judge(
  context: Context,
  asset: string,
  moment: Moment,
  receipts: AbstractReceipts,
  check: Check,
): Promise<JudgedAbstract> {
  const { first, instruments, successions, others } = receipts;
  const all = [first, ...instruments.flat(), ...successions.flat(), ...others];
  const spoken = await check(all);
  const proven = new Map(all.map((receipt, i) => [receipt, { spoken: spoken[i]!, index: receipt.index }]));
  const of = (receipt: Receipt) => proven.get(receipt)!;
  const notes = [...new Set(all.map(({ checkpoint }) => checkpoint))];
  const checkpoints = await Promise.all(notes.map((note) => judgeCheckpoint(context, note)));
  requireOneLog(checkpoints);
  if (moment.known > checkpoints[0]!.size) {
    throw invalid(`The log is shown with ${checkpoints[0]!.size} entries, and not with ${moment.known}.`);
  }
  const abstract = judgeAbstract({
    asset,
    ...moment,
    first: of(first),
    instruments: instruments.map((each) => each.map(of)),
    successions: successions.map((each) => each.map(of)),
    others: others.map(of),
  });
  const { verdict, witnessed, origin } = weakest(checkpoints);
  return { abstract, receipts, verdict, witnessed, origin };
}

const receiptsSchema = z.array(receiptSchema);
const pageSchema = z.object({
  known: z.int().positive(),
  first: z.object({ receipt: receiptSchema }),
  instruments: z.array(z.object({ inForceIndex: z.int(), receipts: receiptsSchema })),
  next: z.int().nullable(),
});

/** All pages as of the first one: what came in between is left out again. */
async function fetchPages(
  client: Client,
  asset: string,
): Promise<{ known: number } & Pick<AbstractReceipts, 'first' | 'instruments'>> {
  const start = await fetchPage(client, asset, undefined);
  const first = start.first.receipt;
  const known = Math.min(start.known, first.treeSize);
  const instruments: Receipt[][] = [];
  for (let page = start; ;) {
    for (const { inForceIndex, receipts } of page.instruments) {
      if (inForceIndex < known) instruments.push(receipts.filter(({ index }) => index < known));
    }
    const { next } = page;
    if (next === null) return { known, first, instruments };
    page = await fetchPage(client, asset, next);
    if (page.next !== null && page.next <= next) throw invalid('The pages of the abstract do not go on.');
  }
}

async function fetchPage(
  client: Client,
  asset: string,
  after: number | undefined,
): Promise<z.infer<typeof pageSchema>> {
  const beyond = after === undefined ? '' : `&after=${after}`;
  const page = pageSchema.safeParse(await client.get(`/v1/titles/${asset}/abstract?receipts=true${beyond}`));
  if (page.success) return page.data;
  throw zodProblem(page.error, 'malformed_proof');
}

/** On the way from one party to those that came after it. */
const MAX_SUCCESSIONS = 40;

/** The successions that transmissions follow, and those of successors that have ended since. */
async function fetchSuccessions(
  client: Client,
  offers: readonly Spoken<InstrumentBody>[],
  known: number,
): Promise<Receipt[][]> {
  const ids = new Set(
    offers.flatMap(({ body: { terms } }) => (terms.type === 'transmission' ? [terms.succession] : [])),
  );
  const found: Receipt[][] = [];
  // A set goes on to what is added while it is walked.
  for (const id of ids) {
    const { statement, acts, successors } = await client.get<SuccessionView>(`/v1/successions/${id}`);
    const statements = [statement, ...acts.map((act) => act.statement)];
    const receipts = await Promise.all(statements.map((digest) => client.get<Receipt>(`/v1/receipts/${digest}`)));
    found.push(receipts.filter(({ index }) => index < known));
    for (const { party } of successors) {
      const [next] = await client.get<SuccessionView[]>(`/v1/successions?predecessor=${party}&state=recorded`);
      if (next !== undefined && next.recordedIndex < known && ids.size < MAX_SUCCESSIONS) ids.add(next.id);
    }
  }
  return found;
}

/** What the offers build on beside the chain; what the registry shows nobody stays a gap. */
async function fetchOthers(client: Client, offers: readonly Spoken[], shown: readonly Receipt[]): Promise<Receipt[]> {
  const known = new Set(shown.map(({ statement }) => statement));
  const missing = new Set(offers.flatMap(({ common }) => common.basis).filter((digest) => !known.has(digest)));
  const found: Receipt[] = [];
  for (const digest of missing) {
    const receipt = await fetchReceipt(client, digest);
    if (receipt !== undefined) found.push(receipt);
  }
  return found;
}

async function fetchReceipt(client: Client, statement: Digest): Promise<Receipt | undefined> {
  try {
    return await client.get<Receipt>(`/v1/receipts/${statement}`);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'not_found') return undefined;
    throw error;
  }
}

const fileSchema = z.object({
  abstract: z.looseObject({ asset: z.string(), effective: date, known: z.int().positive() }),
  receipts: z.object({
    first: receiptSchema,
    instruments: z.array(receiptsSchema),
    successions: z.array(receiptsSchema).default([]),
    others: receiptsSchema,
  }),
});

function parseFile(text: string): z.infer<typeof fileSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RegistryError('malformed_proof', 'The file is not JSON.', { cause });
  }
  const read = fileSchema.safeParse(value);
  if (read.success) return read.data;
  throw new RegistryError('malformed_proof', 'The file holds no abstract of title.', {
    fix: 'Use what "muniment title abstract ASSET -o FILE" wrote.',
    cause: read.error,
  });
}

const invalid = (sentence: string): RegistryError =>
  new RegistryError('proof_invalid', sentence, { fix: 'Do not rely on this abstract; keep it as evidence.' });
