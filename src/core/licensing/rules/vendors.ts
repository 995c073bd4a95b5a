/** Terms that makers of models wrote for their own: Llama, Gemma, and Meta's research licenses. */
import { ACTIONS } from '../actions.ts';
import { GEMMA, LLAMA_2, LLAMA_3 } from './names.ts';
import type { Rule, RuleFamily } from './rule.ts';
import { BOTH, CHANGED, DATA, OUTPUTS, OWN, SHARED, SHARED_OR_HOSTED, WEIGHTS } from './rule.ts';

const forModels = (id: string): Rule => ({
  id: `${id}-data`,
  places: DATA,
  modes: BOTH,
  effect: { does: 'unknown', why: 'The terms are for models, and say nothing of data under them.' },
  clause: 'The whole text',
});

const policy = (id: string, clause: string, places: Rule['places']): Rule => ({
  id: `${id}-use-policy`,
  places,
  modes: BOTH,
  effect: { does: 'restrict', duty: 'Keep to the acceptable use policy.', asks: ['use-restrictions'], on: ACTIONS },
  clause,
});

const manyUsers = (id: string, clause: string): Rule => ({
  id: `${id}-many-users`,
  places: [...OWN, ...WEIGHTS],
  modes: BOTH,
  effect: {
    does: 'duty',
    duty: 'If you had more than 700 million monthly users when this version came out, ask Meta for a license first.',
    asks: ['by-hand'],
    on: ACTIONS,
  },
  clause,
});

const noOtherModels = (id: string, clause: string): Rule => ({
  id: `${id}-other-models`,
  places: OUTPUTS,
  modes: BOTH,
  effect: { does: 'forbid', actions: ACTIONS },
  clause,
});

const research = (license: string, id: string, source: string): RuleFamily => ({
  title: license,
  licenses: [`LicenseRef-${license}`],
  source,
  validFrom: null,
  validTo: null,
  rules: [
    {
      id: `${id}-research`,
      places: [...OWN, ...WEIGHTS, ...OUTPUTS],
      modes: BOTH,
      effect: { does: 'forbid-commercial' },
      clause: '1(a) and 2(a)(i), also for what the software produced',
    },
    {
      id: `${id}-uses`,
      places: [...OWN, ...WEIGHTS, ...OUTPUTS],
      modes: BOTH,
      effect: {
        does: 'restrict',
        duty: 'Use it for non-commercial research alone, and for none of the purposes of section 2(a).',
        asks: ['use-restrictions'],
        on: ACTIONS,
      },
      clause: '1(a) and 2(a)',
    },
    {
      id: `${id}-attribution`,
      places: [...OWN, ...WEIGHTS],
      modes: BOTH,
      effect: {
        does: 'duty',
        duty: 'Pass on a copy of the license and its attribution notice.',
        asks: ['license-text', 'notice'],
        on: SHARED,
      },
      clause: '3',
    },
    forModels(id),
  ],
});

const llama3 = (version: string, validFrom: string, source: string): RuleFamily => ({
  title: `Llama ${version}`,
  licenses: [`LicenseRef-Llama-${version}`],
  source,
  validFrom,
  validTo: null,
  rules: [
    {
      id: 'llama3-copy',
      places: [...OWN, ...WEIGHTS],
      modes: BOTH,
      effect: {
        does: 'duty',
        duty: 'Give a copy of the agreement, keep the "Notice" file, and show "Built with Llama".',
        asks: ['license-text', 'notice', 'built-with-llama'],
        on: SHARED_OR_HOSTED,
      },
      clause: '1(b)(i) and 1(b)(iii)',
    },
    {
      id: 'llama3-name',
      places: [...WEIGHTS, ...OUTPUTS],
      modes: BOTH,
      effect: {
        does: 'duty',
        duty: 'Begin the name of the model with "Llama".',
        asks: ['llama-name'],
        on: SHARED_OR_HOSTED,
      },
      clause: '1(b)(i), last sentence',
    },
    policy('llama3', '1(b)(iv)', [...OWN, ...WEIGHTS, ...OUTPUTS]),
    manyUsers('llama3', '2'),
    forModels('llama3'),
  ],
});

