/**
 * How well a fingerprint finds what a model was derived from, and how often it accuses the innocent. Everything derived,
 * and every outsider, is compared with all registered models of the zoo. A pair is
 *
 *   derived        a derived model and its base
 *   initialization a derived model, or a base, and a model that has the base's initial weights and went another way
 *   unrelated      any other: these, of all derivations together, must stay below the threshold
 *
 * The threshold of an architecture is the highest evidence of its unrelated pairs: the lowest one with no false positive.
 */
import type { Stack } from '../../src/core/fingerprint/stack.ts';
import { lowerBound, upperBound } from './binomial.ts';
import { DERIVATIONS } from './derivations.ts';
import type { Derived, Diverged } from './derive.ts';
import { stackOfRun } from '../../src/core/fingerprint/run-stack.ts';
import { useOf } from './plan.ts';
import type { ZooModel } from './zoo.ts';

export interface Scheme<Fingerprint> {
  fingerprintOf(stack: Stack): Fingerprint;
  /** Of the retrieval vectors; candidates are ranked by it. */
  similarity(a: Fingerprint, b: Fingerprint): number;
  /** What is decided upon. */
  evidence(a: Fingerprint, b: Fingerprint): number;
}

/** So many candidates `muniment similar` ranks. */
const SHORTLIST = 50;

/** A derived model that still works keeps this share of its base's accuracy. */
export const STILL_WORKS = 0.9;

export interface Row {
  derivation: string;
  architecture: string;
  /** Derived models; those that diverged in training are not among them. */
  models: number;
  diverged: number;
  /** Mean, as a share of the base's accuracy. */
  accuracyKept: number;
  working: number;
  /** Shares of the working models; of all of them the ones named so. */
  recall1: number;
  recall5: number;
  /** The same in what a search says: the nearest SHORTLIST ranked by evidence. */
  searchRecall1: number;
  searchRecall5: number;
  recall5OfAll: number;
  found: number;
  foundOfAll: number;
  /** Clopper–Pearson, 95 %, one-sided. */
  foundAtLeast: number;
  lowestEvidence: number;
}

export interface Miss {
  derivation: string;
  base: string;
  accuracyKept: number;
  rank: number;
  searchRank: number;
  evidence: number;
  threshold: number;
}

export interface Specificity {
  architecture: string;
  threshold: number;
  unrelatedPairs: number;
  /** Clopper–Pearson, 95 %, one-sided, of the share of unrelated pairs above the threshold. */
  falsePositivesAtMost: number;
  /** The two that came closest to each other. */
  closest: string;
  /** Pairs that share their initial weights, and how many of them are above the threshold. */
  initializationPairs: number;
  initializationAbove: number;
}

/** Over all derivations of some bases. */
export interface Summary {
  architecture: string;
  bases: string;
  working: number;
  recall1: number;
  recall5: number;
  searchRecall1: number;
  searchRecall5: number;
  found: number;
  /** Bases all of whose working copies were found: unlike the copies of one base they are independent of each other. */
  wholeBases: number;
  ofBases: number;
  wholeBasesAtLeast: number;
}

export interface Measurement {
  rows: Row[];
  summaries: Summary[];
  specificity: Specificity[];
  misses: Miss[];
}

interface Query {
  architecture: string;
  label: string;
  stack: Stack;
  /** The base it comes from, or the model itself; none for an outsider. */
  origin: ZooModel | undefined;
  derived?: Derived;
}

interface Compared extends Query {
  /**
   * Place of the base among all registered models by similarity, and by evidence among the nearest SHORTLIST, Infinity
   * where it is none of these; from 1, of ties the last one.
   */
  rank: number;
  searchRank: number;
  evidence: number;
  unrelated: number[];
  closest: string;
  initialization: number[];
}

type ComparedCopy = Compared & { derived: Derived };

