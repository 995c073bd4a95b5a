import { z } from 'zod';
import { ACTIONS } from '../core/licensing/actions.ts';
import { VERDICTS } from '../core/licensing/judgement.ts';
import { LINEAGE_RELATIONS } from '../core/licensing/relations.ts';
import { RULE_EDITIONS } from '../core/licensing/rules/index.ts';
import { ASKED } from '../core/licensing/rules/rule.ts';
import { date } from '../core/title/dates.ts';
import { lineageEdge, lineageNode } from './lineage.schema.ts';

const action = z.enum(ACTIONS);

export const obligationsParams = z.strictObject({ id: z.string().max(60) });
export const obligationsQuery = z.strictObject({
  action: z
    .union([action.transform((one) => [one]), z.array(action).max(ACTIONS.length)])
    .default([...ACTIONS])
    .describe('What is to be done with the model; all where none is named'),
  commercial: z.enum(['true', 'false']).default('false'),
  on: date.optional().describe('The day of the use; today where none is given'),
  edition: z.enum(RULE_EDITIONS).optional().describe('Of the rules; the current one where none is given'),
});
export type ObligationsQuery = z.infer<typeof obligationsQuery>;

export const use = z.strictObject({ actions: z.array(action), commercial: z.boolean() });

const place = z.enum(['own', ...LINEAGE_RELATIONS]);

export const finding = z.strictObject({
  verdict: z.enum(VERDICTS),
  rule: z.string().nullable().describe('Null where no rule speaks of the license in this place'),
  does: z.string(),
  license: z.string(),
  clause: z.string().nullable(),
  source: z.string().nullable().describe('Where the clause stands'),
  text: z.string(),
  asks: z.array(z.enum(ASKED)).describe('What a release has to hold for the duty, or what is done by hand'),
  wayOut: z.string().nullable(),
  from: z.array(z.string()).describe('All that it comes from, nearest first'),
  place,
  path: z
    .array(z.strictObject({ relation: z.enum(LINEAGE_RELATIONS), node: z.string() }))
    .describe('From the model to the first of them'),
  explanation: z.string(),
});

const judgement = z.strictObject({
  verdict: z.enum(VERDICTS),
  permissions: z.strictObject({ actions: z.array(action), commercial: z.boolean() }),
  duties: z.array(finding),
  prohibitions: z.array(finding).describe('What is not allowed, whether or not the use does it'),
  obstacles: z.array(finding).describe('What stands in the way of the use, worst first'),
  choices: z.array(z.strictObject({ node: z.string(), place, expression: z.string(), taken: z.array(z.string()) })),
});

export const obligationsView = z
  .strictObject({
    model: z.string(),
    use,
    on: date,
    edition: z.enum(RULE_EDITIONS),
    nodes: z
      .array(lineageNode)
      .describe('The model and all that it came from; without name and license what is not on record'),
    contradicted: z
      .array(lineageEdge)
      .describe('Edges that were found not to be true; what flows through them is counted all the same'),
    conservative: judgement.describe('What a careful reader has to reckon with'),
    permissive: judgement.describe('What the texts say for certain'),
  })
  .meta({ id: 'Obligations' });
export type ObligationsView = z.infer<typeof obligationsView>;
