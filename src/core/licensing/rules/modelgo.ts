/**
 * ModelGo licenses 2.0, by their tags. Derivative materials are also models that were made from the model's outputs or by
 * distillation (section 1), and hosting is distribution (section 1).
 */
import { ACTIONS } from '../actions.ts';
import type { Rule, RuleFamily } from './rule.ts';
import { BOTH, CHANGED, DATA, OUTPUTS, OWN, SHARED_OR_HOSTED, WEIGHTS } from './rule.ts';

const EVERYWHERE = [...OWN, ...WEIGHTS, ...OUTPUTS] as const;
const DERIVED = [...WEIGHTS, ...OUTPUTS] as const;

const DATA_UNKNOWN: Rule = {
  id: 'mg-data',
  places: DATA,
  modes: BOTH,
  effect: { does: 'unknown', why: 'The license is for models and leaves datasets out.' },
  clause: '1 (Licensed Materials)',
};

const BY: readonly Rule[] = [
  {
    id: 'mg-by',
    places: EVERYWHERE,
    modes: BOTH,
    effect: {
      does: 'duty',
      duty: 'Give a copy of the license, and keep all notices of authors.',
      asks: ['license-text', 'notice'],
      on: SHARED_OR_HOSTED,
    },
    clause: '2.2(a)(i) and 2.2(a)(iii)',
  },
  {
    id: 'mg-by-changes',
    places: [...CHANGED, ...OUTPUTS],
    modes: BOTH,
    effect: {
      does: 'duty',
      duty: 'Say that you modified the model, and when.',
      asks: ['statement-of-changes'],
      on: SHARED_OR_HOSTED,
    },
    clause: '2.2(a)(ii)',
  },
];

const NC: Rule = {
  id: 'mg-nc',
  places: EVERYWHERE,
  modes: BOTH,
  effect: { does: 'forbid-commercial' },
  clause: '2.1(a): for NonCommercial purposes only',
};

const ND: Rule = {
  id: 'mg-nd',
  places: DERIVED,
  modes: BOTH,
  effect: { does: 'forbid', actions: SHARED_OR_HOSTED },
  clause: '2.1(a)(iii): derivative materials may be made and used, and not distributed',
};

const RAI: Rule = {
  id: 'mg-rai',
  places: EVERYWHERE,
  modes: BOTH,
  effect: {
    does: 'restrict',
    duty: 'Use it for none of the listed purposes.',
    asks: ['use-restrictions'],
    on: ACTIONS,
  },
  clause: '2.2(c)',
};

const SA: Rule = {
  id: 'mg-sa',
  places: DERIVED,
  modes: BOTH,
  effect: { does: 'same-license', accepts: ['LicenseRef-MG-BY-SA-2.0'], on: SHARED_OR_HOSTED },
  clause: '2.2(a)(v)',
};

const SOURCE: Rule = {
  id: 'mg-sa-source',
  places: EVERYWHERE,
  modes: BOTH,
  effect: {
    does: 'duty',
    duty: 'Give the form that is preferred for modification and reproduction.',
    asks: ['by-hand'],
    on: SHARED_OR_HOSTED,
  },
  clause: '2.2(a)(iv)',
};

const family = (name: string, rules: readonly Rule[]): RuleFamily => ({
  title: name,
  licenses: [`LicenseRef-${name}`],
  source: `https://ids.nus.edu.sg/docs/modelgo/${name}.txt`,
  validFrom: '2025-05-01',
  validTo: null,
  rules: [...rules, DATA_UNKNOWN],
});

export const MODELGO: readonly RuleFamily[] = [
  family('MG0-2.0', [
    { id: 'mg0', places: EVERYWHERE, modes: BOTH, effect: { does: 'nothing' }, clause: '2.1, and the model sheet' },
  ]),
  family('MG-BY-2.0', BY),
  family('MG-BY-NC-2.0', [...BY, NC]),
  family('MG-BY-SA-2.0', [...BY, SA, SOURCE]),
  family('MG-BY-RAI-2.0', [...BY, RAI]),
  family('MG-BY-NC-RAI-2.0', [...BY, NC, RAI]),
  family('MG-BY-ND-2.0', [...BY, ND]),
  family('MG-BY-NC-ND-2.0', [...BY, NC, ND]),
];
