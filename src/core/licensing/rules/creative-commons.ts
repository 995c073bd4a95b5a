/**
 * Creative Commons. The licenses bind whoever shares the work or an adaptation of it. Whether a model is an adaptation of
 * what it learned from is open, so from data they flow down in the conservative mode only.
 */
import { NON_COMMERCIAL, USE_LIMITING } from './names.ts';
import type { Rule, RuleFamily } from './rule.ts';
import { BOTH, CAREFUL, CHANGED, DATA, LITERAL, OUTPUTS, OWN, SHARED, WEIGHTS } from './rule.ts';

interface Clauses {
  readonly id: string;
  readonly attribution: string;
  readonly nonCommercial: string;
  readonly noDerivatives: string;
  readonly shareAlike: string;
  readonly noFurtherTerms: string;
  readonly format: string;
}

const V4: Clauses = {
  id: 'cc4',
  attribution: '3(a)(1)',
  nonCommercial: '2(a)(1) with 1 (NonCommercial)',
  noDerivatives: '2(a)(1)(B): adapted material may be made and not shared',
  shareAlike: '3(b)(1)',
  noFurtherTerms: '3(b)(3): no terms that restrict the rights under the license',
  format: '2(a)(4): another format is no adaptation',
};
const V3: Clauses = {
  id: 'cc3',
  attribution: '4(b) or 4(c)',
  nonCommercial: '4(b) or 4(c)',
  noDerivatives: '3: only the work itself may be distributed',
  shareAlike: '4(b)',
  noFurtherTerms: '4(b): no terms on the adaptation that restrict those of the license',
  format: '3, last paragraph: changes that other media and formats need',
};

/** Where several elements meet in one license, its sections have other letters. */
const V3_NC_SA: Clauses = { ...V3, id: 'cc3-by-nc-sa', attribution: '4(d)', nonCommercial: '4(c)' };
const V3_NC_ND: Clauses = { ...V3, id: 'cc3-by-nc-nd', attribution: '4(c)', nonCommercial: '4(b)' };

const attribution = (c: Clauses): Rule[] => [
  {
    id: `${c.id}-attribution`,
    places: [...OWN, ...WEIGHTS],
    modes: BOTH,
    effect: {
      does: 'duty',
      duty: 'Name the author, the license with a link to it, and what you changed.',
      asks: ['attribution', 'statement-of-changes'],
      on: SHARED,
    },
    clause: c.attribution,
  },
  {
    id: `${c.id}-attribution-data`,
    places: [...DATA, ...OUTPUTS],
    modes: CAREFUL,
    effect: {
      does: 'duty',
      duty: 'Name the source with a link to it and to its license.',
      asks: ['attribution'],
      on: SHARED,
    },
    clause: c.attribution,
  },
  {
    id: `${c.id}-no-adaptation`,
    places: [...DATA, ...OUTPUTS],
    modes: LITERAL,
    effect: { does: 'nothing' },
    clause: `${c.attribution}: only who shares the work or an adaptation`,
  },
];

const nonCommercial = (c: Clauses): Rule[] => [
  {
    id: `${c.id}-non-commercial`,
    places: [...OWN, ...WEIGHTS],
    modes: BOTH,
    effect: { does: 'forbid-commercial' },
    clause: c.nonCommercial,
  },
  {
    id: `${c.id}-non-commercial-data`,
    places: [...DATA, ...OUTPUTS],
    modes: CAREFUL,
    effect: { does: 'forbid-commercial' },
    clause: c.nonCommercial,
  },
];

const noDerivatives = (c: Clauses): Rule[] => [
  {
    id: `${c.id}-no-derivatives`,
    places: CHANGED,
    modes: BOTH,
    effect: { does: 'forbid', actions: SHARED },
    clause: c.noDerivatives,
  },
  {
    id: `${c.id}-no-derivatives-data`,
    places: [...DATA, ...OUTPUTS],
    modes: CAREFUL,
    effect: { does: 'forbid', actions: SHARED },
    clause: c.noDerivatives,
  },
  {
    id: `${c.id}-another-format`,
    places: ['converted-from'],
    modes: BOTH,
    effect: { does: 'nothing' },
    clause: c.format,
  },
];

