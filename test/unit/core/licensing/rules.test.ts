import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { pageOnDisk, rulesPage } from '../../../../scripts/rules-page.ts';
import { licenseIds } from '../../../../src/core/licensing/expression.ts';
import { LINEAGE_RELATIONS } from '../../../../src/core/licensing/relations.ts';
import { RULE_EDITIONS, RULES } from '../../../../src/core/licensing/rules/index.ts';
import { MODES } from '../../../../src/core/licensing/rules/rule.ts';

describe.each(RULE_EDITIONS)('the rules of edition %s', (edition) => {
  const { families, unread } = RULES[edition];

  test('speak of licenses that an expression can name', () => {
    for (const { licenses } of families) for (const id of licenses) expect(licenseIds(id)).toEqual([id]);
    for (const { license } of unread) expect(licenseIds(license)).toEqual([license]);
  });

  test('speak of each license in one family, and of none that they call unread', () => {
    const known = families.flatMap(({ licenses }) => licenses);
    expect(new Set(known).size).toBe(known.length);
    expect(unread.filter(({ license }) => known.includes(license))).toEqual([]);
  });

  test('name a clause each, a text for each family, and nothing twice', () => {
    for (const { source, rules } of families) {
      expect(source).toMatch(/^https?:\/\//);
      expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
      for (const { clause, places, modes } of rules) {
        expect(clause).not.toBe('');
        expect(places.length * modes.length).toBeGreaterThan(0);
      }
    }
  });

  test('say of each duty what it asks of a release', () => {
    for (const { id, effect } of families.flatMap(({ rules }) => rules)) {
      if (effect.does === 'duty' || effect.does === 'restrict')
        expect([id, effect.asks.length > 0]).toEqual([id, true]);
    }
  });

  test('name no license that they do not know where they say what stands beside another', () => {
    const named = families.flatMap(({ rules }) =>
      rules.flatMap(({ effect }) =>
        effect.does === 'conflict' ? effect.with : effect.does === 'same-license' ? effect.accepts : [],
      ),
    );
    for (const id of named) expect(licenseIds(id)).toEqual([id]);
  });

  test('speak in both readings of every place of which they speak in one', () => {
    for (const { title, rules } of families) {
      for (const place of ['own', ...LINEAGE_RELATIONS] as const) {
        const [conservative, permissive] = MODES.map((mode) =>
          rules.some((rule) => rule.places.includes(place) && rule.modes.includes(mode)),
        );
        expect([title, place, conservative]).toEqual([title, place, permissive]);
      }
    }
  });
});

test('docs/rules.md is what the rules say', async () => {
  const root = fileURLToPath(new URL('../../../../', import.meta.url));
  expect(await pageOnDisk(root)).toBe(await rulesPage());
});
