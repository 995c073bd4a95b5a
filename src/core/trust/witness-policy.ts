/**
 * The policy of a log: which witnesses it asks to cosign its checkpoints, where they are reached, who runs them, and how
 * many operators it takes until a checkpoint counts as witnessed.
 *
 *     {
 *       "version": 1, "operator": "Example Registry", "quorum": 1,
 *       "witnesses": [{ "verifierKey": "witness.example/w1+aa4a09d1+BO…", "operator": "Someone Else",
 *                       "url": "https://witness.example" }]
 *     }
 *
 * It says what the log asks for. What a reader demands stands in the reader's own trust file.
 */
import { z } from 'zod';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { zodProblem } from '../statement/zod-problem.ts';
import { MAX_WITNESSES, operatorSchema, quorumSchema, readWitnesses, witnessSchema } from './witnesses.ts';

export const witnessPolicySchema = z.strictObject({
  version: z.literal(1),
  operator: operatorSchema,
  quorum: quorumSchema.min(1),
  witnesses: z
    .array(
      witnessSchema.extend({
        url: z
          .string()
          .max(1000)
          .refine(
            (text) => /^https?:\/\/[^?#]+$/.test(text) && URL.canParse(text),
            'must be an http:// or https:// URL without query or fragment',
          )
          .transform((text) => text.replace(/\/+$/, ''))
          .describe('Submission prefix: "/add-checkpoint" is added to it'),
      }),
    )
    .min(1)
    .max(MAX_WITNESSES),
});

export type WitnessPolicy = z.infer<typeof witnessPolicySchema>;

/** @throws RegistryError `configuration_invalid`, with the member that is wrong */
export function parseWitnessPolicy(sha256: Sha256, text: string): WitnessPolicy {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RegistryError('configuration_invalid', 'The witness policy is not JSON.', { cause });
  }
  const read = witnessPolicySchema.safeParse(value);
  if (!read.success) throw zodProblem(read.error, 'configuration_invalid');
  readWitnesses(sha256, read.data, undefined);
  return read.data;
}
