/**
 * Verdicts of others on what licenses allow, put to the rules as questions. A label says "allowed" or "barred", and so does
 * the answer: BLOCK and CONFLICT bar, OK allows, and UNKNOWN is no answer. Some labels ask for more than one use: whether
 * the license leaves the model free for every purpose. There a limit on purposes bars as well.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ACTIONS } from '../src/core/licensing/actions.ts';
import type { IntendedUse, Judgement } from '../src/core/licensing/judgement.ts';
import { obligationsOf } from '../src/core/licensing/obligations.ts';
import type { LineageRelation } from '../src/core/licensing/relations.ts';
import { CURRENT_RULES, RULES } from '../src/core/licensing/rules/index.ts';
import type { Mode } from '../src/core/licensing/rules/rule.ts';
import { MODES } from '../src/core/licensing/rules/rule.ts';

export type Label = 'allowed' | 'barred';
export type Answer = Label | 'no answer';

export interface Asked {
  /** The license under which the model is offered */
  readonly model: string;
  readonly from: readonly { readonly relation: LineageRelation; readonly license: string }[];
  readonly use: IntendedUse;
  readonly asks: 'use' | 'free';
}

export interface LabelledCase extends Asked {
  readonly id: string;
  readonly source: string;
  /** The case in words */
  readonly asked: string;
  readonly label: Label;
  /** How a rule was mended after this case had shown it wrong: the case cannot judge it any more */
  readonly mended?: string;
}

export interface PublishedCase extends LabelledCase {
  /** Of one model or dataset, or of a license in general */
  readonly part: 'models' | 'guidance';
  readonly said: string;
  /** What the source leaves open, and how it was filled in */
  readonly assumed?: string;
}

export interface Source {
  readonly by: string;
  readonly title: string;
  readonly url: string;
  readonly dated: string;
  /** False where the rules were written with the source at hand, so that it cannot judge them */
  readonly apart: boolean;
  readonly readAt?: string;
}

interface LabelledList {
  readonly id: string;
  readonly source: string;
  readonly question: keyof typeof QUESTIONS;
  readonly labels: readonly {
    readonly license: string;
    readonly under?: string;
    readonly label: Label;
    readonly mended?: string;
  }[];
}

export interface PublishedVerdicts {
  /** The score before a rule was mended */
  readonly firstRun: readonly {
    readonly reading: Mode;
    readonly cases: number;
    readonly precision: string;
    readonly recall: string;
  }[];
  readonly sources: Readonly<Record<string, Source>>;
  readonly cases: readonly PublishedCase[];
  readonly lists: readonly LabelledList[];
  readonly leftOut: readonly { readonly what: string; readonly why: string }[];
}

/** @param root the repository */
export const publishedVerdicts = async (root: string): Promise<PublishedVerdicts> =>
  JSON.parse(await readFile(join(root, 'test/vectors/licenses/published-verdicts.json'), 'utf8')) as PublishedVerdicts;

const shared: IntendedUse = { actions: ['redistribute'], commercial: false };
const sold: IntendedUse = { actions: ['redistribute'], commercial: true };

/** What a list says of a license, as a question about a model. */
export const QUESTIONS = {
  'changed-and-shared-under': (license: string, under: string) => ({
    asked: `Something under ${license} changed, and shared under ${under} without commerce`,
    model: under,
    from: [{ relation: 'fine-tuned-from', license }],
    use: shared,
    asks: 'use',
  }),
  'merged-under-apache': (license: string) => ({
    asked: `Something under ${license} as a part of what is under Apache-2.0, sold`,
    model: 'Apache-2.0',
    from: [{ relation: 'merged-from', license }],
    use: sold,
    asks: 'use',
  }),
  'data-used-commercially': (license: string) => ({
    asked: `A model trained on data under ${license}, used commercially`,
    model: 'MIT',
    from: [{ relation: 'trained-on', license }],
    use: { actions: ['infer'], commercial: true },
    asks: 'use',
  }),
  'changed-and-free': (license: string) => {
    const data = isForDataAlone(license);
    return {
      asked: data
        ? `A model trained on data under ${license}, free for every purpose`
        : `Something under ${license} changed, under the same license and free for every purpose`,
      model: data ? 'MIT' : license,
      from: [{ relation: data ? 'trained-on' : 'fine-tuned-from', license }],
      use: { actions: ACTIONS, commercial: true },
      asks: 'free',
    };
  },
} as const satisfies Record<string, (license: string, under: string) => Asked & { asked: string }>;

