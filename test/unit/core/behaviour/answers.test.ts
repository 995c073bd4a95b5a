import { describe, expect, test } from '@jest/globals';
import { parseAnswersCsv, readAnswers, requireSameChallenges } from '../../../../src/core/behaviour/answers.ts';
import { MAX_CHALLENGES } from '../../../../src/core/behaviour/challenges.ts';
import { anyDigest } from '../../../support/test-log.ts';

const challenges = anyDigest();
const labels = Array.from({ length: 100 }, (_, i) => i % 3);
const probabilities = labels.map((label) => [0, 1, 2].map((k) => (k === label ? 0.8 : 0.1)));
const whole = { challenges, classes: 3, labels, probabilities };
const at = <T>(list: readonly T[], i: number, value: T): T[] => list.map((old, k) => (k === i ? value : old));

describe('answers', () => {
  test('are labels, with probabilities or without', () => {
    expect(readAnswers(whole)).toEqual(whole);
    expect(readAnswers({ challenges, classes: 3, labels })).toEqual({ challenges, classes: 3, labels });
  });

  test.each<[string, object, string]>([
    ['a label of no class', { labels: at(labels, 7, 3), probabilities: undefined }, 'labels.7'],
    ['a label that is no number', { labels: at<unknown>(labels, 0, '1') }, 'labels.0'],
    ['too few labels', { labels: labels.slice(1), probabilities: undefined }, 'labels'],
    ['more labels than there may be challenges', { labels: Array(MAX_CHALLENGES + 1).fill(0) }, 'labels'],
    ['one class', { classes: 1 }, 'classes'],
    ['more classes than anybody tells apart', { classes: 1001 }, 'classes'],
    ['probabilities of some challenges', { probabilities: probabilities.slice(1) }, 'probabilities'],
    ['probabilities of some classes', { probabilities: at(probabilities, 2, [0.5, 0.5]) }, 'probabilities.2'],
    ['probabilities that add up to more', { probabilities: at(probabilities, 2, [0.9, 0.9, 0.9]) }, 'probabilities.2'],
    ['a probability above 1', { probabilities: at(probabilities, 2, [0, 0, 2]) }, 'probabilities.2.2'],
    ['another label than the most probable', { labels: at(labels, 2, 1) }, 'labels.2'],
    ['a member that nobody knows', { model: 'mine' }, 'model'],
    ['no digest of the challenges', { challenges: 'sha256:0' }, 'challenges'],
  ])('are refused with %s', (_, change, field) => {
    expect(() => readAnswers({ ...whole, ...change })).toThrow(
      expect.objectContaining({ code: 'invalid_input', field }),
    );
  });

  test('are read from CSV, a line for each challenge', () => {
    expect(parseAnswersCsv(`${labels.join('\n')}\n`, challenges, 3)).toEqual({ challenges, classes: 3, labels });
    const rows = probabilities.map((row) => row.join(', ')).join('\r\n');
    expect(parseAnswersCsv(rows, challenges, 3)).toEqual(whole);
  });

  test.each<[string, string, string]>([
    ['words', at(labels.map(String), 4, 'seven').join('\n'), 'line 5'],
    ['a gap', at(labels.map(String), 4, '').join('\n'), 'line 5'],
    ['a line of another length', at(probabilities.map(String), 4, '0.5,0.5').join('\n'), 'probabilities.4'],
    ['infinity', at(labels.map(String), 4, 'Infinity').join('\n'), 'line 5'],
  ])('are refused as CSV with %s', (_, text, field) => {
    expect(() => parseAnswersCsv(text, challenges, 3)).toThrow(expect.objectContaining({ field }));
  });

  test.each<[string, object, RegExp]>([
    ['other challenges', { challenges: anyDigest() }, /answer the challenges/],
    ['fewer challenges', { labels: labels.slice(1) }, /are 99/],
    ['other classes', { classes: 4 }, /choose among 4 classes/],
  ])('do not stand beside answers to %s', (_, change, sentence) => {
    requireSameChallenges(whole, { ...whole }, 'suspect');
    expect(() => requireSameChallenges(whole, { ...whole, ...change }, 'suspect')).toThrow(sentence);
  });
});
