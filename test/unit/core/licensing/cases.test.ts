import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import {
  casesPage,
  casesPageOnDisk,
  isOnDataOrModels,
  partsOf,
  reasonsForDisagreement,
} from '../../../../scripts/cases-page.ts';
import type { Answer, Answered, Label, LabelledCase } from '../../../../scripts/license-labels.ts';
import { answer, differs, listed, publishedVerdicts, scoreOf } from '../../../../scripts/license-labels.ts';
import { licenseIds } from '../../../../src/core/licensing/expression.ts';
import { LINEAGE_RELATIONS } from '../../../../src/core/licensing/relations.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const verdicts = await publishedVerdicts(root);
const { parts, notApart } = partsOf(verdicts);
const apart = parts.flatMap(({ answered }) => answered);
const all = [...apart, ...notApart.answered];

describe('the published verdicts', () => {
  test('are sixty and more that can judge the rules, most on licenses of data and models', () => {
    expect(apart.length).toBeGreaterThanOrEqual(60);
    const [models, guidance] = parts.map(({ answered }) => answered.filter(isOnDataOrModels).length);
    expect(models! + guidance!).toBeGreaterThanOrEqual(25);
  });

  test('are cited: each from a source that says whose it is, where it stands and from when', () => {
    const used = new Set([...verdicts.cases, ...verdicts.lists].map(({ source }) => source));
    expect(Object.keys(verdicts.sources).sort()).toEqual([...used].sort());
    for (const { by, title, url, dated } of Object.values(verdicts.sources)) {
      expect(url).toMatch(/^https:\/\//);
      expect([by, title, dated].every((words) => words !== '')).toBe(true);
    }
    for (const { id, said } of verdicts.cases) expect([id, said !== '']).toEqual([id, true]);
  });

  test('ask of licenses and relations that there are, and nothing twice', () => {
    for (const { id, model, from, label } of all.map(({ labelled }) => labelled)) {
      for (const license of [model, ...from.map((one) => one.license)]) expect(licenseIds(license)).toEqual([license]);
      expect([id, from.every(({ relation }) => LINEAGE_RELATIONS.includes(relation))]).toEqual([id, true]);
      expect(['allowed', 'barred']).toContain(label);
    }
    const questions = all.map(({ labelled }) => JSON.stringify([labelled.source, labelled.asked]));
    expect(new Set(questions).size).toBe(all.length);
    expect(new Set(all.map(({ labelled }) => labelled.id)).size).toBe(all.length);
  });
});

describe('the rules beside the published verdicts', () => {
  test('agree with nearly all of what is barred, in the careful reading', () => {
    const { precision, recall } = scoreOf(apart, 'conservative');
    expect(precision).toBeGreaterThan(0.9);
    expect(recall).toBeGreaterThan(0.9);
  });

  test('never allow in the careful reading what somebody called barred', () => {
    const freer = all.filter(
      ({ labelled, answers }) => labelled.label === 'barred' && answers.conservative.answer === 'allowed',
    );
    expect(freer.map(({ labelled }) => labelled.id)).toEqual([]);
  });

  test('have a reason for each answer that differs, and no reason without one', async () => {
    const reasons = await reasonsForDisagreement(root);
    expect(Object.keys(reasons).sort()).toEqual(
      all
        .filter(differs)
        .map(({ labelled }) => labelled.id)
        .sort(),
    );
  });

  test('are told in docs/rules-cases.md with every disagreement; `npm run docs:cases` writes it', async () => {
    expect(await casesPageOnDisk(root)).toBe(await casesPage(root));
  });
});

describe('a score', () => {
  const given = (label: Label, conservative: Answer): Answered<LabelledCase> => ({
    labelled: { ...listed(verdicts.lists[0]!)[0]!, label },
    answers: { conservative: { answer: conservative, by: [] }, permissive: { answer: 'allowed', by: [] } },
  });

  test('counts a false bar against precision, and a missed bar and no answer against recall', () => {
    const answered = [
      given('barred', 'barred'),
      given('barred', 'barred'),
      given('barred', 'barred'),
      given('barred', 'allowed'),
      given('barred', 'no answer'),
      given('allowed', 'barred'),
      given('allowed', 'no answer'),
    ];
    expect(scoreOf(answered, 'conservative')).toEqual({
      cases: 7,
      barred: 5,
      unanswered: 2,
      precision: 3 / 4,
      recall: 3 / 5,
    });
    expect(scoreOf(answered, 'permissive')).toMatchObject({ precision: NaN, recall: 0 });
  });

  test('asks whether a license is free for more than a verdict: a limit on purposes bars', () => {
    const bloom = { ...listed(verdicts.lists[0]!)[0]!, model: 'LicenseRef-BigScience-BLOOM-RAIL-1.0', from: [] };
    const use = { actions: ['infer', 'redistribute'], commercial: true } as const;
    expect(answer({ ...bloom, use, asks: 'use' }).answers.conservative.answer).toBe('allowed');
    expect(answer({ ...bloom, use, asks: 'free' }).answers.conservative).toEqual({
      answer: 'barred',
      by: ['rail-use-restrictions'],
    });
  });
});
