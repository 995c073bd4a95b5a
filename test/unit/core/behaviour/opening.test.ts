import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { commitAnswers, commitSecret, openingSchema, seedOf } from '../../../../src/core/behaviour/opening.ts';
import { toHex } from '../../../../src/core/bytes.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';
import { anyDigest } from '../../../support/test-log.ts';

const secret = '5e'.repeat(32);
const answers = { classes: 2, challenges: anyDigest(), labels: Array.from({ length: 100 }, (_, i) => i % 2) };
const hash = (...parts: (Buffer | string)[]) =>
  parts.reduce((all, part) => all.update(part), createHash('sha256')).digest('hex');

describe('a behaviour opens', () => {
  test('with hashes that anybody can compute', () => {
    const bytes = Buffer.from(secret, 'hex');
    expect(commitSecret(sha256, secret)).toBe(`sha256:${hash('muniment behaviour secret v1\n', bytes)}`);
    expect(toHex(seedOf(sha256, secret, '0a'.repeat(32)))).toBe(
      hash('muniment behaviour seed v1\n', bytes, Buffer.alloc(32, 10)),
    );
    const canonical = `{"challenges":"${answers.challenges}","classes":2,"labels":[${answers.labels.join(',')}]}`;
    expect(commitAnswers(sha256, secret, answers)).toBe(
      `sha256:${hash('muniment behaviour answers v1\n', bytes, canonical)}`,
    );
  });

  test('with nothing but its own secret and answers', () => {
    const commitment = commitAnswers(sha256, secret, answers);
    expect(commitAnswers(sha256, '5f'.repeat(32), answers)).not.toBe(commitment);
    expect(commitAnswers(sha256, secret, { ...answers, labels: [1, ...answers.labels.slice(1)] })).not.toBe(commitment);
  });

  test.each([
    ['a short secret', { secret: '5e' }],
    ['answers that are none', { answers: { ...answers, labels: [2] } }],
    ['more than that', { note: '' }],
  ])('and not with %s', (_, change) => {
    const opening = { origin: 'test.local', registration: `registration_${'0'.repeat(26)}`, secret, answers };
    expect(openingSchema.safeParse(opening).success).toBe(true);
    expect(openingSchema.safeParse({ ...opening, ...change }).success).toBe(false);
  });
});
