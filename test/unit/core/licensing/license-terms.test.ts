import { describe, expect, test } from '@jest/globals';
import { ACTIONS } from '../../../../src/core/licensing/actions.ts';
import { LICENSE_TEMPLATES, licenseText } from '../../../../src/core/licensing/license-templates.ts';
import type { LicenseTerms, Wanted } from '../../../../src/core/licensing/license-terms.ts';
import {
  licenseTermsSchema,
  requireCoherent,
  requireWithinTerms,
} from '../../../../src/core/licensing/license-terms.ts';

const refused = (code: string, field: string) => expect.objectContaining({ code, field });
const everything: LicenseTerms = LICENSE_TEMPLATES.find(({ id }) => id === 'open')!.terms;

describe('terms', () => {
  test.each<[string, Partial<LicenseTerms>, string]>([
    ['LicenseRef-x', { actions: ['infer', 'infer'] }, 'actions'],
    ['LicenseRef-x', { actions: ['distill'], maxCalls: 5, seats: null }, 'maxCalls'],
    ['LicenseRef-x', { actions: ['infer'], shareAlike: true }, 'shareAlike'],
    ['MIT', { commercial: false }, 'commercial'],
    ['MIT', { territory: ['DE'] }, 'territory'],
    ['Apache-2.0', { seats: 3 }, 'seats'],
    ['Apache-2.0', { termDays: 30 }, 'termDays'],
    ['CC0-1.0', { useRestrictions: ['for harm'] }, 'useRestrictions'],
    ['BSD-3-Clause', { actions: ['infer'] }, 'actions'],
    ['CC-BY-NC-4.0', {}, 'commercial'],
    ['CC-BY-NC-ND-4.0', { commercial: false, shareAlike: true }, 'shareAlike'],
    ['CC-BY-SA-4.0', {}, 'shareAlike'],
    ['GPL-3.0-only', {}, 'shareAlike'],
    ['MIT AND CC-BY-NC-4.0', {}, 'commercial'],
  ])('under %s with %j contradict themselves', (expression, different, term) => {
    expect(() => requireCoherent(expression, { ...everything, ...different })).toThrow(
      refused('terms_contradictory', `terms.${term}`),
    );
  });

  test.each<[string, Partial<LicenseTerms>]>([
    ['MIT', {}],
    ['CC-BY-NC-4.0', { commercial: false }],
    ['AGPL-3.0-only', { shareAlike: true }],
    ['MIT OR CC-BY-NC-4.0', { commercial: false }],
    ['LicenseRef-x', { commercial: false, territory: ['DE'], seats: 1, maxCalls: 1, useRestrictions: ['x'] }],
  ])('under %s with %j are coherent', (expression, different) => {
    expect(() => requireCoherent(expression, { ...everything, ...different })).not.toThrow();
  });

  test('under a malformed expression are refused', () => {
    expect(() => requireCoherent('MIT AND', everything)).toThrow(refused('license_unknown', 'license.expression'));
  });

  test.each<[string, object]>([
    ['maxCalls', { maxCalls: -1 }],
    ['maxCalls', { maxCalls: 0, seats: null }],
    ['seats', { seats: 0 }],
    ['seats', { seats: 1.5 }],
    ['termDays', { termDays: -30 }],
    ['actions', { actions: [] }],
    ['actions', { actions: ['sell'] }],
    ['territory', { territory: [] }],
    ['territory', { territory: ['Germany'] }],
    ['useRestrictions', { useRestrictions: [''] }],
  ])('whose %s is out of bounds are none: %j', (member, different) => {
    const { error } = licenseTermsSchema.safeParse({ ...everything, ...different });
    expect(error?.issues[0]?.path[0]).toBe(member);
  });
});

