/**
 * Copyleft: what is made from the work is passed on under its license. These licenses were written for programs. Nobody
 * has decided whether weights are a covered work of the data they learned from, so from data they flow down as UNKNOWN,
 * and in the permissive mode not at all.
 */
import { USE_LIMITING } from './names.ts';
import type { Action, Rule, RuleFamily } from './rule.ts';
import { BOTH, CAREFUL, CHANGED, DATA, LITERAL, OUTPUTS, OWN, SHARED, SHARED_OR_HOSTED, WEIGHTS } from './rule.ts';

const AGPL_3 = ['AGPL-3.0', 'AGPL-3.0-only', 'AGPL-3.0-or-later'];
const GPL_3_LATER = ['GPL-3.0-or-later', 'AGPL-3.0-or-later', 'AGPL-3.0', 'AGPL-3.0-only'];
const GPL_3 = ['GPL-3.0', 'GPL-3.0-only', ...GPL_3_LATER];
const GPL_2 = ['GPL-2.0', 'GPL-2.0-only'];
const GPL_2_LATER = [...GPL_2, 'GPL-2.0-or-later', ...GPL_3];
const LGPL_2_LATER = [
  'LGPL-2.1',
  'LGPL-2.1-only',
  'LGPL-2.1-or-later',
  'LGPL-3.0',
  'LGPL-3.0-only',
  'LGPL-3.0-or-later',
];

interface Copyleft {
  readonly id: string;
  readonly accepts: readonly string[];
  readonly on: readonly Action[];
  readonly notices: string;
  readonly same: string;
  readonly further: string | null;
  readonly outputs: string;
}

const copyleft = ({ id, accepts, on, notices, same, further, outputs }: Copyleft): Rule[] => [
  {
    id: `${id}-copies`,
    places: [...OWN, ...WEIGHTS],
    modes: BOTH,
    effect: {
      does: 'duty',
      duty: 'Pass on the text of the license, the notices and the source.',
      asks: ['license-text', 'notice', 'by-hand'],
      on,
    },
    clause: notices,
  },
  {
    id: `${id}-same-license`,
    places: WEIGHTS,
    modes: BOTH,
    effect: { does: 'same-license', accepts, on },
    clause: same,
  },
  ...(further === null
    ? []
    : [
        {
          id: `${id}-further-restrictions`,
          places: [...OWN, ...WEIGHTS],
          modes: BOTH,
          effect: { does: 'conflict' as const, with: USE_LIMITING, on },
          clause: further,
        },
      ]),
  ...learned(id, outputs),
];

const learned = (id: string, clause: string): Rule[] => [
  {
    id: `${id}-learned`,
    places: [...DATA, ...OUTPUTS],
    modes: CAREFUL,
    effect: { does: 'unknown', why: 'Whether weights that learned from the work are covered by it is undecided.' },
    clause,
  },
  {
    id: `${id}-not-copied`,
    places: [...DATA, ...OUTPUTS],
    modes: LITERAL,
    effect: { does: 'nothing' },
    clause,
  },
];

const family = (
  title: string,
  licenses: readonly string[],
  source: string,
  validFrom: string | null,
  rules: Copyleft,
): RuleFamily => ({ title, licenses, source, validFrom, validTo: null, rules: copyleft(rules) });

/** The one that does not ask for the same license: of three ways to pass on what was changed it is but one. */
const ARTISTIC_2: readonly Rule[] = [
  {
    id: 'artistic2-copies',
    places: [...OWN, ...WEIGHTS],
    modes: BOTH,
    effect: {
      does: 'duty',
      duty: 'Keep the copyright notices and disclaimers; charge for passing it on or for support, and no license fee.',
      asks: ['license-text', 'notice', 'by-hand'],
      on: SHARED,
    },
    clause: '2, 4 and 7, with the definition of "Distributor Fee"',
  },
  {
    id: 'artistic2-changes',
    places: CHANGED,
    modes: BOTH,
    effect: {
      does: 'duty',
      duty: 'Document how the model differs, and offer the changes to the copyright holder, or give the model another name, or let everybody pass it on under this license.',
      asks: ['statement-of-changes', 'by-hand'],
      on: SHARED,
    },
    clause: '4 and 6',
  },
  ...learned('artistic2', '9: what merely makes use of the package is not subject to the license'),
];

const GFDL_TEXT = {
  on: SHARED,
  notices: '2 and 4',
  same: '4: precisely this license',
  further: '2: no other conditions whatsoever',
  outputs: '1: a modified version is what contains the document or a portion of it',
};

const GPL_2_TEXT = {
  on: SHARED,
  notices: '1 and 3',
  same: '2(b)',
  further: '6: no further restrictions',
  outputs: '0: output is covered only if its contents are a work based on the program',
};
const GPL_3_TEXT = {
  on: SHARED,
  notices: '4, 5(a) and 6',
  same: '5(c)',
  further: '10, third paragraph: no further restrictions',
  outputs: '2: output is covered only if its content is a covered work',
};
const LGPL_2_TEXT = { on: SHARED, notices: '1 and 4', same: '2(c)', further: '10', outputs: '0' };
const LGPL_3_TEXT = { ...GPL_3_TEXT, notices: '2, 3 and 4', same: '2', outputs: 'GPL-3.0 section 2' };

