/**
 * Our verdicts beside OSADL's labels. OSADL asks whether a program under one license may hold a part under another. The
 * nearest question here: a model under the one license, merged from a model under the other, is shared. CONFLICT and BLOCK
 * in the conservative reading count as "incompatible". Where OSADL says neither yes nor no, there is no label; where we
 * say UNKNOWN, there is no answer, and it is counted as such.
 */
import { obligationsOf } from '../../../src/core/licensing/obligations.ts';
import { CURRENT_RULES, RULES } from '../../../src/core/licensing/rules/index.ts';
import type { Matrix } from './osadl.ts';
import { PACKAGE } from './osadl.ts';

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

export function scorePage({ licenses, cases, unlabeled, precision, recall }: Score): string {
  const misses = cases.filter(({ theirs, ours: mine }) => theirs !== mine);
  const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
  return `# The license rules beside OSADL's matrix

<!-- Written by test/interop/licenses with UPDATE_DOCS=1. Do not edit. -->

Labels: the license compatibility matrix of the Open Source Automation Development Lab (OSADL) eG and contributors,
CC-BY-4.0, from PyPI \`${PACKAGE}\`; rules: edition ${CURRENT_RULES}. The matrix asks whether a program under one license may
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
`;
}
