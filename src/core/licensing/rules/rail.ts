/**
 * The OpenRAIL family. A derivative is also what was trained on the model's outputs to perform like it (section 1), and
 * hosting is distribution (section 1), so the terms follow the model on every edge.
 */
import { OPEN_RAIL } from './names.ts';
import type { RuleFamily } from './rule.ts';
import { BOTH, CHANGED, DATA, OUTPUTS, OWN, SHARED_OR_HOSTED, WEIGHTS } from './rule.ts';

const COPYLEFT = [
  'AGPL-3.0',
  'AGPL-3.0-only',
  'AGPL-3.0-or-later',
  'GPL-2.0',
  'GPL-2.0-only',
  'GPL-2.0-or-later',
  'GPL-3.0',
  'GPL-3.0-only',
  'GPL-3.0-or-later',
];

export const RAIL: readonly RuleFamily[] = [
  {
    title: 'OpenRAIL',
    licenses: OPEN_RAIL,
    source: 'https://huggingface.co/spaces/CompVis/stable-diffusion-license',
    validFrom: '2022-05-19',
    validTo: null,
    rules: [
      {
        id: 'rail-use-restrictions',
        places: [...OWN, ...WEIGHTS, ...OUTPUTS],
        modes: BOTH,
        effect: {
          does: 'restrict',
          duty: 'Keep to the use restrictions of Attachment A, and make them an enforceable term for whoever gets or uses the model.',
          asks: ['use-restrictions'],
          on: ['infer', 'fine-tune', 'distill', 'redistribute', 'host'],
        },
        clause: '4(a) and 5',
      },
      {
        id: 'rail-copy',
        places: [...OWN, ...WEIGHTS, ...OUTPUTS],
        modes: BOTH,
        effect: {
          does: 'duty',
          duty: 'Give a copy of the license, and keep all notices.',
          asks: ['license-text', 'notice'],
          on: SHARED_OR_HOSTED,
        },
        clause: '4(b) and 4(d)',
      },
      {
        id: 'rail-changes',
        places: [...CHANGED, ...OUTPUTS],
        modes: BOTH,
        effect: {
          does: 'duty',
          duty: 'State in the changed files that you changed them.',
          asks: ['statement-of-changes'],
          on: SHARED_OR_HOSTED,
        },
        clause: '4(c)',
      },
      {
        id: 'rail-beside-gpl',
        places: [...OWN, ...WEIGHTS, ...OUTPUTS],
        modes: BOTH,
        effect: { does: 'conflict', with: COPYLEFT, on: SHARED_OR_HOSTED },
        clause: '4(a), against GPL-2.0 section 6 and GPL-3.0 section 10',
      },
      {
        id: 'rail-data',
        places: DATA,
        modes: BOTH,
        effect: { does: 'unknown', why: 'The license is for models and leaves data out.' },
        clause: '1 (Data)',
      },
    ],
  },
];