export const COPYLEFT: readonly RuleFamily[] = [
  family('GPL-2.0-only', GPL_2, 'https://www.gnu.org/licenses/old-licenses/gpl-2.0.html', '1991-06-01', {
    id: 'gpl2',
    accepts: GPL_2,
    ...GPL_2_TEXT,
  }),
  family(
    'GPL-2.0-or-later',
    ['GPL-2.0-or-later'],
    'https://www.gnu.org/licenses/old-licenses/gpl-2.0.html',
    '1991-06-01',
    {
      id: 'gpl2-later',
      accepts: GPL_2_LATER,
      ...GPL_2_TEXT,
      same: '2(b) with 9: a later version may be chosen',
    },
  ),
  family('GPL-3.0-only', ['GPL-3.0', 'GPL-3.0-only'], 'https://www.gnu.org/licenses/gpl-3.0.html', '2007-06-29', {
    id: 'gpl3',
    accepts: ['GPL-3.0', 'GPL-3.0-only', ...AGPL_3],
    ...GPL_3_TEXT,
    same: '5(c) with 13: combination with AGPL-3.0',
  }),
  family('GPL-3.0-or-later', ['GPL-3.0-or-later'], 'https://www.gnu.org/licenses/gpl-3.0.html', '2007-06-29', {
    id: 'gpl3-later',
    accepts: GPL_3,
    ...GPL_3_TEXT,
    same: '5(c) with 13 and 14',
  }),
  family('AGPL-3.0-only', ['AGPL-3.0', 'AGPL-3.0-only'], 'https://www.gnu.org/licenses/agpl-3.0.html', '2007-11-19', {
    id: 'agpl3',
    accepts: ['AGPL-3.0', 'AGPL-3.0-only'],
    ...GPL_3_TEXT,
    on: SHARED_OR_HOSTED,
    same: '5(c) with 13: also for users over a network',
  }),
  family('AGPL-3.0-or-later', ['AGPL-3.0-or-later'], 'https://www.gnu.org/licenses/agpl-3.0.html', '2007-11-19', {
    id: 'agpl3-later',
    accepts: AGPL_3,
    ...GPL_3_TEXT,
    on: SHARED_OR_HOSTED,
    same: '5(c) with 13 and 14: also for users over a network',
  }),
  family(
    'LGPL-2.1-only',
    ['LGPL-2.1', 'LGPL-2.1-only'],
    'https://www.gnu.org/licenses/old-licenses/lgpl-2.1.html',
    null,
    {
      id: 'lgpl2',
      accepts: ['LGPL-2.1', 'LGPL-2.1-only', ...GPL_2_LATER],
      ...LGPL_2_TEXT,
      same: '2(c) with 3: the GPL may be applied instead',
    },
  ),
  family('LGPL-2.1-or-later', ['LGPL-2.1-or-later'], 'https://www.gnu.org/licenses/old-licenses/lgpl-2.1.html', null, {
    id: 'lgpl2-later',
    accepts: [...LGPL_2_LATER, ...GPL_2_LATER],
    ...LGPL_2_TEXT,
    same: '2(c) with 3 and 13',
  }),
  family('LGPL-3.0-only', ['LGPL-3.0', 'LGPL-3.0-only'], 'https://www.gnu.org/licenses/lgpl-3.0.html', '2007-06-29', {
    id: 'lgpl3',
    accepts: ['LGPL-3.0', 'LGPL-3.0-only', 'GPL-3.0', 'GPL-3.0-only', ...AGPL_3],
    ...LGPL_3_TEXT,
  }),
  family('LGPL-3.0-or-later', ['LGPL-3.0-or-later'], 'https://www.gnu.org/licenses/lgpl-3.0.html', '2007-06-29', {
    id: 'lgpl3-later',
    accepts: ['LGPL-3.0', 'LGPL-3.0-only', 'LGPL-3.0-or-later', ...GPL_3],
    ...LGPL_3_TEXT,
  }),
  family('MPL-2.0', ['MPL-2.0'], 'https://www.mozilla.org/MPL/2.0/', null, {
    id: 'mpl2',
    accepts: ['MPL-2.0', ...LGPL_2_LATER, ...GPL_2_LATER],
    on: SHARED,
    notices: '3.1, 3.2 and 3.4',
    same: '3.1 with 3.3 (secondary licenses, 1.12)',
    further: null,
    outputs: '1.4: covered is what bears the notice, its executable form and modifications of it',
  }),
  {
    title: 'Artistic-2.0',
    licenses: ['Artistic-2.0'],
    source: 'https://opensource.org/license/artistic-2-0',
    validFrom: null,
    validTo: null,
    rules: ARTISTIC_2,
  },
  family('GFDL-1.3-only', ['GFDL-1.3', 'GFDL-1.3-only'], 'https://www.gnu.org/licenses/fdl-1.3.html', '2008-11-03', {
    id: 'gfdl',
    accepts: ['GFDL-1.3', 'GFDL-1.3-only'],
    ...GFDL_TEXT,
  }),
  family('GFDL-1.3-or-later', ['GFDL-1.3-or-later'], 'https://www.gnu.org/licenses/fdl-1.3.html', '2008-11-03', {
    id: 'gfdl-later',
    accepts: ['GFDL-1.3', 'GFDL-1.3-only', 'GFDL-1.3-or-later'],
    ...GFDL_TEXT,
    same: '4 with 10: a later version may be chosen',
  }),
  family('LGPLLR', ['LGPLLR'], 'https://www-igm.univ-mlv.fr/~unitex/lgpllr.html', null, {
    id: 'lgpllr',
    accepts: ['LGPLLR'],
    on: SHARED,
    notices: '1 and 2(b)',
    same: '2(c)',
    further: '7: no further restrictions',
    outputs: '0 and 3: output is covered only if its contents are a work based on the resource',
  }),
  family('OSL-3.0', ['OSL-3.0'], 'https://opensource.org/license/osl-3-0-php', null, {
    id: 'osl3',
    accepts: ['OSL-3.0'],
    on: SHARED_OR_HOSTED,
    notices: '1(c), 3 and 6',
    same: '1(c) with 5: external deployment is distribution',
    further: null,
    outputs: '1(b): derivative works',
  }),
];
