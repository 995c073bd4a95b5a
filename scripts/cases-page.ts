/**
 * `npm run docs:cases`: writes docs/rules-cases.md, the rules held against verdicts that others published. The verdicts and
 * where they stand are in test/vectors/licenses, and so is the reason for each answer that differs; the answers are asked
 * of the rules anew.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CURRENT_RULES } from '../src/core/licensing/rules/index.ts';
import { MODES } from '../src/core/licensing/rules/rule.ts';
import type { Answered, LabelledCase, PublishedVerdicts, Source } from './license-labels.ts';
import { answer, differs, listed, publishedVerdicts, scoreOf } from './license-labels.ts';

type Reasons = Readonly<Record<string, string>>;

/** @param root the repository */
export const reasonsForDisagreement = async (root: string): Promise<Reasons> =>
  JSON.parse(await readFile(join(root, 'test/vectors/licenses/disagreements.json'), 'utf8')) as Reasons;

export interface Part {
  readonly title: string;
  readonly answered: readonly Answered<LabelledCase>[];
}

/** Ids of licenses that were not written for software. */
const OF_DATA_OR_MODELS = /^(?:CC|CDLA|C-UDA|OD|PDDL|OpenMDW|LicenseRef-)/;

export const isOnDataOrModels = ({ labelled: { model, from } }: Answered<LabelledCase>): boolean =>
  [model, ...from.map(({ license }) => license)].some((license) => OF_DATA_OR_MODELS.test(license));

export function partsOf({ sources, cases, lists }: PublishedVerdicts): { parts: Part[]; notApart: Part } {
  const isApart = ({ labelled }: Answered<LabelledCase>) =>
    sources[labelled.source]!.apart && labelled.mended === undefined;
  const all = [
    { title: 'one model or dataset', answered: cases.filter(({ part }) => part === 'models').map(answer) },
    { title: 'guidance on a license', answered: cases.filter(({ part }) => part === 'guidance').map(answer) },
    { title: 'lists of licenses', answered: lists.flatMap(listed).map(answer) },
  ];
  return {
    parts: all.map(({ title, answered }) => ({ title, answered: answered.filter(isApart) })),
    notApart: {
      title: 'not apart from the rules',
      answered: all.flatMap(({ answered }) => answered.filter((one) => !isApart(one))),
    },
  };
}

