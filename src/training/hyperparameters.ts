/**
 * What a run may be asked to do: the recipe's numbers, bounded, with the reference recipe as the defaults. Every value,
 * given or defaulted, goes on record, because a replay must find all of them. Imports nothing but zod and `core`, so
 * the command line can check its arguments without loading TensorFlow.js.
 *
 * An attacker may ask for a run that never ends or fills the memory: hence the upper bounds.
 */
import { z } from 'zod';
import { RegistryError } from '../core/errors.ts';

export const ARCHITECTURES = ['mlp', 'cnn'] as const;
export const OPTIMIZERS = ['sgd', 'momentum', 'adam'] as const;

export const hyperparametersSchema = z
  .strictObject({
    arch: z.enum(ARCHITECTURES).default('mlp').describe('`mlp`: dense layers; `cnn`: LeNet-like convolutions first.'),
    hidden: z
      .array(z.int().min(1).max(4096))
      .min(1)
      .max(8)
      .default([128])
      .describe('Units of each hidden dense layer, input side first.'),
    epochs: z.int().min(1).max(1000).default(10),
    batchSize: z.int().min(1).max(4096).default(64),
    optimizer: z.enum(OPTIMIZERS).default('sgd'),
    learningRate: z.number().gt(0).max(10).default(0.01),
    momentum: z.number().min(0).lt(1).default(0.9).describe('Only the optimizer `momentum` uses it.'),
    dropout: z.number().min(0).max(0.9).default(0).describe('Share of hidden dense units that is dropped in training.'),
    validationSplit: z
      .number()
      .min(0)
      .max(0.5)
      .default(0)
      .describe('Share of the training images that is held out, drawn from the seed.'),
    seed: z.int().min(0).max(0xffff_ffff).default(1).describe('Every random draw of the run comes from it.'),
  })
  .meta({ id: 'Hyperparameters' });

export type Hyperparameters = z.output<typeof hyperparametersSchema>;

/**
 * The hyperparameters with every default written out.
 * @throws RegistryError `invalid_input`, `field` names the first one that is out of bounds or unknown
 */
export function parseHyperparameters(input: unknown): Hyperparameters {
  const parsed = hyperparametersSchema.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const field = ['hyperparameters', ...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])].join('.');
  throw new RegistryError('invalid_input', `The hyperparameter at ${field} is wrong: ${issue?.message ?? ''}.`, {
    field,
    fix: `Use the bounds of ${Object.keys(hyperparametersSchema.shape).join(', ')} in docs/training.md.`,
  });
}
