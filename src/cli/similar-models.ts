/**
 * Near copies of a model, found by its fingerprint. It is computed here, and the weights stay here. The registry answers
 * with models on record; that each of them was stated is checked, and how near it is, and how often strangers come as
 * near, is computed here too.
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
import { fingerprintOf } from '../core/fingerprint/fingerprint.ts';
import type { FingerprintBody } from '../core/registry/fingerprint.ts';
import { fingerprint as kind } from '../core/registry/index.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { findAnyModel, findOwnModel } from './find-model.ts';
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
  const answer = await client.post<SimilarView>('/v1/similar', {
    fingerprint: formatFingerprint(query.fingerprint),
    limit: SHORTLIST,
    unrelated: facts.unrelated,
  });
  const views = await candidatesOf(context, client, answer, query, facts);
  const judged = new Set([...views.map(({ registration }) => registration), query.registration]);
  // The nearest that are not judged are strangers as well: without them, strangers would seem farther than they are.
  const strangers = [...answer.candidates, ...answer.unrelated].filter(({ registration }) => !judged.has(registration));
  await requireOnRecord(context, client, facts.checkAll === true ? [...views, ...strangers] : views);

  const bar = await progressBar(context.io, 'Checking  {bar} {value}/{total} candidates', views.length);
  const unrelated = strangers.map(parsed);
  const candidates = [];
  for (const view of views) {
    const initialization = await initializationOf(client, view.registration);
    candidates.push({
      model: foundIn(view),
      fingerprint: parsed(view),
      unrelated,
      ...(initialization === undefined ? {} : { initialization }),
    });
    bar.update(candidates.length);
  }
  bar.stop();
  return {
    shape: query.fingerprint.shape,
    by: facts.against === undefined ? answer.by : null,
    findings: findingsFor(query, candidates),
  };
}

/** Unrelated models, as far as anybody knows: all that the registry names but `own`, the nearest as well. */
export async function strangersTo(client: Client, query: Fingerprint, own: readonly string[]): Promise<Fingerprint[]> {
  const { candidates, unrelated } = await client.post<SimilarView>('/v1/similar', {
    fingerprint: formatFingerprint(query),
    limit: 1,
    unrelated: 200,
  });
  return [...candidates, ...unrelated].filter(({ registration }) => !own.includes(registration)).map(parsed);
}

/** Two models that are at hand, and no registry: a score, and nothing to hold it against. */
export async function compareFiles(a: string, b: string): Promise<Evidence & { shapes: [string, string] }> {
  const [one, other] = [await fingerprintOfFile(a), await fingerprintOfFile(b)];
  return { shapes: [one.shape, other.shape], ...evidenceFor(one, other) };
}

/** @throws RegistryError `stack_unknown` where its layers cannot be put in order; as `stackOfFile` */
export async function fingerprintOfFile(path: string): Promise<Fingerprint> {
  const { stackOfFile } = await import('../platform/storage/stack-file.ts');
  const fingerprint = fingerprintOf(sha256, await stackOfFile(path));
  if (fingerprint.retrieval.some((value) => value !== 0)) return fingerprint;
  throw new RegistryError('stack_unknown', 'All weights of the model, or all of some layer, are zero.', {
    field: path.slice(0, 200),
    fix: 'A model that computes nothing has no fingerprint.',
  });
}

/** @throws RegistryError `not_found` unless the caller owns the model; as `write` does */
export async function recordFingerprint(context: Context, path: string): Promise<{ model: string; receipt: Receipt }> {
  const { id, statement } = await findOwnModel(context, path);
  const body: FingerprintBody = { registration: id, fingerprint: formatFingerprint(await fingerprintOfFile(path)) };
  const session = await context.session();
  return {
    model: id,
    receipt: await write(context, session, { kind, path: '/v1/fingerprints', body, basis: [statement] }),
  };
}

interface Query {
  fingerprint: Fingerprint;
  registration?: string;
  initialization?: Initialization;
}

async function queryOf(context: Context, client: Client, asked: string): Promise<Query> {
  const isId = /^registration_[0-9a-z]{26}$/.test(asked) || digestOf(asked) !== undefined;
  if (!isId) return { fingerprint: await fingerprintOfFile(asked) };
  const registration = await findAnyModel(context, asked);
  const view = await onRecord(client, registration);
  await requireOnRecord(context, client, [view]);
  const initialization = await initializationOf(client, registration);
  return { fingerprint: parsed(view), registration, ...(initialization === undefined ? {} : { initialization }) };
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
  { candidates }: SimilarView,
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
  views.forEach(({ registration, maker, fingerprint }, index) => {
    const { kind: its, common, body } = records[index]!;
    const stated = its.kind === kind.kind ? (body as FingerprintBody) : undefined;
    const same =
      stated?.registration === registration &&
      common.maker === maker &&
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