export const VENDORS: readonly RuleFamily[] = [
  {
    title: 'Llama 2',
    licenses: LLAMA_2,
    source: 'https://ai.meta.com/llama/license/',
    validFrom: '2023-07-18',
    validTo: null,
    rules: [
      noOtherModels('llama2', '1(b)(v): no other large language model, Llama 2 and its derivatives excepted'),
      {
        id: 'llama2-copy',
        places: [...OWN, ...WEIGHTS],
        modes: BOTH,
        effect: {
          does: 'duty',
          duty: 'Give a copy of the agreement, and keep the "Notice" file.',
          asks: ['license-text', 'notice'],
          on: SHARED_OR_HOSTED,
        },
        clause: '1(b)(i) and 1(b)(iii)',
      },
      policy('llama2', '1(b)(iv)', [...OWN, ...WEIGHTS]),
      manyUsers('llama2', '2'),
      forModels('llama2'),
    ],
  },
  {
    title: 'Llama 3',
    licenses: LLAMA_3,
    source: 'https://www.llama.com/llama3/license/',
    validFrom: '2024-04-18',
    validTo: null,
    rules: [
      noOtherModels('llama30', '1(b)(v): no other large language model, Llama 3 and its derivatives excepted'),
      {
        id: 'llama30-copy',
        places: [...OWN, ...WEIGHTS],
        modes: BOTH,
        effect: {
          does: 'duty',
          duty: 'Give a copy of the agreement, keep the "Notice" file, and show "Built with Meta Llama 3".',
          asks: ['license-text', 'notice', 'by-hand'],
          on: SHARED_OR_HOSTED,
        },
        clause: '1(b)(i) and 1(b)(iii)',
      },
      {
        id: 'llama30-name',
        places: WEIGHTS,
        modes: BOTH,
        effect: {
          does: 'duty',
          duty: 'Begin the name of the model with "Llama 3".',
          asks: ['by-hand'],
          on: SHARED_OR_HOSTED,
        },
        clause: '1(b)(i), last sentence',
      },
      policy('llama30', '1(b)(iv)', [...OWN, ...WEIGHTS]),
      manyUsers('llama30', '2'),
      forModels('llama30'),
    ],
  },
  llama3('3.1', '2024-07-23', 'https://www.llama.com/llama3_1/license/'),
  llama3('3.2', '2024-09-25', 'https://www.llama.com/llama3_2/license/'),
  llama3('3.3', '2024-12-06', 'https://www.llama.com/llama3_3/license/'),
  llama3('4', '2025-04-05', 'https://www.llama.com/llama4/license/'),
  {
    title: 'Gemma',
    licenses: GEMMA,
    source: 'https://ai.google.dev/gemma/terms',
    validFrom: null,
    validTo: null,
    rules: [
      {
        id: 'gemma-use-restrictions',
        places: [...OWN, ...WEIGHTS, ...OUTPUTS],
        modes: BOTH,
        effect: {
          does: 'restrict',
          duty: 'Keep to the prohibited use policy, and make it an enforceable term for whoever gets or uses the model.',
          asks: ['use-restrictions'],
          on: ACTIONS,
        },
        clause: '3.1(1) and 3.2; models made from outputs are Model Derivatives (1.1)',
      },
      {
        id: 'gemma-copy',
        places: [...OWN, ...WEIGHTS, ...OUTPUTS],
        modes: BOTH,
        effect: { does: 'duty', duty: 'Give a copy of the terms.', asks: ['license-text'], on: SHARED_OR_HOSTED },
        clause: '3.1(2)',
      },
      {
        id: 'gemma-notice',
        places: [...OWN, ...WEIGHTS, ...OUTPUTS],
        modes: BOTH,
        effect: { does: 'duty', duty: 'Add the "Notice" file that names the terms.', asks: ['notice'], on: SHARED },
        clause: '3.1(4)',
      },
      {
        id: 'gemma-changes',
        places: [...CHANGED, ...OUTPUTS],
        modes: BOTH,
        effect: {
          does: 'duty',
          duty: 'State in the changed files that you changed them.',
          asks: ['statement-of-changes'],
          on: SHARED_OR_HOSTED,
        },
        clause: '3.1(3)',
      },
      forModels('gemma'),
    ],
  },
  research('OPT-175B', 'opt', 'https://github.com/facebookresearch/metaseq/blob/main/projects/OPT/MODEL_LICENSE.md'),
  research('SEER', 'seer', 'https://github.com/facebookresearch/vissl/blob/main/projects/SEER/MODEL_LICENSE.md'),
];
