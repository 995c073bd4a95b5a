/** `muniment behaviour`: how a model decides where deciding is hard, on record before anybody is accused by it. */
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { MAX_CHALLENGES, MIN_CHALLENGES } from '../../core/behaviour/challenges.ts';
import { MAX_REFERENCES, MIN_REFERENCES } from '../../core/behaviour/score.ts';
import type { Context } from '../context.ts';
import { countOf, threadsOf } from '../parse.ts';
import type { BehaviourFacts } from '../record-behaviour.ts';
import type { BehaviourFinding, ScoreFacts } from '../score-behaviour.ts';
import { fields } from '../table.ts';
import type { ReferenceFacts } from '../train-references.ts';

const DEFAULT_CHALLENGES = 1000;
const DEFAULT_REFERENCES = 39;

export function define(program: Command, context: Context): void {
  const behaviour = program
    .command('behaviour')
    .description('Find copies that share no weights with a model, such as distilled ones, by what they answer.');
  defineRecord(behaviour, context);
  defineAnswering(behaviour, context);
  defineScore(behaviour, context);
}

function defineRecord(behaviour: Command, context: Context): void {
  behaviour
    .command('record')
    .description(
      'Put the behaviour of your model on record: the registry draws challenges, the model answers them here, and a commitment to the answers is recorded. Nothing else leaves this machine.',
    )
    .argument('<model>', 'its id, a digest, or its file')
    .option('--weights <file>', 'the registered weights, if they are of an architecture that is trained here')
    .option('--answers <file>', 'what the model answered where it runs, as JSON or CSV; first see "challenges"')
    .option('--dataset <id>', 'the dataset to mix challenges from; the first that the model was trained on')
    .option('--data <folder>', 'its four IDX files; MNIST is at hand')
    .option(
      '--challenges <n>',
      'how many; fixed once drawn',
      countOf(MIN_CHALLENGES, MAX_CHALLENGES),
      DEFAULT_CHALLENGES,
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment behaviour record model.safetensors --weights model.safetensors\n\n' +
        'Without --weights and --answers only the challenges are drawn. Keep the file that is named at the end: it opens the\nrecord in a dispute, and whoever has it before that can teach the challenges to a copy.',
    )
    .action(async (model: string, facts: BehaviourFacts) => {
      const { recordBehaviour } = await import('../record-behaviour.ts');
      const recorded = await recordBehaviour(context, model, facts);
      const { registration, challenges, receipt, file } = recorded;
      context.print(recorded, () =>
        fields([
          ['model', registration],
          ['challenges', challenges],
          ['opened by', file === null ? undefined : `${file}: keep it, and keep it secret`],
          ['on record', receipt === null ? undefined : `entry ${receipt.index}`],
          ['next', receipt === null ? `muniment behaviour challenges ${registration} --out challenges.npy` : undefined],
        ]),
      );
    });

  behaviour
    .command('challenges')
    .description('Write the challenges as a NumPy array of bytes [challenges][height][width], for any model to answer.')
    .argument('<model>', 'id of the registration, or the file that opens its behaviour')
    .requiredOption('--out <file>', 'where to write them')
    .option('--data <folder>', 'the four IDX files that they are mixed from; MNIST is at hand')
    .addHelpText('after', '\nExample:\n  $ muniment behaviour challenges registration_0123… --out challenges.npy')
    .action(async (model: string, { out, data }: { out: string; data?: string }) => {
      const [{ challengesFile, digestOfChallenges }, { challengesOf, requireBehaviour }, { requireOpening }] =
        await Promise.all([
          import('../behaviour-files.ts'),
          import('../behaviour-record.ts'),
          import('../behaviour-opening.ts'),
        ]);
      const opening = await requireOpening(context, model);
      const client = await context.client();
      const record = await requireBehaviour(client, opening.registration);
      const challenges = await challengesOf(context, client, record, opening, data);
      await writeFile(out, challengesFile(challenges), { mode: 0o600 });
      const { count, height, width } = challenges;
      const digest = digestOfChallenges(challenges);
      context.print({ file: out, challenges: digest, count, height, width }, () =>
        fields([
          ['file', out],
          ['challenges', `${count} pictures of ${height}×${width}`],
          ['digest', digest],
        ]),
      );
    });
}

