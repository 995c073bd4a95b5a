/**
 * The terms of a license, structured: what may be done, for whom and where, for how long and how often, and under which
 * duties. They say what a program has to enforce; the license itself stands beside them as an SPDX expression, which may
 * contradict them. Where it does, no license is made.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { territorySchema } from '../title/terms.ts';
import { ACTIONS } from './actions.ts';
import { licenseIds } from './expression.ts';

const text = (most: number) => z.string().min(1).max(most);

export const licenseTermsSchema = z
  .strictObject({
    actions: z.array(z.enum(ACTIONS)).min(1).max(ACTIONS.length).describe('What may be done, each once'),
    commercial: z.boolean().describe('Whether also for commercial use'),
    territory: territorySchema,
    fieldOfUse: text(500).nullable().describe('The purpose for which alone it is given; null for any'),
    termDays: z.int().positive().max(36_525).nullable().describe('How long a grant lasts at most; null for no end'),
    seats: z.int().positive().max(1_000_000).nullable().describe('Holders at one time; null for any number'),
    maxCalls: z.int().positive().nullable().describe('Uses under one grant; null for any number'),
    attribution: text(1000).nullable().describe('The notice to be shown where it is used; null for none'),
    shareAlike: z.boolean().describe('Whether what is made from it and passed on must be under the same license'),
    sublicensing: z.boolean().describe('Whether a licensee may give licenses within its own'),
    useRestrictions: z
      .array(text(1000))
      .max(100)
      .describe('What it must not be used for, and must not be let be used for'),
  })
  .meta({ id: 'LicenseTerms', description: 'What a license allows, and under which duties' });
export type LicenseTerms = z.infer<typeof licenseTermsSchema>;

/** What a grant takes of a license, or of the grant that it is a part of. */
export interface Wanted {
  readonly actions: readonly string[];
  readonly constraints: Pick<LicenseTerms, 'commercial' | 'fieldOfUse' | 'maxCalls' | 'seats' | 'territory'>;
  readonly sublicensing: boolean;
  readonly notBefore: string;
  readonly expiresAt: string | null;
}

/**
 * Licenses of the SPDX list that give everybody everything: no field of endeavor, person, place or time may be left out
 * (The Open Source Definition, 5 and 6; the deeds of CC0 and CC BY). A list of our own, and not a flag of the SPDX list,
 * which changes: what was recorded once is judged the same for ever.
 */
const OPEN: ReadonlySet<string> = new Set([
  '0BSD',
  'AGPL-3.0-only',
  'AGPL-3.0-or-later',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC-BY-4.0',
  'CC-BY-SA-4.0',
  'CC0-1.0',
  'GPL-2.0-only',
  'GPL-2.0-or-later',
  'GPL-3.0-only',
  'GPL-3.0-or-later',
  'ISC',
  'LGPL-3.0-only',
  'LGPL-3.0-or-later',
  'MIT',
  'MPL-2.0',
  'Unlicense',
]);

const LIMITS = ['territory', 'fieldOfUse', 'termDays', 'seats', 'maxCalls'] as const;

/**
 * @param expression SPDX; where it offers a choice, the terms may be those of either, and are not held against it
 * @throws RegistryError `terms_contradictory` with the term, `license_unknown`
 */
export function requireCoherent(expression: string, terms: LicenseTerms): void {
  const twice = terms.actions.find((action, i) => terms.actions.indexOf(action) !== i);
  if (twice !== undefined) throw contradiction('actions', `"${twice}" is allowed twice.`);
  if (terms.maxCalls !== null && !terms.actions.some((action) => action === 'infer' || action === 'host')) {
    throw contradiction('maxCalls', 'Uses are counted, and none is allowed: neither infer nor host.');
  }
  if (terms.shareAlike && !terms.actions.some((action) => action !== 'infer')) {
    throw contradiction(
      'shareAlike',
      'What is passed on must be under the same license, and nothing may be passed on.',
    );
  }
  const named = licenseIds(expression);
  if (/\bOR\b/.test(expression)) return;
  for (const id of named) requireFits(id, terms);
}

