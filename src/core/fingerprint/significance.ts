/**
 * What a score is worth: how often a model on record that is not related comes as near. The p-value is conformal (Vovk,
 * Gammerman and Shafer 2005), p = (1 + #{unrelated models that score at least as high}) / (1 + n): whatever scores are
 * distributed like, an unrelated model gets p ≤ α no more often than α, provided it was drawn as the others were. It is never
 * smaller than 1 / (1 + n), so n belongs to it.
 *
 * A model with more neurons has more to choose from. So a model on record and the one in question are both cut to what
 * both have, their strongest neurons, before their scores are compared. A model on record that is related after all, and
 * nobody said so, makes p larger: an error on the side of the suspect. Models that are not as the suspect is, such as ones
 * that were never trained, make p too small: so the score has its say, too (`findings.ts`).
 */
import { evidenceFor } from './evidence.ts';
import type { Fingerprint, LayerSketch } from './fingerprint.ts';

export interface Significance {
  pValue: number;
  /** Unrelated models that it was compared with */
  n: number;
}

/**
 * @param query whose relation to `candidate` is in question
 * @param unrelated models that have nothing to do with `candidate`; those that do not compare with `query` are left out
 */
export function significanceOf(
  query: Fingerprint,
  candidate: Fingerprint,
  unrelated: readonly Fingerprint[],
): Significance {
  const compared = unrelated.filter((model) => comparable(query, model));
  const scores = new Map<string, number>();
  const scoreOf = (cut: Fingerprint): number => {
    const sizes = cut.layers.map(({ rows }) => rows.length).join();
    const score = scores.get(sizes) ?? evidenceFor(cut, candidate).score;
    scores.set(sizes, score);
    return score;
  };
  const asNear = compared.filter(
    (model) => evidenceFor(cutTo(model, query), candidate).score >= scoreOf(cutTo(query, model)),
  );
  return { pValue: (1 + asNear.length) / (1 + compared.length), n: compared.length };
}

/** Whether `model` sees inputs of one width with `query`, and has at least half its neurons in each layer. */
export function comparable(query: Fingerprint, model: Fingerprint): boolean {
  return layersOfBoth(query, model).every(
    ([own, its]) => own.width === its.width && its.rows.length * 2 >= own.rows.length && its.rows.length > 0,
  );
}

/** As many layers of `model` as both have, and as many neurons in each. */
function cutTo(model: Fingerprint, other: Fingerprint): Fingerprint {
  const layers = layersOfBoth(model, other).map(([own, its]): LayerSketch => {
    const bytes = Math.min(own.rows.length, its.rows.length);
    const { units, width, moments } = own;
    const [rows, behind] = [own.rows.subarray(0, bytes), own.behind.subarray(0, bytes)];
    return {
      units,
      width,
      rows,
      behind,
      ...(moments && { moments: { ...moments, rows: moments.rows.subarray(0, bytes) } }),
    };
  });
  return { ...model, layers };
}

const layersOfBoth = (a: Fingerprint, b: Fingerprint): [LayerSketch, LayerSketch][] =>
  a.layers.slice(0, b.layers.length).map((layer, index) => [layer, b.layers[index]!]);

/**
 * Several candidates are as many chances to be wrong once: p-values corrected for all of them (Holm 1979), in the order
 * given. Of unrelated candidates the smallest is ≤ α no more often than α.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = [...pValues.keys()].sort((a, b) => pValues[a]! - pValues[b]!);
  const corrected = new Array<number>(pValues.length);
  let largest = 0;
  order.forEach((index, rank) => {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * pValues[index]!));
    corrected[index] = largest;
  });
  return corrected;
}
