/**
 * A disclosure: the questions that a law or an authority asks about a model, and what statements on record answer. Each
 * answer names the statements that it comes from; a question that nobody answered stays in its place and says so. So
 * nobody can pass silence off as "no", and a reader can hold every value against the signed record.
 *
 * The texts are strangers'. As Markdown they are shown as they are: they cannot make headings, links, markup or a mark
 * that reads like one of ours.
 */
import { z } from 'zod';
import { digest } from './statement/statement.ts';

const citation = z.strictObject({
  kind: z.string().max(100).describe('Of statement'),
  statement: digest,
  index: z.int().nonnegative().describe('Its place in the log'),
  maker: z.string().max(60),
});
export type Citation = z.infer<typeof citation>;

const answer = z.strictObject({
  dataset: z
    .strictObject({ id: z.string(), name: z.string() })
    .nullable()
    .describe('What the answer is about, where that is one dataset'),
  value: z.string().nullable().describe('Null where nobody states it'),
  from: z.array(citation).describe('The statements that it comes from'),
});
export type Answer = z.infer<typeof answer>;

const question = z.strictObject({
  question: z.string(),
  stated: z.enum(['all', 'part', 'nothing']).describe('Part: nobody states it of some datasets'),
  answers: z.array(answer),
});

const section = z.strictObject({ number: z.string(), title: z.string(), questions: z.array(question) });
export type Section = z.infer<typeof section>;

export const disclosureDocument = z
  .strictObject({
    title: z.string(),
    edition: z.string().describe('The edition of the template or law that it follows'),
    model: z.strictObject({ registration: z.string(), name: z.string(), statement: digest }),
    log: z.string().describe('Name of the log that the statements stand in'),
    sections: z.array(section),
  })
  .meta({ id: 'DisclosureDocument', description: 'What a law asks about a model, answered from signed statements' });
export type DisclosureDocument = z.infer<typeof disclosureDocument>;

/** A question with its answers, of which none makes it an open one. */
export function ask(question: string, ...answers: readonly (readonly Answer[])[]): Section['questions'][number] {
  const all = answers.flat();
  const open = all.filter(({ value }) => value === null).length;
  return { question, stated: open === all.length ? 'nothing' : open > 0 ? 'part' : 'all', answers: all };
}

export const NOT_STATED = '**not stated**';

/** The statements that a disclosure rests on, each once, in log order. */
export function citationsOf({ sections }: DisclosureDocument): Citation[] {
  const found = new Map<string, Citation>();
  for (const { questions } of sections)
    for (const { answers } of questions)
      for (const { from } of answers) for (const each of from) found.set(each.statement, each);
  return [...found.values()].sort((a, b) => a.index - b.index);
}

export function formatMarkdown(disclosure: DisclosureDocument): string {
  const { title, edition, model, log, sections } = disclosure;
  const cited = citationsOf(disclosure);
  const numbers = new Map(cited.map(({ statement }, i) => [statement, i + 1]));
  const questions = sections.flatMap((each) => each.questions);
  const count = (wanted: string) => questions.filter(({ stated }) => stated === wanted).length;

  const lineOf = ({ value, from }: Answer): string =>
    value === null
      ? NOT_STATED
      : [literal(value), ...from.map(({ statement }) => `[${numbers.get(statement)}]`)].join(' ');
  const textOf = ({ question, answers }: Section['questions'][number]): string => {
    const [only] = answers;
    if (only === undefined) return `- ${question}: ${NOT_STATED}\n`;
    if (answers.length === 1 && only.dataset === null) return `- ${question}: ${lineOf(only)}\n`;
    const lines = answers.map((each) => {
      const about = each.dataset === null ? '' : `${literal(each.dataset.name)} (${literal(each.dataset.id)}): `;
      return `  - ${about}${lineOf(each)}\n`;
    });
    return `- ${question}:\n${lines.join('')}`;
  };

  return [
    `# ${title}\n\n`,
    `Follows: ${edition}\n\n`,
    `Model: ${literal(model.name)} (${literal(model.registration)})\n\n`,
    `Open: of ${questions.length} questions ${count('nothing')} are not stated, and ${count('part')} not of all datasets.\n`,
    ...sections.map(({ number, title, questions }) => `\n## ${number} ${title}\n\n${questions.map(textOf).join('')}`),
    `\n## Statements\n\nIn the log ${literal(log)}:\n\n`,
    ...cited.map(
      ({ kind, statement, index, maker }, i) =>
        `- [${i + 1}] ${kind}, ${statement}, entry ${index}, by ${literal(maker)}\n`,
    ),
  ].join('');
}

/** A stranger's text as Markdown that shows it, on one line: nothing in it is markup, a mark, or turns the text around. */
const literal = (text: string): string =>
  text
    .replaceAll(/[\s\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .trim()
    .replaceAll(/[\\`*_[\]<>#|~&!]/g, '\\$&');
