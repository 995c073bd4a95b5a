/**
 * A suspect's answers held against the behaviour on record. Nothing is believed: the records are held to the log, the
 * secret and the answers to what was committed, the challenges are mixed again from the data, and where the weights are at
 * hand, they answer again.
 */
import type { Answers, AnswersDocument } from '../core/behaviour/answers.ts';
import { requireSameChallenges } from '../core/behaviour/answers.ts';
import type { Pictures } from '../core/behaviour/challenges.ts';
import { commitAnswers } from '../core/behaviour/opening.ts';
import type { Score } from '../core/behaviour/score.ts';
import { scoreSuspect } from '../core/behaviour/score.ts';
import { RegistryError } from '../core/errors.ts';
import type { RegistrationBody } from '../core/registry/registration.ts';
import { sha256 } from '../platform/crypto.ts';
import { digestOfChallenges, readAnswersFile, readReferences } from './behaviour-files.ts';
import { requireOpening } from './behaviour-opening.ts';
import { challengesOf, committedAnswers, requireBehaviour } from './behaviour-record.ts';
import type { Context } from './context.ts';
import { readRecord } from './read-record.ts';
import { answerHere, requireRegistered } from './record-behaviour.ts';
import type { ModelView } from './views.ts';

export interface ScoreFacts {
  suspect: string;
  references: string;
  weights?: string;
  data?: string;
}

export interface BehaviourFinding extends Score {
  registration: string;
  /** The places of the seed and of the answers in the log: who was made before the seed could be drawn for is not judged alike */
  recorded: { seed: number; answers: number };
  /** Whether the registered weights were at hand, and gave the answers that their owner committed to */
  answersChecked: boolean;
}

/** Rounded probabilities of one model on two machines differ by no more. */
const TOLERANCE = 0.001;

/**
 * @param named the file that opens the behaviour, or the id of a registration whose file is kept here
 * @throws RegistryError `proof_invalid` where something is not what was committed to; `invalid_input` for answers to others
 */
export async function scoreHere(context: Context, named: string, facts: ScoreFacts): Promise<BehaviourFinding> {
  const client = await context.client();
  const { answers, ...opening } = await requireOpening(context, named);
  const { registration } = opening;
  const record = await requireBehaviour(client, registration);
  if (record.answers === null || answers === undefined) {
    throw new RegistryError('state_conflict', `The answers of ${registration} are not on record yet.`, {
      fix: 'Put them there first: "muniment behaviour record".',
    });
  }
  const challenges = await challengesOf(context, client, record, opening, facts.data);
  const committed = await committedAnswers(context, client, registration, record.answers.statement);
  if (committed !== commitAnswers(sha256, opening.secret, answers)) {
    throw new RegistryError('proof_invalid', 'The answers are not the ones that their owner committed to.', {
      field: 'answers',
      fix: 'Use the file as it was when they were put on record.',
    });
  }
  if (answers.challenges !== digestOfChallenges(challenges)) {
    throw new RegistryError('proof_invalid', 'What its owner committed to are answers to other challenges.', {
      field: 'answers.challenges',
    });
  }
  if (facts.weights !== undefined) await checkAnswers(context, registration, answers, challenges, facts.weights);
  const suspect = await readAnswersFile(facts.suspect, answers);
  const references = await readReferences(facts.references);
  requireSameChallenges(answers, suspect, 'suspect');
  references.forEach((reference) => requireSameChallenges(answers, reference, 'references'));
  return {
    registration,
    recorded: { seed: record.seed.recordedIndex, answers: record.answers.recordedIndex },
    answersChecked: facts.weights !== undefined,
    ...scoreSuspect(answers, suspect, references),
  };
}

async function checkAnswers(
  context: Context,
  registration: string,
  answers: AnswersDocument,
  challenges: Pictures,
  weights: string,
): Promise<void> {
  const client = await context.client();
  const { statement } = await client.get<ModelView>(`/v1/models/${registration}`);
  const { body } = await readRecord<RegistrationBody>(context, client, statement);
  await requireRegistered(context, { id: registration, weights: body.weights }, weights);
  if (sameAnswers(answers, await answerHere(weights, challenges))) return;
  throw new RegistryError('proof_invalid', 'The registered weights answer otherwise than their owner committed to.', {
    field: 'answers',
  });
}

/** Where probabilities are near a tie, two machines may choose another label. */
function sameAnswers({ labels, probabilities, classes }: Answers, found: Answers): boolean {
  if (classes !== found.classes) return false;
  if (probabilities === undefined) {
    return labels.every((label, i) => {
      const row = found.probabilities![i]!;
      return row[label]! >= Math.max(...row) - TOLERANCE;
    });
  }
  return probabilities.every((row, i) => row.every((p, k) => Math.abs(p - found.probabilities![i]![k]!) <= TOLERANCE));
}