/** The cases of a list. */
export const listed = ({ id, source, question, labels }: LabelledList): LabelledCase[] =>
  labels.map(({ license, under = '', label, mended }) => ({
    id: `${id}: ${under === '' ? license : `${license} as ${under}`}`,
    source,
    label,
    ...(mended === undefined ? {} : { mended }),
    ...QUESTIONS[question](license, under),
  }));

const isForDataAlone = (license: string): boolean => {
  const rules = RULES[CURRENT_RULES].families
    .filter(({ licenses }) => licenses.includes(license))
    .flatMap((family) => family.rules);
  return rules.length > 0 && rules.every(({ places }) => places.every((place) => place === 'trained-on'));
};

export interface Answered<C extends LabelledCase> {
  readonly labelled: C;
  readonly answers: Readonly<Record<Mode, { readonly answer: Answer; readonly by: readonly string[] }>>;
}

/** The day of the verdicts: every license of the labels had been written by then. */
const ON = '2026-11-27';

export function answer<C extends LabelledCase>(labelled: C): Answered<C> {
  const { model, from, use, asks } = labelled;
  const obligations = obligationsOf({
    lineage: {
      nodes: [{ id: 'model', license: model }, ...from.map(({ license }, i) => ({ id: `from ${i + 1}`, license }))],
      edges: from.map(({ relation }, i) => ({ child: 'model', parent: `from ${i + 1}`, relation })),
    },
    model: 'model',
    use,
    on: ON,
  });
  const answers = MODES.map((mode) => [mode, answerOf(obligations[mode], asks)]);
  return { labelled, answers: Object.fromEntries(answers) as Answered<C>['answers'] };
}

function answerOf({ verdict, obstacles, duties }: Judgement, asks: Asked['asks']): { answer: Answer; by: string[] } {
  const limits = asks === 'free' ? duties.filter(({ does }) => does === 'restrict') : [];
  const bars = [...obstacles.filter((one) => one.verdict !== 'UNKNOWN'), ...limits];
  const open = obstacles.filter((one) => one.verdict === 'UNKNOWN');
  const names = (findings: typeof obstacles) => [...new Set(findings.map(({ rule }) => rule ?? 'no rule'))];
  if (bars.length > 0) return { answer: 'barred', by: names(bars) };
  return verdict === 'UNKNOWN' ? { answer: 'no answer', by: names(open) } : { answer: 'allowed', by: [] };
}

/** The answer of the conservative reading is not the label: another one, or none. */
export const differs = ({ labelled, answers }: Answered<LabelledCase>): boolean =>
  answers.conservative.answer !== labelled.label;

export interface Score {
  readonly cases: number;
  readonly barred: number;
  readonly unanswered: number;
  /** Of what is called barred here, how much is barred by the label; NaN where nothing is */
  readonly precision: number;
  /** Of what is barred by the label, how much is called so here */
  readonly recall: number;
}

export function scoreOf(answered: readonly Answered<LabelledCase>[], mode: Mode): Score {
  const count = (label: Label | null, given: Answer | null) =>
    answered.filter(
      ({ labelled, answers }) =>
        (label ?? labelled.label) === labelled.label && (given ?? answers[mode].answer) === answers[mode].answer,
    ).length;
  const hits = count('barred', 'barred');
  return {
    cases: answered.length,
    barred: count('barred', null),
    unanswered: count(null, 'no answer'),
    precision: hits / count(null, 'barred'),
    recall: hits / count('barred', null),
  };
}
