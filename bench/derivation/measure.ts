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
import { stackOf } from './network.ts';
import { useOf } from './plan.ts';
import type { ZooModel } from './zoo.ts';

export interface Scheme<Fingerprint> {
  fingerprintOf(stack: Stack): Fingerprint;
  /** Of the retrieval vectors; candidates are ranked by it. */
  similarity(a: Fingerprint, b: Fingerprint): number;
  /** What is decided upon. */
  evidence(a: Fingerprint, b: Fingerprint): number;
}

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
  /** Place of the base among all registered models, from 1; of ties the last one. */
  rank: number;
  evidence: number;
  unrelated: number[];
  closest: string;
  initialization: number[];
}

export function measure<Fingerprint>(
  scheme: Scheme<Fingerprint>,
  zoo: readonly ZooModel[],
  derived: readonly (Derived | Diverged)[],
): Measurement {
  const registered = zoo.filter(({ role }) => role !== 'outsider');
  const prints = registered.map(({ tensors }) => scheme.fingerprintOf(stackOf(tensors)));
  const compared = queries(zoo, derived).map((query) => compare(scheme, query, registered, prints));
  const architectures = [...new Set(zoo.map(({ hyperparameters }) => hyperparameters.arch))];
  const specificity = architectures.map((architecture) =>
    specificityOf(
      architecture,
      compared.filter((query) => query.architecture === architecture),
    ),
  );
  const thresholds = new Map(specificity.map(({ architecture, threshold }) => [architecture, threshold]));
  const isFound = ({ architecture, evidence }: Compared) => evidence > thresholds.get(architecture)!;
  const ofDerivation = (name: string, architecture: string) =>
    compared.filter((query) => query.derived?.derivation === name && query.architecture === architecture);

  const rows = architectures.flatMap((architecture) =>
    DERIVATIONS.flatMap(({ name }) => {
      const models = ofDerivation(name, architecture);
      if (models.length === 0) return [];
      const working = models.filter(stillWorks);
      const found = working.filter(isFound).length;
      return {
        derivation: name,
        architecture,
        models: models.length,
        diverged: derived.filter(
          ({ stack, derivation, base }) => !stack && derivation === name && base.startsWith(architecture),
        ).length,
        accuracyKept: mean(models.map((query) => query.derived!.kept)),
        working: working.length,
        recall1: share(working, ({ rank }) => rank === 1),
        recall5: share(working, ({ rank }) => rank <= 5),
        recall5OfAll: share(models, ({ rank }) => rank <= 5),
        found: found / working.length,
        foundOfAll: share(models, isFound),
        foundAtLeast: lowerBound(found, working.length),
        lowestEvidence: Math.min(...working.map(({ evidence }) => evidence)),
      };
    }),
  );
  const misses = compared
    .filter((query) => query.derived !== undefined && stillWorks(query) && (query.rank > 5 || !isFound(query)))
    .map((query) => ({
      derivation: query.derived!.derivation,
      base: query.derived!.base,
      accuracyKept: query.derived!.kept,
      rank: query.rank,
      evidence: query.evidence,
      threshold: thresholds.get(query.architecture)!,
    }));
  const summaries = architectures.flatMap((architecture) =>
    (['development', 'held out'] as const).map((bases) => {
      const copies = compared.filter(
        ({ derived, origin, ...query }) => derived && query.architecture === architecture && useOf(origin!) === bases,
      );
      return summarize(architecture, bases, copies, isFound);
    }),
  );
  return { rows, summaries, specificity, misses };
}

function summarize(
  architecture: string,
  bases: string,
  copies: readonly Compared[],
  isFound: (query: Compared) => boolean,
): Summary {
  const working = copies.filter(stillWorks);
  const names = [...new Set(copies.map(({ derived }) => derived!.base))];
  const whole = names.filter((name) => working.every((query) => query.derived!.base !== name || isFound(query)));
  return {
    architecture,
    bases,
    working: working.length,
    recall1: share(working, ({ rank }) => rank === 1),
    recall5: share(working, ({ rank }) => rank <= 5),
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
    stack: stackOf(model.tensors),
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
  const at = registered.findIndex(({ name }) => name === query.origin?.name);
  const result: Compared = {
    ...query,
    rank: similarities.filter((one) => one >= (similarities[at] ?? Infinity)).length,
    evidence: at < 0 ? -Infinity : scheme.evidence(own, prints[at]!),
    unrelated: [],
    closest: '',
    initialization: [],
  };
  let most = -Infinity;
  for (const [i, model] of registered.entries()) {
    if (i === at) continue;
    const evidence = scheme.evidence(own, prints[i]!);
    if (query.origin !== undefined && shareInitialization(query.origin, model)) {
      result.initialization.push(evidence);
      continue;
    }
    result.unrelated.push(evidence);
    if (evidence > most) {
      most = evidence;
      result.closest = `${query.label} / ${model.name}`;
    }
  }
  return result;
}

const shareInitialization = (a: ZooModel, b: ZooModel): boolean =>
  a.initSeed === b.initSeed && a.hyperparameters.arch === b.hyperparameters.arch;

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

const stillWorks = ({ derived }: Compared): boolean => derived!.kept >= STILL_WORKS;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const share = <T>(all: readonly T[], holds: (one: T) => boolean): number => all.filter(holds).length / all.length;
