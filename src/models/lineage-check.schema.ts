import { z } from 'zod';
import { lineageCheck } from '../core/registry/index.ts';
import { CHECK_FINDINGS, CHECK_METHODS } from '../core/registry/lineage-check.ts';
import { RELATIONS } from '../core/licensing/relations.ts';
import { digest } from '../core/statement/statement.ts';
import { writeSchema } from '../ledger/index.ts';

export const writeLineageCheck = writeSchema(lineageCheck).meta({ id: 'WriteLineageCheck' });

export const lineageCheckView = z
  .strictObject({
    id: z.string(),
    registration: z.string().describe('Of the child'),
    relation: z.enum(RELATIONS),
    parent: digest.describe('As it was checked'),
    maker: z.string().describe('Who says so'),
    counts: z.boolean().describe("Whether it is the registry's, which decides how the edge stands"),
    method: z.enum(CHECK_METHODS),
    finding: z.enum(CHECK_FINDINGS),
    score: z.number().nullable(),
    pValue: z.number().nullable(),
    n: z.int().nullable(),
    evidence: z.record(z.string(), z.json()),
    tool: z.strictObject({ name: z.string(), version: z.string() }),
    statement: digest,
    recordedIndex: z.int().nonnegative(),
  })
  .meta({ id: 'LineageCheck' });
export type LineageCheckView = z.infer<typeof lineageCheckView>;

export const ofChild = z.strictObject({
  registration: z.string().max(60),
  before: z.coerce.number().int().nonnegative().optional().describe('Only checks at lower indexes'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type OfChild = z.infer<typeof ofChild>;
