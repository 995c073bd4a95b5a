/**
 * What a model answers to challenges: a label for each and, where the model tells them, the probabilities of all classes.
 * They come from anybody, a suspect's operator included, so everything is bounded and checked.
 *
 * As a file: JSON as below, or CSV with a line for each challenge, in their order, that is a label or the probabilities
 * of the classes 0, 1, ….
 */
import { z } from 'zod';
import type { Digest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { digest } from '../statement/statement.ts';
import { zodProblem } from '../statement/zod-problem.ts';
import { MAX_CHALLENGES, MIN_CHALLENGES } from './challenges.ts';

export const MAX_CLASSES = 1000;

/** How far probabilities may be from adding up to one: some are rounded to two digits. */
const SUM_TOLERANCE = 0.05;

export interface Answers {
  /** Labels are 0 … classes−1 */
  classes: number;
  /** In the order of the challenges */
  labels: readonly number[];
  /** `[challenges][classes]` */
  probabilities?: readonly (readonly number[])[] | undefined;
}

const answersShape = {
  challenges: digest.describe('SHA-256 of the pixels of the challenges'),
  classes: z.int().min(2).max(MAX_CLASSES),
  labels: z.array(z.int().nonnegative()).min(MIN_CHALLENGES).max(MAX_CHALLENGES),
  probabilities: z
    .array(z.array(z.number().min(0).max(1)).max(MAX_CLASSES))
    .max(MAX_CHALLENGES)
    .optional(),
};

export const answersSchema = z.strictObject(answersShape).superRefine((answers, context) => {
  const wrong = firstWrong(answers);
  if (wrong !== undefined) context.addIssue({ code: 'custom', ...wrong });
});

/** Answers, and to what. */
export type AnswersDocument = Answers & { challenges: Digest };

function firstWrong({
  classes,
  labels,
  probabilities,
}: Answers): { path: (number | string)[]; message: string } | undefined {
  const beyond = labels.findIndex((label) => label >= classes);
  if (beyond !== -1) return { path: ['labels', beyond], message: `must be below ${classes}` };
  if (probabilities === undefined) return undefined;
  if (probabilities.length !== labels.length) {
    return { path: ['probabilities'], message: `must be ${labels.length} lists, as there are labels` };
  }
  for (const [i, row] of probabilities.entries()) {
    if (row.length !== classes) return { path: ['probabilities', i], message: `must be ${classes} numbers` };
    const sum = row.reduce((all, p) => all + p, 0);
    if (Math.abs(sum - 1) > SUM_TOLERANCE) return { path: ['probabilities', i], message: 'must add up to 1' };
    if (row[labels[i]!]! < Math.max(...row)) {
      return { path: ['labels', i], message: 'must be the class with the largest probability' };
    }
  }
  return undefined;
}

/** @throws RegistryError `invalid_input` */
export function readAnswers(value: unknown): AnswersDocument {
  const read = answersSchema.safeParse(value);
  if (read.success) return read.data;
  throw zodProblem(read.error, 'invalid_input');
}

/**
 * Answers as CSV, to challenges that the caller knows.
 * @throws RegistryError `invalid_input`, `field` names the line
 */
export function parseAnswersCsv(text: string, challenges: Digest, classes: number): AnswersDocument {
  const lines = text.trimEnd().split(/\r?\n/);
  const rows = lines.map((line, i) =>
    line.split(',').map((cell) => {
      const value = Number(cell);
      if (cell.trim() !== '' && Number.isFinite(value)) return value;
      throw new RegistryError(
        'invalid_input',
        `Line ${i + 1} holds "${cell.trim().slice(0, 40)}", which is no number.`,
        {
          field: `line ${i + 1}`,
          fix: 'Write a label on each line, or the probabilities of all classes with commas between them.',
        },
      );
    }),
  );
  if (rows.every((row) => row.length === 1)) return readAnswers({ challenges, classes, labels: rows.flat() });
  return readAnswers({ challenges, classes, labels: rows.map(largest), probabilities: rows });
}

/** The first of the largest. */
export const largest = (row: readonly number[]): number => row.indexOf(Math.max(...row));

/** @throws RegistryError `invalid_input` unless all answer the same challenges, and choose among the same classes */
export function requireSameChallenges(expected: AnswersDocument, found: AnswersDocument, field: string): void {
  const differs =
    found.challenges !== expected.challenges
      ? `answer the challenges ${found.challenges}, and not ${expected.challenges}`
      : found.labels.length !== expected.labels.length
        ? `are ${found.labels.length}, and the challenges ${expected.labels.length}`
        : found.classes !== expected.classes
          ? `choose among ${found.classes} classes, and not ${expected.classes}`
          : undefined;
  if (differs === undefined) return;
  throw new RegistryError('invalid_input', `The answers ${differs}.`, {
    field,
    fix: 'Let the model answer the very challenges of "muniment behaviour challenges".',
  });
}
