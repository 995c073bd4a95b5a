import { describe, expect, it } from '@jest/globals';
import { newId } from '../../../src/platform/crypto.ts';
import { FINAL_STATES, isFinal, startRunSchema, STATES } from '../../../src/runs/run.schema.ts';

const party = newId('party');
const asked = {
  name: 'digits',
  dataset: newId('dataset'),
  owners: [{ party, share: '1' }],
  license: { expression: 'MIT', textDigest: null },
};

describe('a request for a run', () => {
  it('is filled with the defaults', () => {
    expect(startRunSchema.parse(asked)).toEqual({ ...asked, backend: 'auto', hyperparameters: {}, contributors: null });
  });

  it.each<[string, object]>([
    ['a member that nobody knows', { owner: party }],
    ['a name without a letter', { name: '' }],
    ['no owner', { owners: [] }],
    ['an owner that is no party', { owners: [{ party: 'me', share: '1' }] }],
    ['a dataset that is a path', { dataset: '../mnist' }],
    ['a backend that is a module', { backend: './evil.js' }],
    ['an id of another kind of thing', { id: party }],
    ['a text digest that is none', { license: { expression: 'LicenseRef-x', textDigest: 'sha256:1' } }],
    ['hyperparameters that are no object', { hyperparameters: [1] }],
  ])('with %s is refused', (_, change) => {
    expect(startRunSchema.safeParse({ ...asked, ...change }).success).toBe(false);
  });
});

it('a run that waits or trains is not final, every other state is', () => {
  expect(STATES.filter((state) => !isFinal({ state }))).toEqual(['queued', 'running']);
  expect(FINAL_STATES).toHaveLength(STATES.length - 2);
});
