/**
 * Near copies of a model, found by its fingerprint. It is computed here, and the weights stay here. The registry answers
 * with models on record; that each of them was stated is checked, and how near it is, and how often strangers come as
 * near, is computed here too. A file is looked up by its digest first: a model on record has an age, and maybe a seed.
 */
import { canonicalize } from '../core/canonical-json.ts';
import { equalBytes } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { Evidence } from '../core/fingerprint/evidence.ts';
import { evidenceFor } from '../core/fingerprint/evidence.ts';
import type { FingerprintDocument } from '../core/fingerprint/document.ts';
import { formatFingerprint, parseFingerprint } from '../core/fingerprint/document.ts';
import type { Finding, Initialization } from '../core/fingerprint/findings.ts';
import { findingsFor } from '../core/fingerprint/findings.ts';
import type { Fingerprint } from '../core/fingerprint/fingerprint.ts';
import { fingerprintOf, shapeOf } from '../core/fingerprint/fingerprint.ts';
import { notAStranger } from '../core/fingerprint/strangers.ts';
import type { Stack } from '../core/fingerprint/stack.ts';
import type { FingerprintBody } from '../core/registry/fingerprint.ts';
import { fingerprint as kind, registration as registrationKind } from '../core/registry/index.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { findAnyModel, findOwnModel, matchesIfAny } from './find-model.ts';
import { hashModel } from './hash-model.ts';
import { digestOf } from './parse.ts';
import { progressBar } from './progress.ts';
import { write } from './sign.ts';
import { checkReceipts } from './verify.ts';
import type { FingerprintView, ModelView, RunView, SimilarView } from './views.ts';

export interface SimilarFacts {
  /** A model on record that was suspected before: no other is looked at */
  against?: string;
  candidates: number;
  unrelated: number;
  /** Whether each unrelated model is held to the log, too */
  checkAll?: boolean;
}

/** So many as the registry gives at once: the retrieval vector ranks some copies far behind where their neurons put them. */
const SHORTLIST = 50;

/** Weights of a model whose fingerprint keeps a person waiting. */
const LARGE = 1_000_000;

export interface Found {
  registration: string;
  name: string | null;
  maker: string;
  /** Payload digest and entry of the statement of its fingerprint */
  statement: Digest;
  index: number;
}

export interface SimilarReport {
  shape: string;
  /** As what the model in question is on record */
  registration: string | null;
  /** How the candidates were found; null for one that was named */
  by: SimilarView['by'] | null;
  findings: Finding<Found>[];
}

/**
 * @param asked a file, a folder, a digest or a registration
 * @throws RegistryError `stack_unknown`, `malformed_container`, `not_found`, `proof_invalid`, `usage`
 */
export async function similarTo(context: Context, asked: string, facts: SimilarFacts): Promise<SimilarReport> {
  const client = await context.client();
  const query = await queryOf(context, client, asked);
  const search = { ...askedOf(query), limit: SHORTLIST };
  const answer = facts.against === undefined ? await client.post<SimilarView>('/v1/similar', search) : null;
  const views = await candidatesOf(context, client, answer?.candidates ?? [], query, facts);
  await requireOnRecord(context, client, views);
  const strangers = await strangersTo(
    context,
    query,
    views.map(({ registration }) => registration),
    facts,
  );

  const bar = await progressBar(context.io, 'Checking  {bar} {value}/{total} candidates', views.length);
  const candidates = [];
  for (const view of views) {
    const initialization = await initializationOf(client, view.registration);
    candidates.push({
      model: foundIn(view),
      fingerprint: parsed(view),
      unrelated: strangers.get(view.registration)!,
      ...(initialization === undefined ? {} : { initialization }),
    });
    bar.update(candidates.length);
  }
  bar.stop();
  return {
    shape: query.fingerprint.shape,
    registration: query.registration ?? null,
    by: answer?.by ?? null,
    findings: findingsFor(query, candidates),
  };
}

/**
 * Of each candidate the models on record that a p-value is taken from (`core/fingerprint/strangers.ts`).
 * @throws RegistryError `proof_invalid` where the registry names one that breaks the rule, as far as that shows
 */
