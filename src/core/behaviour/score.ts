/**
 * Whether a suspect answers as one model does, and no other model that was trained alike.
 *
 * Models of one task agree on most things. So what counts is in what a model departs from its like: its answers minus the
 * mean over it and the *references*, models trained by the same recipe on the same data from other seeds. The departures
 * of the suspect are explained by those of all of them at once (ridge regression, Hoerl and Kennard 1970); the score is the
 * model's weight in it, and the references' weights are what chance gives.
 *
 * A suspect that was made without the model, whatever it is, cannot tell the model from its references: before training,
 * all were the same draw. Each is then equally likely to weigh most, so p = (1 + #{references ≥ model}) / (1 + n) holds
 * without any assumption about the suspect (Vovk, Gammerman, Shafer: Algorithmic Learning in a Random World, 2005, §2.2).
 */
import { RegistryError } from '../errors.ts';
import type { Answers } from './answers.ts';

export interface Score {
  /** The model's weight in what the suspect departs by; near 0 for strangers */
  score: number;
  pValue: number;
  /** The same for each reference in the model's place */
  references: { count: number; largest: number; mean: number; deviation: number };
  verdict: Verdict;
  /** What was compared: `labels` where anybody tells no more */
  by: 'labels' | 'probabilities';
  challenges: number;
}

/** `too-few`: with so few references p cannot fall to ALPHA, whatever the suspect answers. */
export type Verdict = 'as-this-model' | 'no-sign' | 'too-few';

/** Up to which p a suspect is said to answer as the model does. */
export const ALPHA = 0.05;

/** p is never below 1 / (1 + references). */
export const MIN_REFERENCES = Math.ceil(1 / ALPHA) - 1;
export const MAX_REFERENCES = 999;

/** Weights that differ by less tie: they do by the order in which numbers are added up, and a tie counts against the claim. */
const ROUNDING = 1e-9;

/** Numbers in all answers together: 800 MB. */
const MAX_CELLS = 100_000_000;

/**
 * @param references of the model; all answer the same challenges, and choose among the same classes
 * @throws RegistryError `invalid_input` without references, to which the score would be held, with too many, or with one
 *   of them twice
 */
export function scoreSuspect(model: Answers, suspect: Answers, references: readonly Answers[]): Score {
  requireReferences(model, references);
  const like = [model, ...references];
  const told = [suspect, ...like].every(({ probabilities }) => probabilities !== undefined);
  const vectorOf = told ? probabilitiesOf : oneHot;
  const members = like.map(vectorOf);
  const mean = meanOf(members);
  const own = departure(vectorOf(suspect), mean);
  const [score, ...others] = weightsOf(
    members.map((member) => departure(member, mean)),
    own,
  ) as [number, ...number[]];
  const pValue = (1 + others.filter((other) => other >= score - ROUNDING).length) / (1 + others.length);
  return {
    score,
    pValue,
    references: { count: others.length, largest: Math.max(...others), ...spread(others) },
    verdict: pValue <= ALPHA ? 'as-this-model' : others.length < MIN_REFERENCES ? 'too-few' : 'no-sign',
    by: told ? 'probabilities' : 'labels',
    challenges: model.labels.length,
  };
}

function requireReferences({ labels, classes }: Answers, references: readonly Answers[]): void {
  const { length } = references;
  const most = Math.min(MAX_REFERENCES, Math.floor(MAX_CELLS / (labels.length * classes)) - 2);
  if (length >= 1 && length <= most) return requireDifferent(references);
  throw new RegistryError(
    'invalid_input',
    length === 0
      ? 'There are no references to hold the score to.'
      : `There are ${length} references; for so many challenges and classes no more than ${most} are compared.`,
    {
      field: 'references',
      fix: 'Give the answers of models that were trained as this one was: "muniment behaviour references".',
    },
  );
}

/** One model that is counted often would make p as small as anybody likes. */
function requireDifferent(references: readonly Answers[]): void {
  references.forEach((reference, i) => {
    const before = references.slice(0, i).findIndex((other) => sameAnswers(reference, other));
    if (before === -1) return;
    throw new RegistryError('invalid_input', `The references ${before + 1} and ${i + 1} give the same answers.`, {
      field: 'references',
      fix: 'Give the answers of each reference once; each is trained from a seed of its own.',
    });
  });
}

const sameAnswers = (a: Answers, b: Answers): boolean =>
  a.labels.every((label, i) => label === b.labels[i]) &&
  (a.probabilities === undefined ||
    b.probabilities === undefined ||
    a.probabilities.every((row, i) => row.every((value, k) => value === b.probabilities![i]![k])));

function oneHot({ labels, classes }: Answers): Float64Array {
  const vector = new Float64Array(labels.length * classes);
  labels.forEach((label, i) => (vector[i * classes + label] = 1));
  return vector;
}

const probabilitiesOf = ({ probabilities }: Answers): Float64Array => Float64Array.from(probabilities!.flat());

const meanOf = (vectors: readonly Float64Array[]): Float64Array =>
  vectors[0]!.map((_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0) / vectors.length);

const departure = (vector: Float64Array, mean: Float64Array): Float64Array =>
  vector.map((value, i) => value - mean[i]!);

/**
 * w = (K + λI)⁻¹ k with K the products of the members and k those with the target. λ is the members' mean square: it
 * treats all alike, and since their departures add up to nothing, K alone has no inverse.
 */
function weightsOf(members: readonly Float64Array[], target: Float64Array): number[] {
  const products = members.map((a) => members.map((b) => dot(a, b)));
  const ridge = products.reduce((sum, row, i) => sum + row[i]!, 0) / members.length;
  // Members that all answer the same depart by what rounding leaves: nothing tells them apart.
  if (ridge < ROUNDING ** 2) return members.map(() => 0);
  products.forEach((row, i) => (row[i]! += ridge));
  return solve(
    products,
    members.map((member) => dot(member, target)),
  );
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** A·x = b for a symmetric positive definite A, by Cholesky's decomposition. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const size = b.length;
  const lower = a.map(() => new Float64Array(size));
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = a[i]![j]!;
      for (let k = 0; k < j; k++) rest -= lower[i]![k]! * lower[j]![k]!;
      lower[i]![j] = i === j ? Math.sqrt(rest) : rest / lower[j]![j]!;
    }
  }
  const x = [...b];
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i]! -= lower[i]![k]! * x[k]!;
    x[i]! /= lower[i]![i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) x[i]! -= lower[k]![i]! * x[k]!;
    x[i]! /= lower[i]![i]!;
  }
  return x;
}

function spread(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}