const shareAlike = (c: Clauses, id: string, accepts: readonly string[], beside: readonly string[]): Rule[] => [
  {
    id: `${id}-share-alike`,
    places: WEIGHTS,
    modes: BOTH,
    effect: { does: 'same-license', accepts, on: SHARED },
    clause: c.shareAlike,
  },
  {
    id: `${id}-share-alike-data`,
    places: [...DATA, ...OUTPUTS],
    modes: CAREFUL,
    effect: { does: 'same-license', accepts, on: SHARED },
    clause: c.shareAlike,
  },
  {
    id: `${id}-no-further-terms`,
    places: WEIGHTS,
    modes: BOTH,
    effect: { does: 'conflict', with: beside, on: SHARED },
    clause: c.noFurtherTerms,
  },
  {
    id: `${id}-no-further-terms-data`,
    places: [...DATA, ...OUTPUTS],
    modes: CAREFUL,
    effect: { does: 'conflict', with: beside, on: SHARED },
    clause: c.noFurtherTerms,
  },
];

/** What limits more than commerce, and so cannot be met beside a license that limits commerce alone. */
const BEYOND_COMMERCE = USE_LIMITING.filter(
  (license) => license !== 'LicenseRef-MG-BY-NC-2.0' && !NON_COMMERCIAL.some((one) => one === license),
);

const V4_SOURCE = (name: string) => `https://creativecommons.org/licenses/${name}/4.0/legalcode`;
const V3_SOURCE = (name: string) => `https://creativecommons.org/licenses/${name}/3.0/legalcode`;
/** creativecommons.org/compatiblelicenses */
const BY_SA_4 = ['CC-BY-SA-4.0', 'GPL-3.0', 'GPL-3.0-only', 'LAL-1.3'];

const family = (license: string, source: string, rules: readonly Rule[]): RuleFamily => ({
  title: license,
  licenses: [license],
  source,
  validFrom: null,
  validTo: null,
  rules,
});

export const CREATIVE_COMMONS: readonly RuleFamily[] = [
  family('CC-BY-4.0', V4_SOURCE('by'), attribution(V4)),
  family('CC-BY-SA-4.0', V4_SOURCE('by-sa'), [
    ...attribution(V4),
    ...shareAlike(V4, 'cc4-by-sa', BY_SA_4, USE_LIMITING),
  ]),
  family('CC-BY-NC-4.0', V4_SOURCE('by-nc'), [...attribution(V4), ...nonCommercial(V4)]),
  family('CC-BY-NC-SA-4.0', V4_SOURCE('by-nc-sa'), [
    ...attribution(V4),
    ...nonCommercial(V4),
    ...shareAlike(V4, 'cc4-by-nc-sa', ['CC-BY-NC-SA-4.0'], BEYOND_COMMERCE),
  ]),
  family('CC-BY-ND-4.0', V4_SOURCE('by-nd'), [...attribution(V4), ...noDerivatives(V4)]),
  family('CC-BY-NC-ND-4.0', V4_SOURCE('by-nc-nd'), [...attribution(V4), ...nonCommercial(V4), ...noDerivatives(V4)]),
  family('CC-BY-3.0', V3_SOURCE('by'), attribution(V3)),
  family('CC-BY-SA-3.0', V3_SOURCE('by-sa'), [
    ...attribution(V3),
    ...shareAlike(V3, 'cc3-by-sa', ['CC-BY-SA-3.0', 'CC-BY-SA-4.0'], USE_LIMITING),
  ]),
  family('CC-BY-NC-3.0', V3_SOURCE('by-nc'), [...attribution(V3), ...nonCommercial(V3)]),
  family('CC-BY-ND-3.0', V3_SOURCE('by-nd'), [...attribution(V3), ...noDerivatives(V3)]),
  family('CC-BY-NC-SA-3.0', V3_SOURCE('by-nc-sa'), [
    ...attribution(V3_NC_SA),
    ...nonCommercial(V3_NC_SA),
    ...shareAlike(V3_NC_SA, 'cc3-by-nc-sa', ['CC-BY-NC-SA-3.0', 'CC-BY-NC-SA-4.0'], BEYOND_COMMERCE),
  ]),
  family('CC-BY-NC-ND-3.0', V3_SOURCE('by-nc-nd'), [
    ...attribution(V3_NC_ND),
    ...nonCommercial(V3_NC_ND),
    ...noDerivatives(V3_NC_ND),
  ]),
];
