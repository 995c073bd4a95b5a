/**
 * References: models that are trained here as the registered one was, from its record and on its data, each from a seed that
 * is drawn now. Only what they answer is kept, a line for each, so that training which was stopped goes on.
 */
import { randomInt } from 'node:crypto';
import { access, appendFile } from 'node:fs/promises';
import type { AnswersDocument } from '../core/behaviour/answers.ts';
import { RegistryError } from '../core/errors.ts';
import { digestOfChallenges, readChallenges, readReferences } from './behaviour-files.ts';
import type { Context } from './context.ts';
import { mnistFolder } from './mnist.ts';
import { filesOf, findRecord } from './replay-model.ts';

export interface ReferenceFacts {
  challenges: string;
  out: string;
  count: number;
  data?: string;
  threads?: number;
}

export interface TrainedReferences {
  run: string;
  file: string;
  /** In the file, and how many of them were trained now */
  references: number;
  trained: number;
}

/** @throws RegistryError `usage`, `state_conflict` for a model without a training on record; what training throws */
export async function trainReferences(
  context: Context,
  asked: string,
  { challenges: file, out, count, data, threads }: ReferenceFacts,
): Promise<TrainedReferences> {
  const challenges = await readChallenges(file);
  const digest = digestOfChallenges(challenges);
  const before = (await exists(out)) ? await readReferences(out) : [];
  requireTheirs(before, digest, out);
  const client = await context.client();
  const { run, record } = await findRecord(context, client, asked);
  const { answerWith, chooseBackend, parseHyperparameters, readIdxFolder, train } =
    await import('../training/index.ts');
  const dataset = await readIdxFolder(data ?? mnistFolder(), await filesOf(context, client, record.dataset));
  const recipe = parseHyperparameters(record.hyperparameters);

  const stop = new AbortController();
  const release = context.io.onInterrupt(() => stop.abort());
  const backend = await chooseBackend('wasm', threads === undefined ? {} : { threads });
  try {
    for (let made = before.length; made < count; made++) {
      const seed = otherSeed(recipe.seed);
      const hyperparameters = { ...recipe, seed };
      const { tensors } = await train({ hyperparameters, dataset, backend, signal: stop.signal });
      const answers: AnswersDocument = { challenges: digest, ...answerWith(backend, tensors, challenges) };
      await appendFile(out, `${JSON.stringify(answers)}\n`);
      context.note(`reference ${made + 1} of ${count}, trained from the seed ${seed}`);
    }
  } finally {
    backend.dispose();
    release();
  }
  return { run, file: out, references: Math.max(count, before.length), trained: Math.max(0, count - before.length) };
}

function otherSeed(own: number): number {
  let seed = randomInt(2 ** 32);
  while (seed === own) seed = randomInt(2 ** 32);
  return seed;
}

function requireTheirs(references: readonly AnswersDocument[], challenges: string, file: string): void {
  if (references.every((reference) => reference.challenges === challenges)) return;
  throw new RegistryError('invalid_input', `The file "${file}" has references that answer other challenges.`, {
    field: 'out',
    fix: 'Name a file that is not there yet.',
  });
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