export function measure<Fingerprint>(
  scheme: Scheme<Fingerprint>,
  zoo: readonly ZooModel[],
  derived: readonly (Derived | Diverged)[],
): Measurement {
  const registered = zoo.filter(({ role }) => role !== 'outsider');
  const prints = registered.map(({ tensors }) => scheme.fingerprintOf(stackOfRun(tensors)));
  const compared = queries(zoo, derived).map((query) => compare(scheme, query, registered, prints));
  const architectures = [...new Set(zoo.map(({ hyperparameters }) => hyperparameters.arch))];
  const measurements = architectures.map((architecture) => {
    const members = new Set(
      zoo.filter(({ hyperparameters: { arch } }) => arch === architecture).map(({ name }) => name),
    );
    const lost = derived.filter((one): one is Diverged => one.stack === undefined && members.has(one.base));
    return measurementOf(
      architecture,
      compared.filter((query) => query.architecture === architecture),
      lost,
    );
  });
  return {
    rows: measurements.flatMap(({ rows }) => rows),
    summaries: measurements.flatMap(({ summaries }) => summaries),
    specificity: measurements.flatMap(({ specificity }) => specificity),
    misses: measurements.flatMap(({ misses }) => misses),
  };
}

function measurementOf(
  architecture: string,
  compared: readonly Compared[],
  diverged: readonly Diverged[],
): Measurement {
  const specificity = specificityOf(architecture, compared);
  const { threshold } = specificity;
  const copies = compared.filter((query): query is ComparedCopy => query.derived !== undefined);
  const rows = DERIVATIONS.flatMap(({ name }) => {
    const ofIt = <T extends { derivation: string }>(one: T) => one.derivation === name;
    const models = copies.filter(({ derived }) => ofIt(derived));
    return models.length === 0 ? [] : [rowOf(name, architecture, models, diverged.filter(ofIt).length, threshold)];
  });
  const summaries = (['development', 'held out'] as const).map((bases) => {
    const some = copies.filter(({ origin }) => useOf(origin!) === bases);
    return summaryOf(architecture, bases, some, threshold);
  });
  const misses = copies
    .filter((copy) => stillWorks(copy) && (copy.rank > 5 || copy.evidence <= threshold))
    .map(({ derived: { derivation, base, kept }, rank, searchRank, evidence }) => ({
      derivation,
      base,
      accuracyKept: kept,
      rank,
      searchRank,
      evidence,
      threshold,
    }));
  return { rows, summaries, specificity: [specificity], misses };
}

function rowOf(
  derivation: string,
  architecture: string,
  models: readonly ComparedCopy[],
  diverged: number,
  threshold: number,
): Row {
  const working = models.filter(stillWorks);
  const isFound = ({ evidence }: Compared) => evidence > threshold;
  return {
    derivation,
    architecture,
    models: models.length,
    diverged,
    accuracyKept: models.reduce((sum, { derived }) => sum + derived.kept, 0) / models.length,
    working: working.length,
    recall1: share(working, ({ rank }) => rank === 1),
    recall5: share(working, ({ rank }) => rank <= 5),
    searchRecall1: share(working, ({ searchRank }) => searchRank === 1),
    searchRecall5: share(working, ({ searchRank }) => searchRank <= 5),
    recall5OfAll: share(models, ({ rank }) => rank <= 5),
    found: share(working, isFound),
    foundOfAll: share(models, isFound),
    foundAtLeast: lowerBound(working.filter(isFound).length, working.length),
    lowestEvidence: Math.min(...working.map(({ evidence }) => evidence)),
  };
}

function summaryOf(architecture: string, bases: string, copies: readonly ComparedCopy[], threshold: number): Summary {
  const isFound = ({ evidence }: Compared) => evidence > threshold;
  const working = copies.filter(stillWorks);
  const names = [...new Set(copies.map(({ derived }) => derived.base))];
  const whole = names.filter((name) => working.every((copy) => copy.derived.base !== name || isFound(copy)));
  return {
    architecture,
    bases,
    working: working.length,
    recall1: share(working, ({ rank }) => rank === 1),
    recall5: share(working, ({ rank }) => rank <= 5),
    searchRecall1: share(working, ({ searchRank }) => searchRank === 1),
    searchRecall5: share(working, ({ searchRank }) => searchRank <= 5),
    found: share(working, isFound),
    wholeBases: whole.length,
    ofBases: names.length,
    wholeBasesAtLeast: lowerBound(whole.length, names.length),
  };
}

