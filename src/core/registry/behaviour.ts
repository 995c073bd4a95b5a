/**
 * The behaviour of a model: what it answers to challenges that nobody chose, committed to before anybody is accused by it.
 *
 * An owner who could draw again, or say afterwards how many challenges of which data were meant, would go on until they
 * fit somebody; so all of that is settled in one statement of the registry, the seed, and a registration has one. What the
 * owner then states are its model's answers, as a commitment. Both are opened in a dispute (`core/behaviour/opening.ts`).
 *
 * That the answers are the model's is its owner's word. Whoever has the weights puts the challenges to them.
 */
import { z } from 'zod';
import { CHALLENGE_SCHEME, MAX_CHALLENGES, MIN_CHALLENGES } from '../behaviour/challenges.ts';
import { drawn } from '../behaviour/opening.ts';
import { RegistryError } from '../errors.ts';
import { digest, form, id, urn } from '../statement/statement.ts';
import { requireRegistry } from './authority.ts';
import type { Rows } from './kind.ts';
import { kind, need, requireBasis } from './kind.ts';
import { put } from './tables.ts';
import { heldBy } from './title.ts';

/** What an owner asks the registry to draw a value for. */
export const askedSeedShape = {
  registration: id('registration'),
  dataset: id('dataset').describe('Of whose training pictures the challenges are mixed'),
  scheme: z.literal(CHALLENGE_SCHEME).describe('How'),
  challenges: z.int().min(MIN_CHALLENGES).max(MAX_CHALLENGES).describe('How many'),
  secretCommitment: digest.describe("To the owner's half of the seed"),
};

const seedShape = {
  ...askedSeedShape,
  askedBy: id('party').describe('The owner who committed to the secret'),
  value: drawn.describe("The registry's half of the seed"),
};

const seedForm = form('behaviour-seed', seedShape, (_, { registration }) => [urn(registration)]);
export type BehaviourSeedBody = z.infer<typeof seedForm.body>;

export const behaviourSeed = kind(seedForm, {
  reads: ({ body }) => [
    ['behaviour_seed', body.registration],
    ['registration', body.registration],
    ['dataset', body.dataset],
    ['title', body.registration, body.askedBy],
  ],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    requireRegistry(spoken, rows);
    const { id: registrationId, ...registration } = need(rows, 'registration', body.registration, 'registration');
    requireBasis(spoken, registration, need(rows, 'dataset', body.dataset, 'dataset'));
    requireOwner(rows, registrationId, body.askedBy);
    if (rows.get('behaviour_seed', registrationId) !== undefined) {
      throw new RegistryError('already_exists', `The seed for the behaviour of ${registrationId} is drawn already.`, {
        field: 'registration',
        fix: 'Use the one on record: nobody draws twice.',
      });
    }
    const { dataset: datasetId, challenges, secretCommitment, value } = body;
    return [
      put('behaviour_seed', {
        registrationId,
        id: common.id,
        datasetId,
        challenges,
        secretCommitment,
        value,
        ...place,
      }),
    ];
  },
});

const behaviourShape = {
  registration: id('registration'),
  answersCommitment: digest.describe("To the model's answers"),
};

const behaviourForm = form('behaviour', behaviourShape, (_, { registration }) => [urn(registration)]);
export type BehaviourBody = z.infer<typeof behaviourForm.body>;

export const behaviour = kind(behaviourForm, {
  aboutTitle: true,
  reads: ({ common, body }) => [
    ['behaviour', body.registration],
    ['behaviour_seed', body.registration],
    ['title', body.registration, common.maker],
  ],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    const seed = need(rows, 'behaviour_seed', body.registration, 'registration');
    requireBasis(spoken, seed);
    requireOwner(rows, seed.registrationId, common.maker);
    if (rows.get('behaviour', seed.registrationId) !== undefined) {
      throw new RegistryError('already_exists', `The behaviour of ${seed.registrationId} is on record already.`, {
        field: 'registration',
      });
    }
    const { registrationId } = seed;
    const { id: behaviourId, maker } = common;
    return [
      put('behaviour', { registrationId, id: behaviourId, maker, answersCommitment: body.answersCommitment, ...place }),
    ];
  },
});

function requireOwner(rows: Rows, registration: string, party: string): void {
  if (heldBy(rows, registration, party).num > 0n) return;
  throw new RegistryError('forbidden', 'Only an owner puts the behaviour of a model on record.', {
    field: 'registration',
  });
}
