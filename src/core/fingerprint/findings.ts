/**
 * What is said of a model and those on record that may be near copies: which of them are nearer than chance explains, how
 * sure that is, and what else would explain it. Which of two came first, weights do not show; the times of record do.
 *
 * Models that were trained apart from one initialization are as near as a copy. Where both runs are on record their seeds
 * are compared: other seeds leave only that one derives from the other; the same seed explains it without.
 */
import type { Evidence } from './evidence.ts';
import { evidenceFor } from './evidence.ts';
import type { Fingerprint } from './fingerprint.ts';
import type { Significance } from './significance.ts';
import { holm, significanceOf } from './significance.ts';

/** From which error rate on, over all candidates together, a model is said to be near. */
export const ALPHA = 0.05;

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
  /** Models that have nothing to do with it */
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
      const judged = { ...one, corrected: corrected[index]!, near: corrected[index]! <= ALPHA };
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

function wordsFor({ near, initialization, n }: Omit<Finding<unknown>, 'words'>, candidates: number): string {
  if (near) return NEAR[initialization];
  // Fewer models than this could not have come out below ALPHA.
  const needed = Math.ceil(candidates / ALPHA) - 1;
  return n < needed
    ? `Nothing can be said: ${n} unrelated models on record compare with it, and ${needed} are needed.`
    : 'Unrelated models come as near.';
}