/** @param root the repository */
export async function casesPage(root: string): Promise<string> {
  const verdicts = await publishedVerdicts(root);
  const reasons = await reasonsForDisagreement(root);
  const { parts, notApart } = partsOf(verdicts);
  const apart = parts.flatMap(({ answered }) => answered);
  const all = [...apart, ...notApart.answered];
  const said = new Map(verdicts.cases.map((one) => [one.id, one.said]));
  const source = ({ labelled }: Answered<LabelledCase>) => link(verdicts.sources[labelled.source]!);
  return [
    '# The license rules beside published verdicts',
    '',
    '<!-- Written by `npm run docs:cases` from test/vectors/licenses. Do not edit. -->',
    '',
    `Verdicts on models, data and their licenses that others published, beside the answers of the rules, edition ${CURRENT_RULES}.`,
    'No label is ours. They are verdicts of the authors of models, of those who wrote a license, and of those who judge licenses;',
    'some are opinions, and they do not agree with each other. They are what could be found and read, and no sample of',
    'anything. OSADL and other lists that come in packages are in [rules-scored.md](rules-scored.md).',
    '',
    '## How a verdict became a label',
    '',
    '| what was published | label | here |',
    '|---|---|---|',
    '| the use is allowed, on whatever duties; the model was published so by its authors | allowed | OK |',
    '| the use is not allowed; the license does not fit; it was published so by mistake | barred | BLOCK or CONFLICT |',
    '| the license is free (or open) for every purpose | allowed | OK for every action and commerce, and no limit on purposes |',
    '| the license is not free (or open) | barred | BLOCK, CONFLICT or a limit on purposes |',
    '| category A of Apache; "All" of the Data Provenance Initiative | allowed | OK |',
    '| category X of Apache; "NC" and "Acad" of the Data Provenance Initiative | barred | BLOCK or CONFLICT |',
    '| anything that is left open, not recommended or allowed under conditions of another kind | none | not asked |',
    '',
    'UNKNOWN is no answer: it counts against recall where the label is "barred", and is counted apart. Where a source names no',
    'license for the model, MIT stands for it, so that only what flows down can bar the use. Changing a work is asked as',
    'fine-tuning, and mixing works as merging. The labels were written down before the rules were asked. Sources with which the',
    'rules were written, and cases by which a rule was mended, cannot judge them, and are scored apart.',
    '',
    '## Score',
    '',
    'Precision: of what is called barred here, how much the label bars. Recall: of what the label bars, how much is called barred.',
    '',
    '| verdicts on | reading | cases | barred by label | no answer | precision | recall |',
    '|---|---|---|---|---|---|---|',
    ...[
      ...parts,
      { title: '**all of these**', answered: apart },
      { title: 'all with a license of data, content or a model', answered: apart.filter(isOnDataOrModels) },
      notApart,
    ].flatMap(scoreRows),
    '',
    'The first run, before a rule was mended, over all of these:',
    '',
    '| reading | cases | precision | recall |',
    '|---|---|---|---|',
    ...verdicts.firstRun.map(({ reading, cases, precision, recall }) => row([reading, cases, precision, recall])),
    '',
    'The cases by which a rule was mended since are under *Not apart from the rules* and are not counted with the others.',
    '',
    '## Answered differently',
    '',
    'By the conservative reading. *By* names the rules, which are in [rules.md](rules.md).',
    '',
    '| case | label | here | permissive | by | why | source |',
    '|---|---|---|---|---|---|---|',
    ...all.filter(differs).map((one) => {
      const { labelled, answers } = one;
      const { answer: given, by } = answers.conservative;
      return row([
        labelled.asked,
        labelled.label,
        given,
        answers.permissive.answer,
        by.join(', ') || 'no obstacle',
        reasons[labelled.id] ?? '',
        source(one),
      ]);
    }),
    '',
    '## Not apart from the rules',
    '',
    '| case | label | here | why it is scored apart | source |',
    '|---|---|---|---|---|',
    ...notApart.answered.map((one) =>
      row([
        one.labelled.asked,
        one.labelled.label,
        one.answers.conservative.answer,
        one.labelled.mended ?? 'The rules were written with the source at hand.',
        source(one),
      ]),
    ),
    '',
    '## Every case',
    '',
    '| case | label | conservative | permissive | what was said | source |',
    '|---|---|---|---|---|---|',
    ...all.map((one) =>
      row([
        one.labelled.asked,
        one.labelled.label,
        one.answers.conservative.answer,
        one.answers.permissive.answer,
        said.get(one.labelled.id) ?? 'its place in the list',
        source(one),
      ]),
    ),
    '',
    '## Sources',
    '',
    '| source | by | dated | read in | apart from the rules |',
    '|---|---|---|---|---|',
    ...Object.values(verdicts.sources).map((one) =>
      row([link(one), one.by, one.dated, one.readAt ?? 'itself', one.apart ? 'yes' : 'no']),
    ),
    '',
    '## What the sources leave open',
    '',
    '| case | filled in |',
    '|---|---|',
    ...verdicts.cases.flatMap(({ asked, assumed }) => (assumed === undefined ? [] : [row([asked, assumed])])),
    '',
    '## Left out',
    '',
    '| what | why |',
    '|---|---|',
    ...verdicts.leftOut.map(({ what, why }) => row([what, why])),
    '',
  ].join('\n');
}

function scoreRows({ title, answered }: Part): string[] {
  return MODES.map((mode) => {
    const { cases, barred, unanswered, precision, recall } = scoreOf(answered, mode);
    return row([title, mode, cases, barred, unanswered, percent(precision), percent(recall)]);
  });
}

const percent = (part: number): string => (Number.isNaN(part) ? 'nothing barred' : `${(part * 100).toFixed(1)} %`);
const row = (cells: readonly (string | number)[]): string =>
  `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
const link = ({ title, url }: Source): string => `[${title}](${url})`;

const file = (root: string): string => join(root, 'docs', 'rules-cases.md');

/** @param root the repository */
export const casesPageOnDisk = (root: string): Promise<string> => readFile(file(root), 'utf8');

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await writeFile(file(process.cwd()), await casesPage(process.cwd()));
}
