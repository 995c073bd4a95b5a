/**
 * Whether a model was fine-tuned from the parent that it names, by the fingerprints of both.
 *
 *   confirmed    it is nearer to the parent than strangers are (`strangers.ts`), at the level that is asked for
 *   unexplained  it is not; or too few strangers are on record to tell; or both runs are on record with one seed, which
 *                makes them as near without a copy
 *
 * No other relation can be told so. What was only distilled has no weights of its parent, and a conversion, quantization
 * or pruning is made again byte for byte. Nothing is contradicted: training may go as far as it likes.
 */
import type { Evidence } from './evidence.ts';
import type { Fingerprint } from './fingerprint.ts';
import type { Candidate, Finding } from './findings.ts';
import { findingsFor } from './findings.ts';
import type { Significance } from './significance.ts';

type Known = Pick<Candidate<unknown>, 'fingerprint' | 'initialization'>;

export interface FineTuningCheck extends Evidence, Significance {
  finding: 'confirmed' | 'unexplained';
  /** One sentence */
  because: string;
  initialization: Finding<unknown>['initialization'];
}

/** @param alpha how often, at most, a stranger may come as near where this confirms */
export function checkFineTuning(
  child: Known,
  parent: Known,
  strangers: readonly Fingerprint[],
  alpha: number,
): FineTuningCheck {
  const [found] = findingsFor(child, [{ ...parent, model: null, unrelated: strangers }]);
  const { score, seen, layers, pValue, n, initialization, near, words } = found!;
  const evidence = { score, seen, layers, pValue, n, initialization };
  const unexplained = (because: string): FineTuningCheck => ({ ...evidence, finding: 'unexplained', because });
  if (initialization === 'same') {
    return unexplained('Both runs are on record with one seed: their common start explains nearness without a copy.');
  }
  const needed = strangersNeeded(alpha);
  if (n < needed) {
    const more = needed - n;
    return unexplained(
      `Nothing can be said: ${n} older models on record compare with it, and ${needed} are needed, ${more} more.`,
    );
  }
  if (pValue > alpha) {
    const reached = `p = ${pValue.toPrecision(2)} among ${n}`;
    return unexplained(
      `Models on record that nobody declared related come as near: ${reached}, and ${alpha} or less confirms.`,
    );
  }
  return near ? { ...evidence, finding: 'confirmed', because: words } : unexplained(words);
}

/** Of fewer models than this no p-value is so small. */
const strangersNeeded = (alpha: number): number => Math.ceil(1 / alpha) - 1;
