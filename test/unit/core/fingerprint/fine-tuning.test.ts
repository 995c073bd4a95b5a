import { describe, expect, it } from '@jest/globals';
import { checkFineTuning } from '../../../../src/core/fingerprint/fine-tuning.ts';
import type { Fingerprint } from '../../../../src/core/fingerprint/fingerprint.ts';
import { fingerprintOf } from '../../../../src/core/fingerprint/fingerprint.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';
import { denseStack, noisy } from '../../../support/stacks.ts';

const drawn = (seed: number, units = 16): Fingerprint => fingerprintOf(sha256, denseStack(seed, 24, units, 4));
const tuned = (seed: number, units = 16): Fingerprint =>
  fingerprintOf(sha256, noisy(denseStack(seed, 24, units, 4), 0.3, 99));
const STRANGERS = Array.from({ length: 99 }, (_, i) => drawn(100 + i));
const parent = { fingerprint: drawn(1) };

describe('a check of fine-tuning by fingerprints', () => {
  it('confirms what is nearer to the parent than ninety-nine strangers', () => {
    expect(checkFineTuning({ fingerprint: tuned(1) }, parent, STRANGERS, 0.01)).toMatchObject({
      finding: 'confirmed',
      because: 'It shares its initialization with this model, or one derives from the other.',
      pValue: 0.01,
      n: 99,
      initialization: 'unknown',
    });
  });

  it('says how many more are needed where there are fewer', () => {
    expect(checkFineTuning({ fingerprint: tuned(1) }, parent, STRANGERS.slice(1), 0.01)).toMatchObject({
      finding: 'unexplained',
      because: 'Nothing can be said: 98 older models on record compare with it, and 99 are needed, 1 more.',
    });
    expect(checkFineTuning({ fingerprint: tuned(1) }, parent, [], 0.01)).toMatchObject({
      because: 'Nothing can be said: 0 older models on record compare with it, and 99 are needed, 99 more.',
      n: 0,
    });
  });

  it('confirms no model that was drawn apart', () => {
    const { finding, because, pValue } = checkFineTuning({ fingerprint: drawn(2) }, parent, STRANGERS, 0.01);
    expect({ finding, because }).toEqual({
      finding: 'unexplained',
      because: `Models on record that nobody declared related come as near: p = ${pValue.toPrecision(2)} among 99, and 0.01 or less confirms.`,
    });
  });

  it('confirms nothing where one stranger comes as near: that is twice the level', () => {
    const strangers = [...STRANGERS.slice(1), tuned(1)];
    expect(checkFineTuning({ fingerprint: tuned(1) }, parent, strangers, 0.01)).toMatchObject({
      finding: 'unexplained',
      pValue: 0.02,
    });
  });

  it('confirms no score that unrelated models reach elsewhere, however far strangers are', () => {
    const strangers = Array.from({ length: 99 }, (_, i) => drawn(100 + i, 4));
    const found = checkFineTuning({ fingerprint: tuned(1, 4) }, { fingerprint: drawn(1, 4) }, strangers, 0.01);
    expect(found).toMatchObject({ finding: 'unexplained', pValue: 0.01 });
    expect(found.because).toMatch(/no nearer than unrelated models come elsewhere/);
  });

  it('takes one seed of both runs on record for the reason, however many strangers there are', () => {
    const started = (seed: number) => ({ seed, recipe: 'mlp 16' });
    const judged = (seed: number, strangers: readonly Fingerprint[]) =>
      checkFineTuning(
        { fingerprint: tuned(1), initialization: started(seed) },
        { ...parent, initialization: started(7) },
        strangers,
        0.01,
      );
    for (const strangers of [STRANGERS, []]) {
      expect(judged(7, strangers)).toMatchObject({
        finding: 'unexplained',
        because: 'Both runs are on record with one seed: their common start explains nearness without a copy.',
        initialization: 'same',
      });
    }
    expect(judged(8, STRANGERS)).toMatchObject({ finding: 'confirmed', initialization: 'different' });
  });
});
