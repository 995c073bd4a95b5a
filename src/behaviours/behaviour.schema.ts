import { z } from 'zod';
import { CHALLENGE_SCHEME } from '../core/behaviour/challenges.ts';
import { drawn } from '../core/behaviour/opening.ts';
import { askedSeedShape } from '../core/registry/behaviour.ts';
import { behaviour } from '../core/registry/index.ts';
import { commonShape, digest } from '../core/statement/statement.ts';
import { writeSchema } from '../ledger/index.ts';

export const askSeed = z
  .strictObject({ id: commonShape.id.optional(), ...askedSeedShape })
  .meta({ id: 'AskBehaviourSeed' });
export type AskSeed = z.infer<typeof askSeed>;

export const writeBehaviour = writeSchema(behaviour).meta({ id: 'WriteBehaviour' });

const placeShape = { statement: digest, recordedIndex: z.int().nonnegative() };

export const behaviourView = z
  .strictObject({
    registration: z.string(),
    seed: z.strictObject({
      id: z.string(),
      dataset: z.string().describe('Of whose training pictures the challenges are mixed'),
      scheme: z.literal(CHALLENGE_SCHEME),
      challenges: z.int().positive(),
      secretCommitment: digest.describe("To the owner's half of the seed"),
      value: drawn.describe("The registry's half of the seed"),
      ...placeShape,
    }),
    answers: z
      .strictObject({ id: z.string(), maker: z.string(), answersCommitment: digest, ...placeShape })
      .nullable()
      .describe('Null until the owner has committed to them'),
  })
  .meta({ id: 'Behaviour' });
export type BehaviourView = z.infer<typeof behaviourView>;

export const behaviourParams = z.strictObject({ registration: z.string().max(60) });
