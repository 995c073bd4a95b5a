/** Licenses that let everything be done, at most with their text and notices. */
import type { Action, Rule, RuleFamily } from './rule.ts';
import { BOTH, CAREFUL, CHANGED, DATA, LITERAL, OUTPUTS, OWN, SHARED, SHARED_OR_HOSTED, WEIGHTS } from './rule.ts';

const nothing = (id: string, clause: string): Rule => ({
  id: `${id}-nothing`,
  places: [...OWN, ...WEIGHTS, ...OUTPUTS, ...DATA],
  modes: BOTH,
  effect: { does: 'nothing' },
  clause,
});

/** Copies carry text and notices; what is learned from data or outputs is no copy. */
const notices = (id: string, clause: string, on: readonly Action[] = SHARED): Rule[] => [
  {
    id: `${id}-notices`,
    places: [...OWN, ...WEIGHTS],
    modes: BOTH,
    effect: {
      does: 'duty',
      duty: 'Pass on the text of the license and the copyright notices.',
      asks: ['license-text', 'notice'],
      on,
    },
    clause,
  },
  { id: `${id}-data`, places: DATA, modes: BOTH, effect: { does: 'nothing' }, clause },
  { id: `${id}-outputs`, places: OUTPUTS, modes: BOTH, effect: { does: 'nothing' }, clause },
];

const changes = (id: string, clause: string, on: readonly Action[] = SHARED): Rule => ({
  id: `${id}-changes`,
  places: CHANGED,
  modes: BOTH,
  effect: {
    does: 'duty',
    duty: 'State in the changed files that you changed them.',
    asks: ['statement-of-changes'],
    on,
  },
  clause,
});

/** The Free Software Foundation, which wrote the GPL, names the licenses that cannot be met beside it. */
const besideGpl = (id: string, licenses: readonly string[], clause: string): Rule => ({
  id: `${id}-beside-gpl`,
  places: [...OWN, ...WEIGHTS],
  modes: BOTH,
  effect: { does: 'conflict', with: licenses, on: SHARED },
  clause,
});

const GPL_2 = ['GPL-2.0', 'GPL-2.0-only'] as const;
const ANY_GPL = [...GPL_2, 'GPL-2.0-or-later', 'GPL-3.0', 'GPL-3.0-only', 'GPL-3.0-or-later'] as const;

export const PERMISSIVE: readonly RuleFamily[] = [
  {
    title: 'CC0',
    licenses: ['CC0-1.0'],
    source: 'https://creativecommons.org/publicdomain/zero/1.0/legalcode',
    validFrom: null,
    validTo: null,
    rules: [nothing('cc0', '2 (waiver) and 3 (license without conditions)')],
  },
  {
    title: 'Open Data Commons PDDL',
    licenses: ['PDDL-1.0'],
    source: 'https://opendatacommons.org/licenses/pddl/1-0/',
    validFrom: null,
    validTo: null,
    rules: [nothing('pddl', '3.1 (dedication) and 3.2 (waiver)')],
  },
  {
    title: 'Unlicense',
    licenses: ['Unlicense'],
    source: 'https://unlicense.org/',
    validFrom: null,
    validTo: null,
    rules: [nothing('unlicense', 'First and second paragraph')],
  },
  {
    title: '0BSD',
    licenses: ['0BSD'],
    source: 'https://opensource.org/license/0bsd',
    validFrom: null,
    validTo: null,
    rules: [nothing('0bsd', 'First paragraph: no condition')],
  },
  {
    title: 'WTFPL',
    licenses: ['WTFPL'],
    source: 'http://www.wtfpl.net/txt/copying/',
    validFrom: null,
    validTo: null,
    rules: [nothing('wtfpl', '0')],
  },
  {
    title: 'MIT and ISC',
    licenses: ['ISC', 'MIT'],
    source: 'https://opensource.org/license/mit',
    validFrom: null,
    validTo: null,
    rules: notices('mit', 'The permission notice: it "shall be included in all copies or substantial portions"'),
  },
  {
    title: 'BSD',
    licenses: ['BSD-2-Clause', 'BSD-3-Clause', 'BSD-3-Clause-Clear'],
    source: 'https://opensource.org/license/bsd-3-clause',
    validFrom: null,
    validTo: null,
    rules: notices('bsd', '1 and 2'),
  },
  {
    title: 'Apache-2.0 and ECL-2.0',
    licenses: ['Apache-2.0', 'ECL-2.0'],
    source: 'https://www.apache.org/licenses/LICENSE-2.0',
    validFrom: null,
    validTo: null,
    rules: [
      ...notices('apache', '4(a), 4(c) and 4(d)'),
      changes('apache', '4(b)'),
      besideGpl(
        'apache',
        GPL_2,
        '3 (termination of patent licenses) against GPL-2.0 section 6; gnu.org/licenses/license-list.html#apache2',
      ),
    ],
  },
  {
    title: 'Academic Free License',
    licenses: ['AFL-3.0'],
    source: 'https://opensource.org/license/afl-3-0-php',
    validFrom: null,
    validTo: null,
    rules: [
      ...notices('afl', '6 with 5: external deployment is distribution', SHARED_OR_HOSTED),
      changes('afl', '6, last sentence, with 5', SHARED_OR_HOSTED),
      besideGpl('afl', ANY_GPL, '9 and 10; gnu.org/licenses/license-list.html#AcademicFreeLicense'),
    ],
  },
  {
    title: 'OpenMDW',
    licenses: ['OpenMDW-1.0', 'LicenseRef-OpenMDW-1.1'],
    source: 'https://openmdw.ai/license/1-0/',
    validFrom: null,
    validTo: null,
    rules: [
      {
        id: 'openmdw-notices',
        places: [...OWN, ...WEIGHTS],
        modes: BOTH,
        effect: {
          does: 'duty',
          duty: 'Pass on the agreement and all notices of copyright and of origin.',
          asks: ['license-text', 'notice'],
          on: SHARED,
        },
        clause: 'Fourth paragraph',
      },
      {
        id: 'openmdw-outputs',
        places: OUTPUTS,
        modes: BOTH,
        effect: { does: 'nothing' },
        clause: 'Sixth paragraph: no restriction on outputs',
      },
      {
        id: 'openmdw-data',
        places: DATA,
        modes: LITERAL,
        effect: { does: 'nothing' },
        clause: 'Fourth paragraph: only who distributes the materials',
      },
      {
        id: 'openmdw-data-copied',
        places: DATA,
        modes: CAREFUL,
        effect: {
          does: 'duty',
          duty: 'Pass on the agreement and the notices that came with the data.',
          asks: ['license-text', 'notice'],
          on: SHARED,
        },
        clause: 'Second paragraph: data are part of the materials',
      },
    ],
  },
];