function requireFits(id: string, terms: LicenseTerms): void {
  if (OPEN.has(id)) {
    const limited = LIMITS.find((limit) => terms[limit] !== null);
    if (limited !== undefined) throw contradiction(limited, `${id} sets no limit to it.`);
    if (!terms.commercial) throw contradiction('commercial', `${id} allows commercial use.`);
    if (terms.useRestrictions.length > 0) throw contradiction('useRestrictions', `${id} restricts no use.`);
    const missing = ACTIONS.find((action) => !terms.actions.includes(action));
    if (missing !== undefined) throw contradiction('actions', `${id} allows everybody to ${missing}, too.`);
  }
  if (/^CC-BY-NC/.test(id) && terms.commercial) throw contradiction('commercial', `${id} allows no commercial use.`);
  if (/^CC-BY(?:-NC)?-ND/.test(id) && terms.shareAlike) {
    throw contradiction('shareAlike', `${id} lets nothing be passed on that was made from it.`);
  }
  if (/^(?:A?GPL-|CC-BY(?:-NC)?-SA)/.test(id) && !terms.shareAlike) {
    throw contradiction('shareAlike', `${id} demands the same license for what is made from it.`);
  }
}

/**
 * Nobody gives more than the license offers.
 * @throws RegistryError `grant_too_wide` with the member that goes beyond it
 */
export function requireWithinTerms(wanted: Wanted, terms: LicenseTerms): void {
  const tooWide = beyond('license');
  requireWithin(wanted, { ...terms, constraints: terms }, tooWide);
  const { notBefore, expiresAt } = wanted;
  if (terms.termDays === null) return;
  if (expiresAt === null || Date.parse(expiresAt) - Date.parse(notBefore) > terms.termDays * 86_400_000) {
    throw tooWide('expiresAt', `lasts ${terms.termDays} days at most`);
  }
}

/**
 * Nobody passes on more than was given.
 * @throws RegistryError `grant_too_wide` with the member that goes beyond it
 */
export function requireWithinGrant(wanted: Wanted, parent: Wanted): void {
  const tooWide = beyond('grant');
  if (!parent.sublicensing) throw tooWide('parent', 'allows no sub-licenses');
  requireWithin(wanted, parent, tooWide);
  if (wanted.notBefore < parent.notBefore) throw tooWide('notBefore', `begins at ${parent.notBefore}`);
  if (parent.expiresAt !== null && (wanted.expiresAt === null || wanted.expiresAt > parent.expiresAt)) {
    throw tooWide('expiresAt', `ends at ${parent.expiresAt}`);
  }
}

function requireWithin(
  { actions, constraints, sublicensing }: Wanted,
  whole: Pick<Wanted, 'actions' | 'constraints' | 'sublicensing'>,
  tooWide: ReturnType<typeof beyond>,
): void {
  const { commercial, territory, fieldOfUse } = whole.constraints;
  const unnamed = actions.find((action) => !whole.actions.includes(action));
  if (unnamed !== undefined) throw tooWide('actions', `does not allow to ${unnamed}`);
  if (constraints.commercial && !commercial) throw tooWide('constraints.commercial', 'allows no commercial use');
  if (!isWithin(constraints.territory, territory)) {
    throw tooWide('constraints.territory', `is for ${territory!.join(', ')} alone`);
  }
  if (fieldOfUse !== null && constraints.fieldOfUse !== fieldOfUse) {
    throw tooWide('constraints.fieldOfUse', `is for "${fieldOfUse}" alone`);
  }
  for (const [limit, of] of [
    ['maxCalls', 'uses'],
    ['seats', 'seats'],
  ] as const) {
    const [most, asked] = [whole.constraints[limit], constraints[limit]];
    if (most !== null && (asked === null || asked > most)) {
      throw tooWide(`constraints.${limit}`, `is for ${most} ${of} at most`);
    }
  }
  if (sublicensing && !whole.sublicensing) throw tooWide('sublicensing', 'allows no sub-licenses');
}

const isWithin = (part: readonly string[] | null, whole: readonly string[] | null): boolean =>
  whole === null || (part !== null && part.every((country) => whole.includes(country)));

const contradiction = (term: string, sentence: string): RegistryError =>
  new RegistryError('terms_contradictory', sentence, {
    field: `terms.${term}`,
    fix: 'Change the term, or choose a license that says the same.',
  });

const beyond = (what: 'grant' | 'license') => (field: string, why: string) =>
  new RegistryError('grant_too_wide', `The ${what} ${why}.`, {
    field,
    fix: what === 'license' ? 'Grant what the license offers, or make another license first.' : 'Pass on less.',
  });
