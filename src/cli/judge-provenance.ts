/**
 * The answer of a look-up, judged before anybody believes it. What is shown is taken from the signed statements in the
 * receipts; where the answer tells something else beside them, it is refused. Only names of parties and the time of
 * recording are the registry's word, since the log holds neither.
 */
import { canonicalize } from '../core/canonical-json.ts';
import { equalBytes } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { Standing } from '../core/licensing/relations.ts';
import { formatShare, parseShare } from '../core/share.ts';
import type { Contributor } from '../core/registry/contributor.ts';
import type { Spoken } from '../core/registry/kind.ts';
import { rootDigestOf } from '../core/registry/model-signature.ts';
import type { RunBody } from '../core/registry/run.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { titleAt } from '../core/title/chain.ts';
import { dateOf } from '../core/title/dates.ts';
import { provenTransfers } from '../core/title/proven-transfers.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import type { JudgedCheckpoint, JudgedTime } from '../core/trust/index.ts';
import type { JudgedPossession } from './judge-possession.ts';
import { judgePossession } from './judge-possession.ts';
import { checkReceipts, holdAgainstKept, judgeOrPin } from './verify.ts';
import { weakest } from './witnessed.ts';
import type { DatasetBody, Provenance, ProvenanceMatch, RegistrationBody } from './views.ts';

/** One registration, as its maker signed it. */
export interface JudgedMatch {
  matched: ProvenanceMatch['matched'];
  registration: string;
  index: number;
  maker: string;
  /** Whether the registry signed, for a maker without a key of its own. */
  attestedBy: 'registry' | 'maker';
  statedAt: string;
  recordedAt: string | null;
  /** An earlier registration of the same weights by another party. */
  precededBy: string | null;
  model: RegistrationBody;
  /** How its parents stand, in their order: the registry's word, whose checks are on record */
  standings: Standing[];
  owners: { party: string; name: string | null; share: string }[];
  /** Transfers that prove the owners, with the record; null where they are too many to come with a look-up. */
  transfers: number | null;
  /** Their names are the registry's word. */
  contributors: (Contributor & { name: string | null })[];
  run: (RunBody & { id: string; index: number }) | null;
  /** The holder's name is the registry's word, and null when it was erased. */
  datasets: (DatasetBody & { id: string; index: number; holderName: string | null })[];
  receipts: ProvenanceMatch['receipts'];
  /** Outside time, where the registry showed one and it holds. */
  time: JudgedTime | null;
}

export interface JudgedProvenance {
  judged: JudgedCheckpoint;
  matches: JudgedMatch[];
  /** In the order in which they were sealed. */
  possessions: JudgedPossession[];
}

/** @throws RegistryError `proof_invalid`, `signature_invalid`, `checkpoint_untrusted`, `checkpoint_rolled_back` */
export async function judgeProvenance(
  context: Context,
  client: Client,
  digest: Digest,
  answer: Provenance,
): Promise<JudgedProvenance> {
  const told: unknown = answer.possessions;
  const possessed = Array.isArray(told) ? answer.possessions : [];
  if (!Array.isArray(answer.matches) || answer.matches.length + possessed.length === 0) {
    throw invalid('The answer holds no record.');
  }
  const judged = await judgeOrPin(context, client, answer.checkpoint);
  const matches: JudgedMatch[] = [];
  for (const match of answer.matches) matches.push(await judgeMatch(context, digest, answer.checkpoint, match));
  for (const [i, { index }] of matches.entries()) {
    if (i > 0 && index <= matches[i - 1]!.index) throw invalid('The records are not in the order of the log.');
  }
  const possessions: JudgedPossession[] = [];
  for (const each of possessed) possessions.push(await judgePossession(context, digest, answer.checkpoint, each));
  await holdAgainstKept(context, client, judged);
  return { judged, matches, possessions };
}

/**
 * What several digests of one model found, as one list in the order of the log. A record that more than one digest found
 * counts as found by the first; the verdict is the weakest, told of the largest tree.
 */
export function mergeProvenance(parts: readonly JudgedProvenance[]): JudgedProvenance {
  const found = new Map<string, JudgedMatch>();
  for (const match of parts.flatMap(({ matches }) => matches)) {
    const known = found.get(match.registration);
    if (known === undefined) found.set(match.registration, match);
    else if (known.index !== match.index) throw invalid('One record is shown at two places of the log.');
  }
  const possessed = new Map<number, JudgedPossession>();
  for (const possession of parts.flatMap(({ possessions }) => possessions)) {
    const known = possessed.get(possession.sealedIndex);
    // Digests of a sealed title may have been opened one after the other.
    if (known === undefined || possession.openedIndex < known.openedIndex) {
      possessed.set(possession.sealedIndex, possession);
    }
  }
  const [first, ...others] = parts.map(({ judged }) => judged);
  if (first === undefined) throw invalid('The answer holds no record.');
  if (others.some(({ origin }) => origin !== first.origin)) throw invalid('The answers come from different logs.');
  const largest = others.reduce((most, judged) => (judged.size > most.size ? judged : most), first);
  const { verdict, witnessed } = weakest([largest, first, ...others]);
  return {
    judged: { ...largest, verdict, witnessed },
    matches: [...found.values()].sort((a, b) => a.index - b.index),
    possessions: [...possessed.values()].sort((a, b) => a.sealedIndex - b.sealedIndex),
  };
}

