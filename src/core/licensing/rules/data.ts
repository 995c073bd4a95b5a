/** Licenses written for data. They speak of what is computed from the data, so most leave a model free. */
import type { Rule, RuleFamily } from './rule.ts';
import { BOTH, CAREFUL, DATA, LITERAL, SHARED_OR_HOSTED } from './rule.ts';

const resultsFree = (id: string, clause: string): Rule => ({
  id: `${id}-results`,
  places: DATA,
  modes: BOTH,
  effect: { does: 'nothing' },
  clause,
});

const producedWork = (id: string, clause: string): Rule[] => [
  {
    id: `${id}-produced-work`,
    places: DATA,
    modes: CAREFUL,
    effect: {
      does: 'duty',
      duty: 'Say with the model that it was made from the database, and under which license that is available.',
      asks: ['attribution'],
      on: SHARED_OR_HOSTED,
    },
    clause,
  },
  {
    id: `${id}-no-produced-work`,
    places: DATA,
    modes: LITERAL,
    effect: { does: 'nothing' },
    clause: `${clause}: only if the model is a Produced Work`,
  },
];

export const DATA_LICENSES: readonly RuleFamily[] = [
  {
    title: 'CDLA Permissive 1.0',
    licenses: ['CDLA-Permissive-1.0'],
    source: 'https://cdla.dev/permissive-1-0/',
    validFrom: null,
    validTo: null,
    rules: [resultsFree('cdla-permissive-1', '3.4 with 1.10')],
  },
  {
    title: 'CDLA Permissive 2.0',
    licenses: ['CDLA-Permissive-2.0'],
    source: 'https://cdla.dev/permissive-2-0/',
    validFrom: null,
    validTo: null,
    rules: [resultsFree('cdla-permissive', '3.1 with 5.4')],
  },
  {
    title: 'CDLA Sharing 1.0',
    licenses: ['CDLA-Sharing-1.0'],
    source: 'https://cdla.dev/sharing-1-0/',
    validFrom: null,
    validTo: null,
    rules: [resultsFree('cdla-sharing', '3.5 with 1.11')],
  },
  {
    title: 'ODC-By',
    licenses: ['ODC-By-1.0'],
    source: 'https://opendatacommons.org/licenses/by/1-0/',
    validFrom: null,
    validTo: null,
    rules: producedWork('odc-by', '4.3'),
  },
  {
    title: 'ODbL',
    licenses: ['ODbL-1.0'],
    source: 'https://opendatacommons.org/licenses/odbl/1-0/',
    validFrom: null,
    validTo: null,
    rules: [
      ...producedWork('odbl', '4.3'),
      {
        id: 'odbl-derivative-database',
        places: DATA,
        modes: CAREFUL,
        effect: {
          does: 'duty',
          duty: 'Offer the database that you trained on, if you changed it, under the same license.',
          asks: ['by-hand'],
          on: SHARED_OR_HOSTED,
        },
        clause: '4.4(c) and 4.6',
      },
    ],
  },
  {
    title: 'C-UDA',
    licenses: ['C-UDA-1.0'],
    source: 'https://github.com/microsoft/Computational-Use-of-Data-Agreement',
    validFrom: null,
    validTo: null,
    rules: [
      resultsFree('c-uda', '2.2'),
      {
        id: 'c-uda-computational',
        places: DATA,
        modes: BOTH,
        effect: {
          does: 'restrict',
          duty: 'Use the data for computational use alone.',
          asks: ['use-restrictions'],
          on: ['fine-tune', 'redistribute'],
        },
        clause: '2.1',
      },
    ],
  },
];
