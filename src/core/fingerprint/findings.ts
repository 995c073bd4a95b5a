/**
 * What is said of a model and those on record that may be near copies: which of them are nearer than chance explains, how
 * sure that is, and what else would explain it. Which of two came first, weights do not show; the times of record do.
 *
 * Models that were trained apart from one initialization are as near as a copy. Where both runs are on record their seeds
 * are compared: other seeds leave only that one derives from the other; the same seed explains it without.
 *
 * A p-value tells that the models on record do not come as near, and is no better than these: where they see other tasks, or
 * were never trained, any two models of one task come nearer. So a score that unrelated models reach elsewhere is never
 * called near, however small its p-value is.
 */
import type { Evidence } from './evidence.ts';
import { evidenceFor } from './evidence.ts';
import type { Fingerprint } from './fingerprint.ts';
import type { Significance } from './significance.ts';
import { holm, significanceOf } from './significance.ts';

/** From which error rate on, over all candidates together, a model is said to be near. */
export const ALPHA = 0.05;

/** The highest score of 54,056 unrelated pairs of trained models (docs/derivation.md). */
export const HIGHEST_UNRELATED = 1.59;

/** A model with a lower score is never said to be near: unrelated ones come close to it. */
export const FLOOR = 2;

/** What initialized a run: of two that say the same, the weights began the same. */
export interface Initialization {
  seed: number;
  /** Architecture and sizes of layers, as recorded */
  recipe: string;
}

export interface Candidate<Model> {
  /** Whatever the caller knows it by */
  model: Model;
  fingerprint: Fingerprint;
  initialization?: Initialization;
  /** Models on record that have nothing to do with it, as far as anybody declared (`strangers.ts`) */
  unrelated: readonly Fingerprint[];
}

export interface Finding<Model> extends Evidence, Significance {
  model: Model;
  /** `pValue` corrected for all candidates */
  corrected: number;
  initialization: 'different' | 'same' | 'unknown';
  near: boolean;
  words: string;
}

/** @returns a finding for each candidate, the highest score first */
export function findingsFor<Model>(
  query: Pick<Candidate<unknown>, 'fingerprint' | 'initialization'>,
  candidates: readonly Candidate<Model>[],
): Finding<Model>[] {
  const found = candidates.map((candidate) => ({
    model: candidate.model,
    ...evidenceFor(query.fingerprint, candidate.fingerprint),
    ...significanceOf(query.fingerprint, candidate.fingerprint, candidate.unrelated),
    initialization: compared(query.initialization, candidate.initialization),
  }));
  const corrected = holm(found.map(({ pValue }) => pValue));
  return found
    .map((one, index): Finding<Model> => {
      const judged = {
        ...one,
        corrected: corrected[index]!,
        near: corrected[index]! <= ALPHA && one.score >= FLOOR,
      };
      return { ...judged, words: wordsFor(judged, candidates.length) };
    })
    .sort((a, b) => b.score - a.score);
}

function compared(a: Initialization | undefined, b: Initialization | undefined): 'different' | 'same' | 'unknown' {
  if (a === undefined || b === undefined || a.recipe !== b.recipe) return 'unknown';
  return a.seed === b.seed ? 'same' : 'different';
}

const NEAR = {
  unknown: 'It shares its initialization with this model, or one derives from the other.',
  same: 'It shares its initialization with this model: both runs are on record with one seed, which explains this without a copy.',
  different:
    'One derives from the other, or both from a third: both runs are on record with different seeds, so a shared initialization does not explain this.',
} as const;

function wordsFor(finding: Omit<Finding<unknown>, 'words'>, candidates: number): string {
  const { near, initialization, corrected, n, score } = finding;
  if (near) return NEAR[initialization];
  if (corrected <= ALPHA) {
    return 'Nearer than the models on record, but no nearer than unrelated models come elsewhere.';
  }
  // Fewer models than this could not have come out below ALPHA.
  const needed = Math.ceil(candidates / ALPHA) - 1;
  if (n >= needed) return 'Models on record that nobody declared related come as near.';
  const few = `${n} older models on record that nobody declared related compare with it, and ${needed} are needed`;
  if (score < FLOOR) return `Nothing can be said: ${few}.`;
  const seen = `this is ${score.toFixed(2)}, with a mean cosine of ${cosineOf(finding).toFixed(2)}`;
  const seed = initialization === 'same' ? ' Both runs are on record with one seed, which would explain it.' : '';
  return `Unrelated models of the benchmark never passed a score of ${HIGHEST_UNRELATED}; ${seen}.${seed} No p-value can be given: ${few}.`;
}

/** Of all pairs that the score is of. */
function cosineOf({ seen, score, layers }: Evidence): number {
  if (seen === 'outputs') return Math.tanh(score);
  const pairs = layers.reduce((sum, layer) => sum + layer.pairs, 0);
  return layers.reduce((sum, layer) => sum + layer.pairs * layer.cosine, 0) / pairs;
}