describe('a grant', () => {
  const terms: LicenseTerms = {
    ...everything,
    actions: ['infer', 'host'],
    commercial: false,
    territory: ['DE', 'FR'],
    fieldOfUse: 'medicine',
    termDays: 30,
    maxCalls: 100,
    seats: 3,
    sublicensing: false,
  };
  const within: Wanted = {
    actions: ['infer'],
    constraints: { commercial: false, territory: ['FR'], fieldOfUse: 'medicine', maxCalls: 100, seats: 3 },
    sublicensing: false,
    notBefore: '2026-01-01T00:00:00.000Z',
    expiresAt: '2026-01-31T00:00:00.000Z',
  };
  const limits = (different: Partial<Wanted['constraints']>) => ({
    constraints: { ...within.constraints, ...different },
  });

  test('within the terms is allowed', () => expect(() => requireWithinTerms(within, terms)).not.toThrow());

  test.each<[string, Partial<Wanted>]>([
    ['actions', { actions: ['infer', 'fine-tune'] }],
    ['constraints.commercial', limits({ commercial: true })],
    ['constraints.territory', limits({ territory: null })],
    ['constraints.territory', limits({ territory: ['FR', 'US'] })],
    ['constraints.fieldOfUse', limits({ fieldOfUse: null })],
    ['constraints.fieldOfUse', limits({ fieldOfUse: 'war' })],
    ['constraints.maxCalls', limits({ maxCalls: null })],
    ['constraints.maxCalls', limits({ maxCalls: 101 })],
    ['constraints.seats', limits({ seats: null })],
    ['constraints.seats', limits({ seats: 4 })],
    ['sublicensing', { sublicensing: true }],
    ['expiresAt', { expiresAt: null }],
    ['expiresAt', { expiresAt: '2026-01-31T00:00:00.001Z' }],
  ])('is too wide in %s', (field, different) => {
    expect(() => requireWithinTerms({ ...within, ...different }, terms)).toThrow(refused('grant_too_wide', field));
  });

  test('may be anything under terms without limits', () => {
    const all = {
      ...within,
      ...limits({ commercial: true, territory: null, fieldOfUse: null, maxCalls: null, seats: null }),
    };
    expect(() => requireWithinTerms({ ...all, actions: [...ACTIONS], expiresAt: null }, everything)).not.toThrow();
  });
});

describe('a template', () => {
  test.each(LICENSE_TEMPLATES.map((template) => [template.id, template] as const))('%s is coherent', (_, template) => {
    expect(licenseTermsSchema.parse(template.terms)).toEqual(template.terms);
    expect(() => requireCoherent(template.expression, template.terms)).not.toThrow();
  });

  test('has a text that tells each of its terms', () => {
    const terms: LicenseTerms = {
      actions: ['infer', 'host'],
      commercial: false,
      territory: ['DE'],
      fieldOfUse: 'medicine',
      termDays: 30,
      seats: 3,
      maxCalls: 500,
      attribution: 'by Acme',
      shareAlike: true,
      sublicensing: true,
      useRestrictions: ['for harm', 'for war'],
    };
    const text = licenseText('Trial', terms);
    for (const told of [
      'run the model',
      'over a network',
      'not allowed',
      'DE',
      'medicine',
      '30 days',
      '3 holders',
      '500 times',
      'by Acme',
      'under this license',
      'give licenses to others',
      'for harm',
      'for war',
    ]) {
      expect(text).toContain(told);
    }
    const changes: Partial<LicenseTerms>[] = [
      { actions: ['infer'] },
      { commercial: true },
      { territory: null },
      { fieldOfUse: null },
      { termDays: null },
      { seats: null },
      { maxCalls: 501, seats: null },
      { attribution: null },
      { shareAlike: false },
      { sublicensing: false },
      { useRestrictions: ['for harm'] },
    ];
    const texts = [{}, ...changes].map((change) => licenseText('Trial', { ...terms, ...change }));
    expect(new Set(texts).size).toBe(texts.length);
    expect(licenseText('Trial', terms)).toBe(text);
  });
});