async function judgeMatch(
  context: Context,
  digest: Digest,
  checkpoint: string,
  {
    matched,
    model,
    parents = [],
    owners,
    contributors = [],
    datasets: told,
    precededBy,
    recordedAt,
    receipts,
  }: ProvenanceMatch,
): Promise<JudgedMatch> {
  const { transfers } = receipts;
  const [spoken, chain] = await Promise.all([
    spokenUnder(context, checkpoint, [
      receipts.registration,
      ...(receipts.run === null ? [] : [receipts.run]),
      ...receipts.datasets,
    ]),
    spokenUnder(context, checkpoint, transfers?.flat() ?? []),
  ]);
  const registration = spoken[0] as Spoken<RegistrationBody>;
  if (registration.kind.kind !== 'registration') throw invalid('The record is not a registration.');
  const { common, body } = registration;
  const { weights } = body;
  const asked = {
    file: weights.fileDigest,
    weight: weights.weightDigest,
    nameless: weights.namelessDigest,
    root: rootDigestOf(sha256, [weights.fileDigest]),
  }[matched];
  if (asked !== digest) throw invalid('The record is of another model than the one that was asked for.');
  requireSame(body, model);
  if (model.id !== common.id || model.maker !== common.maker) throw invalid('The record bears another id or maker.');
  if (transfers !== null) {
    const first = { owners: body.owners, effectiveFrom: dateOf(common.statedAt), index: receipts.registration.index };
    const proven = transfers.flatMap((each) =>
      provenTransfers(
        common.id,
        each.map(({ index }) => ({ index, spoken: chain.shift()! })),
      ),
    );
    requireOwners(titleAt(first, proven, EVERYTHING), owners);
  }
  requireContributors(body, contributors);
  const run = receipts.run === null ? null : (spoken[1] as Spoken<RunBody>);
  if ((run?.common.id ?? null) !== body.run) throw invalid('The run is not the one that the record names.');
  const datasets = spoken.slice(run === null ? 1 : 2) as Spoken<DatasetBody>[];
  const named = new Set(datasets.map((dataset) => dataset.common.id));
  if (named.size !== body.datasets.length || body.datasets.some((id) => !named.has(id))) {
    throw invalid('The datasets are not the ones that the record names.');
  }
  return {
    matched,
    registration: common.id,
    index: receipts.registration.index,
    maker: common.maker,
    attestedBy: common.attestedBy ?? 'maker',
    statedAt: common.statedAt,
    recordedAt: recordedAt ?? null,
    precededBy,
    model: body,
    standings: body.parents.map(({ relation, digest: named }, i) => {
      const told = parents[i];
      if (told?.relation !== relation || told.digest !== named)
        throw invalid('The parents are not those of the record.');
      return told.standing;
    }),
    owners: owners.map(({ party, name, share }) => ({ party, name, share })),
    transfers: transfers?.length ?? null,
    contributors: contributors.map(({ party, name, role }) => ({ party, name, role })),
    run: run === null ? null : { ...run.body, id: run.common.id, index: receipts.run!.index },
    datasets: datasets.map((dataset, i) => ({
      ...dataset.body,
      id: dataset.common.id,
      index: receipts.datasets[i]!.index,
      holderName: (Array.isArray(told) ? told : []).find(({ id }) => id === dataset.common.id)?.holder?.name ?? null,
    })),
    receipts,
    time: null,
  };
}

/** Every member of the signed body stands unchanged in what the registry says of the model. */
function requireSame(body: RegistrationBody, told: object): void {
  const members = Object.fromEntries(Object.keys(body).map((name) => [name, (told as Record<string, unknown>)[name]]));
  if (!equalBytes(canonicalize(body), canonicalize(members))) {
    throw invalid('The answer tells something else than the signed record.');
  }
}

/** As far as the log goes that proves the statements. */
const EVERYTHING = { effective: '9999-12-31', known: Infinity };

function requireOwners(proven: readonly { party: string; share: string }[], told: ProvenanceMatch['owners']): void {
  const asText = (list: readonly { party: string; share: string }[]): string =>
    list
      .map(({ party, share }) => `${party} ${formatShare(parseShare(share))}`)
      .sort()
      .join('\n');
  if (asText(proven) !== asText(told)) throw invalid('The owners are not the ones of the signed records.');
}

async function spokenUnder(context: Context, checkpoint: string, receipts: readonly Receipt[]): Promise<Spoken[]> {
  if (receipts.some((receipt) => receipt.checkpoint !== checkpoint)) {
    throw invalid('A receipt belongs to another checkpoint than the answer.');
  }
  return checkReceipts(context, receipts);
}

function requireContributors({ contributors = [] }: RegistrationBody, told: readonly Contributor[]): void {
  const asText = (list: readonly Contributor[]): string =>
    list
      .map(({ party, role }) => `${party} ${role}`)
      .sort()
      .join('\n');
  if (asText(contributors) !== asText(told)) {
    throw invalid('The contributors are not the ones of the signed record.');
  }
}

const invalid = (sentence: string): RegistryError =>
  new RegistryError('proof_invalid', sentence, { fix: 'Do not rely on this answer; keep it as evidence.' });
