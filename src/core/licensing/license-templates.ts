/**
 * Licenses for the common cases, ready to be filled in. Where the SPDX list has no license of the kind, the text is
 * written from the terms by `licenseText`, so that what people read and what programs enforce are one; such a license is
 * named `LicenseRef-muniment-<template>`, and its text goes on record by its digest.
 */
import { ACTIONS } from './actions.ts';
import type { LicenseTerms } from './license-terms.ts';

export interface LicenseTemplate {
  readonly id: string;
  readonly title: string;
  /** When to use it, in one sentence */
  readonly use: string;
  readonly expression: string;
  readonly terms: LicenseTerms;
}

const NOTHING_LIMITED: LicenseTerms = {
  actions: [...ACTIONS],
  commercial: true,
  territory: null,
  fieldOfUse: null,
  termDays: null,
  seats: null,
  maxCalls: null,
  attribution: null,
  shareAlike: false,
  sublicensing: false,
  useRestrictions: [],
};

const own = (id: string, title: string, use: string, terms: Partial<LicenseTerms>): LicenseTemplate => ({
  id,
  title,
  use,
  expression: `LicenseRef-muniment-${id}`,
  terms: { ...NOTHING_LIMITED, ...terms },
});

export const LICENSE_TEMPLATES: readonly LicenseTemplate[] = [
  {
    id: 'open',
    title: 'Open',
    use: 'Everybody may do everything, and keeps the notices.',
    expression: 'Apache-2.0',
    terms: { ...NOTHING_LIMITED, sublicensing: true },
  },
  own('research-only', 'Research only', 'For research and teaching, without commercial use.', {
    actions: ['infer', 'fine-tune'],
    commercial: false,
    fieldOfUse: 'research and teaching',
  }),
  own('per-seat', 'Commercial, per seat', 'A licensee runs it for as many holders at a time as it pays for.', {
    actions: ['infer'],
    termDays: 365,
    seats: 10,
  }),
  own('per-call', 'Commercial, per call', 'A licensee runs or hosts it for a number of uses.', {
    actions: ['infer', 'host'],
    termDays: 365,
    maxCalls: 100_000,
  }),
  own('evaluation', 'Evaluation, 30 days', 'Somebody tries it for a month before buying.', {
    actions: ['infer'],
    commercial: false,
    fieldOfUse: 'evaluation',
    termDays: 30,
    seats: 1,
  }),
  own(
    'responsible-use',
    'Responsible use',
    'Everybody may do everything but certain harms, also with what is made from it.',
    {
      sublicensing: true,
      useRestrictions: [
        'to break the law of the place where it is used',
        'to exploit or harm minors, or to attempt it',
        'to make or spread what is known to be false in order to harm somebody',
        'to make or spread personal data by which somebody can be harmed',
        'to decide about the rights of a person without a human who answers for it',
        'to discriminate against people for what they are or believe',
        'to give medical advice or to read medical findings without a person who is qualified for it',
        'to pass for a human being without saying so',
      ],
    },
  ),
];

/** The text of a license that is named after a template, from its terms alone: the same terms, the same bytes. */
export function licenseText(name: string, terms: LicenseTerms): string {
  const { actions, commercial, territory, fieldOfUse, termDays, seats, maxCalls } = terms;
  const { attribution, shareAlike, sublicensing, useRestrictions } = terms;
  const clauses = [
    `Under a grant on record the licensee may ${actions.map((action) => WHAT[action]).join('; ')}.`,
    commercial ? 'Commercial use is allowed.' : 'Commercial use is not allowed.',
    territory === null ? 'It is allowed everywhere.' : `It is allowed in ${territory.join(', ')} and nowhere else.`,
    ...(fieldOfUse === null ? [] : [`It is allowed for this purpose and no other: ${fieldOfUse}.`]),
    ...(termDays === null ? [] : [`A grant lasts ${termDays} days at most from its beginning.`]),
    ...(seats === null ? [] : [`At any time ${seats} holders at most may use it.`]),
    ...(maxCalls === null ? [] : [`Under one grant it may be used ${maxCalls} times at most.`]),
    ...(attribution === null ? [] : [`Wherever it is used, this notice is shown: ${attribution}`]),
    ...(shareAlike ? ['What is made from it is passed on under this license alone.'] : []),
    sublicensing
      ? 'The licensee may give licenses to others within its own.'
      : 'The licensee may not give licenses to others.',
    ...(useRestrictions.length === 0
      ? []
      : [
          'It must not be used, nor must others be let use it or what is made from it:',
          ...useRestrictions.map((restriction) => `   - ${restriction}`),
        ]),
    'Everything else is reserved. The model is given as it is, without any warranty.',
  ];
  let number = 0;
  const lines = clauses.map((clause) => (clause.startsWith('   -') ? clause : `${++number}. ${clause}`));
  return `${name}\n\n${lines.join('\n')}\n`;
}

const WHAT: Readonly<Record<LicenseTerms['actions'][number], string>> = {
  infer: 'run the model',
  'fine-tune': 'make other models by training it further',
  distill: 'train other models on what it puts out',
  redistribute: 'pass on copies of it',
  host: 'let others use it over a network',
};