export async function strangersTo(
  context: Context,
  query: Pick<Query, 'fingerprint' | 'registration'>,
  candidates: readonly string[],
  { unrelated: most = 200, checkAll = false }: Partial<SimilarFacts> = {},
): Promise<Map<string, Fingerprint[]>> {
  const client = await context.client();
  const asked = { ...askedOf(query), limit: 0, strangersTo: candidates, unrelated: most };
  const { unrelated } = await client.post<SimilarView>('/v1/similar', asked);
  if (checkAll) {
    await requireOnRecord(context, client, unrelated);
    for (const { registration, registrant } of unrelated) {
      const { maker } = await registered(context, client, registration);
      if (maker !== registrant) throw noStranger(registration, `it was registered by ${maker}`);
    }
  }
  const suspect = query.registration === undefined ? [] : [await ageOf(context, client, query.registration)];
  const strangers = new Map<string, Fingerprint[]>();
  for (const candidate of candidates) {
    const own = unrelated.filter(({ strangerTo }) => strangerTo.includes(candidate));
    const wrong = notAStranger(own, [await ageOf(context, client, candidate), ...suspect]);
    if (wrong !== undefined) throw noStranger(wrong.registration, wrong.because);
    strangers.set(candidate, own.map(parsed));
  }
  return strangers;
}

const noStranger = (registration: string, because: string): RegistryError =>
  new RegistryError('proof_invalid', `The registry named ${registration} as unrelated, but ${because}.`);

interface Registered {
  registration: string;
  maker: string;
  recordedIndex: number;
}

/** Since when the weights of a model are on record. */
async function ageOf(context: Context, client: Client, registration: string): Promise<Registered> {
  const own = await registered(context, client, registration);
  const { precededBy } = await client.get<ModelView>(`/v1/models/${registration}`);
  if (precededBy === null) return own;
  const first = await registered(context, client, precededBy);
  return { ...own, recordedIndex: Math.min(own.recordedIndex, first.recordedIndex) };
}

/** When a model was registered, and by whom, as the log has it. */
async function registered(context: Context, client: Client, registration: string): Promise<Registered> {
  const { statement } = await client.get<ModelView>(`/v1/models/${registration}`);
  const receipt = await client.get<Receipt>(`/v1/receipts/${statement}`);
  const [record] = await checkReceipts(context, [receipt]);
  if (record!.kind.kind === registrationKind.kind && record!.common.id === registration) {
    return { registration, maker: record!.common.maker, recordedIndex: receipt.index };
  }
  throw new RegistryError('proof_invalid', `The statement of ${registration} is not the one that is on record.`);
}

const askedOf = ({ fingerprint, registration }: Pick<Query, 'fingerprint' | 'registration'>) => ({
  fingerprint: formatFingerprint(fingerprint),
  ...(registration === undefined ? {} : { registration }),
});

/** Two models that are at hand, and no registry: a score, and nothing to hold it against. */
export async function compareFiles(
  context: Context,
  a: string,
  b: string,
): Promise<Evidence & { shapes: [string, string] }> {
  const [one, other] = [await fingerprintOfFile(context, a), await fingerprintOfFile(context, b)];
  return { shapes: [one.shape, other.shape], ...evidenceFor(one, other) };
}

/** @throws RegistryError `stack_unknown` where its layers cannot be put in order; as `stackOfFile` */
export async function fingerprintOfFile(context: Pick<Context, 'note'>, path: string): Promise<Fingerprint> {
  const { stackOfFile } = await import('../platform/storage/stack-file.ts');
  const stack = await stackOfFile(path);
  announce(context, stack);
  const fingerprint = fingerprintOf(sha256, stack);
  if (fingerprint.retrieval.some((value) => value !== 0)) return fingerprint;
  const idle = stack.layers.some(({ kernel }) => kernel.every((weight) => weight === 0));
  throw new RegistryError(
    'stack_unknown',
    idle
      ? 'All weights of the model, or all of some layer, are zero.'
      : 'The products of the weights of the layers are larger or smaller than numbers can be, or not finite.',
    { field: path.slice(0, 200), fix: 'A model that computes nothing has no fingerprint.' },
  );
}

/** So that whoever waits for it knows for what. */
export function announce(context: Pick<Context, 'note'>, stack: Stack): void {
  const weights = stack.layers.reduce((sum, { kernel }) => sum + kernel.length, 0);
  if (weights < LARGE) return;
  context.note(`Computing the fingerprint of ${shapeOf(stack)}, ${weights} weights; this may take minutes.`);
}

/** @throws RegistryError `not_found` unless the caller owns the model; as `write` does */
export async function recordFingerprint(context: Context, path: string): Promise<{ model: string; receipt: Receipt }> {
  const { id, statement } = await findOwnModel(context, path);
  const fingerprint = await fingerprintOfFile(context, path);
  const body: FingerprintBody = { registration: id, fingerprint: formatFingerprint(fingerprint) };
  const session = await context.session();
  return {
    model: id,
    receipt: await write(context, session, { kind, path: '/v1/fingerprints', body, basis: [statement] }),
  };
}