/** Registered models are queries too: no two of them are derived from each other. */
function queries(zoo: readonly ZooModel[], derived: readonly (Derived | Diverged)[]): Query[] {
  const byName = new Map(zoo.map((model) => [model.name, model]));
  const models = zoo.map((model) => ({
    architecture: model.hyperparameters.arch,
    label: model.name,
    stack: stackOfRun(model.tensors),
    origin: model.role === 'outsider' ? undefined : model,
  }));
  const copies = derived.flatMap((one) => {
    if (one.stack === undefined) return [];
    const origin = byName.get(one.base)!;
    const label = `${one.base}, ${one.derivation}`;
    return [{ architecture: origin.hyperparameters.arch, label, stack: one.stack, origin, derived: one }];
  });
  return [...models, ...copies];
}

function compare<Fingerprint>(
  scheme: Scheme<Fingerprint>,
  query: Query,
  registered: readonly ZooModel[],
  prints: readonly Fingerprint[],
): Compared {
  const own = scheme.fingerprintOf(query.stack);
  const similarities = prints.map((print) => scheme.similarity(own, print));
  const evidences = prints.map((print) => scheme.evidence(own, print));
  const at = registered.findIndex(({ name }) => name === query.origin?.name);
  const rankIn = (values: readonly number[]) => values.filter((one) => one >= (values[at] ?? Infinity)).length;
  const rank = rankIn(similarities);
  const shortest = similarities.toSorted((a, b) => b - a)[SHORTLIST - 1] ?? -Infinity;
  const listed = evidences.map((evidence, i) => (similarities[i]! >= shortest ? evidence : -Infinity));
  const relationTo = (model: ZooModel, i: number) =>
    i === at ? 'derived' : shareInitialization(query.origin, model) ? 'initialization' : 'unrelated';
  const relations = registered.map(relationTo);
  const unrelated = evidences.filter((_, i) => relations[i] === 'unrelated');
  const closest = evidences.findIndex((one, i) => relations[i] === 'unrelated' && one === Math.max(...unrelated));
  return {
    ...query,
    rank,
    searchRank: rank <= SHORTLIST ? rankIn(listed) : Infinity,
    evidence: evidences[at] ?? -Infinity,
    unrelated,
    closest: `${query.label} / ${registered[closest]!.name}`,
    initialization: evidences.filter((_, i) => relations[i] === 'initialization'),
  };
}

const shareInitialization = (a: ZooModel | undefined, b: ZooModel): boolean =>
  a?.initSeed === b.initSeed && a.hyperparameters.arch === b.hyperparameters.arch;

function specificityOf(architecture: string, compared: readonly Compared[]): Specificity {
  const highest = (query: Compared) => query.unrelated.reduce((most, one) => Math.max(most, one), -Infinity);
  const threshold = Math.max(...compared.map(highest));
  const initialization = compared.flatMap((query) => query.initialization);
  const unrelatedPairs = compared.reduce((sum, { unrelated }) => sum + unrelated.length, 0);
  return {
    architecture,
    threshold,
    unrelatedPairs,
    falsePositivesAtMost: upperBound(0, unrelatedPairs),
    closest: compared.find((query) => highest(query) === threshold)!.closest,
    initializationPairs: initialization.length,
    initializationAbove: initialization.filter((evidence) => evidence > threshold).length,
  };
}

const stillWorks = ({ derived }: ComparedCopy): boolean => derived.kept >= STILL_WORKS;
const share = <T>(all: readonly T[], holds: (one: T) => boolean): number => all.filter(holds).length / all.length;