function defineAnswering(behaviour: Command, context: Context): void {
  behaviour
    .command('answer')
    .description('Let a model file answer challenges, if it is of an architecture that is trained here.')
    .argument('<weights>', 'its file, as safetensors')
    .requiredOption('--challenges <file>', 'as "muniment behaviour challenges" wrote it')
    .requiredOption('--out <file>', 'where to write the answers, as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment behaviour answer suspect.safetensors --challenges challenges.npy --out suspect.json\n\n' +
        'A model that runs elsewhere answers there: a CSV file with a line for each challenge, in their order, that is a label\nor the probabilities of all classes.',
    )
    .action(async (weights: string, { challenges: file, out }: { challenges: string; out: string }) => {
      const [{ digestOfChallenges, readChallenges }, { answerHere }] = await Promise.all([
        import('../behaviour-files.ts'),
        import('../record-behaviour.ts'),
      ]);
      const challenges = await readChallenges(file);
      const answers = { challenges: digestOfChallenges(challenges), ...(await answerHere(weights, challenges)) };
      await writeFile(out, `${JSON.stringify(answers)}\n`);
      const { classes, labels } = answers;
      context.print({ file: out, challenges: answers.challenges, classes, answers: labels.length }, () =>
        fields([
          ['file', out],
          ['answers', `${labels.length}, with the probabilities of ${classes} classes`],
        ]),
      );
    });

  behaviour
    .command('references')
    .description(
      'Train models as the registered one was, from other seeds, and keep what they answer: what a suspect is told apart from.',
    )
    .argument('<model>', 'its id, a digest, its file, or the id of its training')
    .requiredOption('--challenges <file>', 'as "muniment behaviour challenges" wrote it')
    .requiredOption('--out <file>', 'where the answers go, a line for each; a file that is there is gone on with')
    .option('--count <n>', 'how many; p is never below 1 / (1 + n)', countOf(1, MAX_REFERENCES), DEFAULT_REFERENCES)
    .option('--data <folder>', 'the four IDX files that it was trained on; MNIST is at hand')
    .option('--threads <n>', 'threads to train with, 1 to 8', threadsOf)
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment behaviour references registration_0123… --challenges challenges.npy --out references.jsonl --count 99',
    )
    .action(async (model: string, facts: ReferenceFacts) => {
      const { trainReferences } = await import('../train-references.ts');
      const made = await trainReferences(context, model, facts);
      context.print(made, () =>
        fields([
          ['file', made.file],
          ['references', made.references],
          ['trained now', made.trained],
          ['as recorded in', made.run],
        ]),
      );
    });
}

function defineScore(behaviour: Command, context: Context): void {
  behaviour
    .command('score')
    .description('Hold the answers of a suspect against the behaviour on record.')
    .argument('<model>', 'the file that opens its behaviour, or the id of a registration whose file is kept here')
    .requiredOption('--suspect <file>', 'what the suspect answered, as JSON or CSV')
    .requiredOption('--references <file>', 'what models answered that were trained alike')
    .option('--weights <file>', 'the registered weights: the answers on record are held to what they answer')
    .option('--data <folder>', 'the four IDX files that the challenges are mixed from; MNIST is at hand')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment behaviour score registration_0123… --suspect suspect.csv --references references.jsonl --weights model.safetensors',
    )
    .action(async (model: string, facts: ScoreFacts) => {
      const { scoreHere } = await import('../score-behaviour.ts');
      const finding = await scoreHere(context, model, facts);
      context.print(finding, () => describe(finding));
    });
}

function describe({ registration, pValue, score, references, by, challenges, ...rest }: BehaviourFinding): string {
  const { count, largest } = references;
  return fields([
    ['finding', findingText(rest.verdict, references, pValue)],
    ['p', `${pValue.toPrecision(3)} (${count} references, ${challenges} challenges, by ${by})`],
    ['score', `${score.toFixed(4)}; the references' largest is ${largest.toFixed(4)}`],
    ['model', registration],
    ['on record', `seed at entry ${rest.recorded.seed}, answers at entry ${rest.recorded.answers}`],
    [
      'answers',
      rest.answersChecked
        ? 'the registered weights give them'
        : "not checked: their owner's word (--weights FILE checks them)",
    ],
    [
      'not shown',
      'who copied from whom; whether both began with the same seed; anything,\nif the references were not trained as the model was',
    ],
  ]);
}

function findingText(
  verdict: BehaviourFinding['verdict'],
  { count }: BehaviourFinding['references'],
  pValue: number,
): string {
  if (verdict === 'too-few') return `none: ${count} references are too few to tell; give ${MIN_REFERENCES} or more`;
  if (verdict === 'no-sign')
    return 'no sign that it answers as this model rather than as others that were trained alike';
  const asNear = Math.round(pValue * (1 + count)) - 1;
  const than = asNear === 0 ? `any of ${count}` : `all but ${asNear} of ${count}`;
  return `answers as this model does, more than as ${than} models trained alike`;
}