interface Query {
  fingerprint: Fingerprint;
  registration?: string | undefined;
  initialization?: Initialization;
}

async function queryOf(context: Context, client: Client, asked: string): Promise<Query> {
  const isId = /^registration_[0-9a-z]{26}$/.test(asked) || digestOf(asked) !== undefined;
  if (!isId) return queryOfFile(context, client, asked);
  const registration = await findAnyModel(context, asked);
  const view = await onRecord(client, registration);
  await requireOnRecord(context, client, [view]);
  const initialization = await initializationOf(client, registration);
  return { fingerprint: parsed(view), registration, ...(initialization === undefined ? {} : { initialization }) };
}

/** Whatever its tensors are called on record. Of several registrations the first is the oldest. */
export async function queryOfFile(context: Context, client: Client, path: string): Promise<Query> {
  const fingerprint = await fingerprintOfFile(context, path);
  const { namelessDigest, fileDigest } = await hashModel(context.io, path);
  const matches = await matchesIfAny(context, namelessDigest ?? fileDigest);
  const trained = matches.find(({ model }) => model.run !== null);
  const initialization = trained && (await initializationOf(client, trained.model.id));
  return { fingerprint, registration: matches[0]?.model.id, ...(initialization && { initialization }) };
}

async function onRecord(client: Client, registration: string): Promise<FingerprintView> {
  const [first] = await client.get<FingerprintView[]>(`/v1/fingerprints?registration=${registration}`);
  if (first !== undefined) return first;
  throw new RegistryError('not_found', `No fingerprint of ${registration} is on record.`, {
    field: 'model',
    fix: 'Its owner states it with "muniment fingerprint FILE --record"; or name a file of its weights.',
  });
}

async function candidatesOf(
  context: Context,
  client: Client,
  candidates: SimilarView['candidates'],
  { fingerprint, registration: own }: Query,
  { against, candidates: most }: SimilarFacts,
): Promise<FingerprintView[]> {
  if (against !== undefined) return [await onRecord(client, await findAnyModel(context, against))];
  return candidates
    .filter(({ registration }) => registration !== own)
    .map((view) => ({ view, score: evidenceFor(fingerprint, parsed(view)).score }))
    .sort((a, b) => b.score - a.score)
    .slice(0, most)
    .map(({ view }) => view);
}

/** @throws RegistryError `proof_invalid` for a fingerprint that nobody stated; as `checkReceipts` does */
async function requireOnRecord(context: Context, client: Client, views: readonly FingerprintView[]): Promise<void> {
  const receipts: Receipt[] = [];
  for (const { statement } of views) receipts.push(await client.get<Receipt>(`/v1/receipts/${statement}`));
  const records = await checkReceipts(context, receipts);
  views.forEach(({ registration, maker, fingerprint, recordedIndex }, index) => {
    const { kind: its, common, body } = records[index]!;
    const stated = its.kind === kind.kind ? (body as FingerprintBody) : undefined;
    const same =
      stated?.registration === registration &&
      common.maker === maker &&
      receipts[index]!.index === recordedIndex &&
      equalBytes(canonicalize(stated.fingerprint), canonicalize(fingerprint));
    if (same) return;
    throw new RegistryError('proof_invalid', `The fingerprint of ${registration} is not the one that is on record.`);
  });
}

const parsed = ({ fingerprint }: { fingerprint: FingerprintDocument }): Fingerprint => parseFingerprint(fingerprint);

const foundIn = (view: FingerprintView & { name?: string }): Found => ({
  registration: view.registration,
  name: view.name ?? null,
  maker: view.maker,
  statement: view.statement,
  index: view.recordedIndex,
});

/** Of a model whose training the registry saw. */
async function initializationOf(client: Client, registration: string): Promise<Initialization | undefined> {
  const { run } = await client.get<ModelView>(`/v1/models/${registration}`);
  if (run === null) return undefined;
  const { hyperparameters } = await client.get<RunView>(`/v1/runs/${run}`);
  const { seed, arch, hidden } = hyperparameters as { seed?: unknown; arch?: unknown; hidden?: unknown };
  if (typeof seed !== 'number' || typeof arch !== 'string' || !Array.isArray(hidden)) return undefined;
  return { seed, recipe: `${arch} ${hidden.join('-')}` };
}
