import { describe, expect, test } from '@jest/globals';
import type { Answers } from '../../../../src/core/behaviour/answers.ts';
import { MIN_REFERENCES, scoreSuspect } from '../../../../src/core/behaviour/score.ts';
import { answersOf, blend, network } from './fixture.ts';

const MODEL = network(100);
const REFERENCES = Array.from({ length: 19 }, (_, i) => answersOf(network(200 + i)));

describe('the score of a suspect', () => {
  test('is high for the model itself, and lower for each reference in its place', () => {
    const { score, pValue, references } = scoreSuspect(answersOf(MODEL), answersOf(MODEL), REFERENCES);
    expect(score).toBeGreaterThan(0.4);
    expect(pValue).toBe(1 / 20);
    expect(references.count).toBe(19);
    expect(references.largest).toBeLessThan(0.05);
  });

  test.each(['labels', undefined] as const)('finds a model that follows it, by %s', (only) => {
    const suspect = answersOf(blend(MODEL, network(300), 0.6), only);
    const found = scoreSuspect(answersOf(MODEL), suspect, REFERENCES);
    expect(found).toMatchObject({ pValue: 1 / 20, by: only ?? 'probabilities', challenges: 200 });
    expect(found.score).toBeGreaterThan(found.references.mean + 5 * found.references.deviation);
  });

  test('compares labels where any side tells no more', () => {
    const labels = (answers: ReturnType<typeof answersOf>) => ({ ...answers, probabilities: undefined });
    const suspect = answersOf(blend(MODEL, network(301), 0.5));
    const all = scoreSuspect(labels(answersOf(MODEL)), labels(suspect), REFERENCES.map(labels));
    expect(all.by).toBe('labels');
    expect(scoreSuspect(answersOf(MODEL), suspect, [labels(REFERENCES[0]!), ...REFERENCES.slice(1)])).toEqual(all);
    expect(scoreSuspect(labels(answersOf(MODEL)), suspect, REFERENCES)).toEqual(all);
  });

  test.each([
    ['trained alike', 1],
    ['far from all of them', 3],
    ['that has nothing of its own', 0],
  ])('of a stranger %s is below α as seldom as α says', (_, own) => {
    const below = Array.from({ length: 200 }, (_, i) => {
      const made = (k: number, rest = {}) => answersOf(network(1000 + 40 * i + k, { challenges: 20, ...rest }));
      const references = [1, 2, 3, 4].map((k) => made(k));
      return scoreSuspect(made(0), made(30, { own }), references).pValue;
    }).filter((p) => p <= 0.2).length;
    // Binomial(200, 0.2): 60 is 3.5 standard deviations above what is expected, 20 as far below it.
    expect(below).toBeLessThan(60);
    expect(below).toBeGreaterThan(20);
  });

  test('of who answers as no model does is no evidence', () => {
    const constant = { classes: 4, labels: Array.from({ length: 200 }, () => 0) };
    expect(scoreSuspect(answersOf(MODEL), constant, REFERENCES).pValue).toBeGreaterThan(0.05);
  });

  test('that ties with a reference counts against the claim', () => {
    const model = answersOf(MODEL);
    const found = scoreSuspect(model, model, [model, ...REFERENCES]);
    expect(found.pValue).toBe(2 / 21);
  });

  test('needs references, and not too many', () => {
    const refused = expect.objectContaining({ code: 'invalid_input', field: 'references' }) as unknown as Error;
    expect(() => scoreSuspect(answersOf(MODEL), answersOf(MODEL), [])).toThrow(refused);
    const many = Array.from({ length: 1000 }, () => REFERENCES[0]!);
    expect(() => scoreSuspect(answersOf(MODEL), answersOf(MODEL), many)).toThrow(refused);
  });

  test('counts no reference twice, whose p would be as small as anybody likes', () => {
    const [first, second, ...others] = REFERENCES as [Answers, Answers, ...Answers[]];
    const again = () => scoreSuspect(answersOf(MODEL), answersOf(MODEL), [first, second, ...others, second]);
    expect(again).toThrow('The references 2 and 20 give the same answers.');
    const labels = (answers: Answers) => ({ ...answers, probabilities: undefined });
    for (const twice of [
      [labels(first), labels(first)],
      [labels(first), first],
      [first, labels(first)],
    ]) {
      const asked = () => scoreSuspect(answersOf(MODEL), answersOf(MODEL), twice);
      expect(asked).toThrow(expect.objectContaining({ code: 'invalid_input', field: 'references' }));
    }
  });

  test('is a verdict only where so many references could have spoken against it', () => {
    const model = answersOf(MODEL);
    const verdictOf = (suspect: Answers, references: Answers[]) => scoreSuspect(model, suspect, references).verdict;
    expect(MIN_REFERENCES).toBe(19);
    expect(verdictOf(model, REFERENCES)).toBe('as-this-model');
    expect(verdictOf(model, REFERENCES.slice(1))).toBe('too-few');
    expect(verdictOf(answersOf(network(302)), REFERENCES.slice(17))).toBe('too-few');
    expect(verdictOf(REFERENCES[0]!, [...REFERENCES, answersOf(network(303))])).toBe('no-sign');
  });

  test('is nobody’s where all answer alike', () => {
    const same = answersOf(MODEL);
    expect(scoreSuspect(same, same, [same])).toMatchObject({ score: 0, pValue: 1 });
  });
});
