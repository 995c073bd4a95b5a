import { z } from 'zod';
import { RELATIONS } from '../core/licensing/relations.ts';
import { CHECK_FINDINGS } from '../core/registry/lineage-check.ts';
import { digest, id } from '../core/statement/statement.ts';

export const startLineageJobs = z
  .strictObject({ registration: id('registration').describe('Of the child') })
  .meta({ id: 'StartLineageCheckJobs' });
export type StartLineageJobs = z.output<typeof startLineageJobs>;

export const LINEAGE_JOB_STATES = ['queued', 'running', 'recorded', 'unexplained', 'failed'] as const;

const progress = z.strictObject({
  bytesRead: z.int().nonnegative().describe('So far; what is compared more than once is read more than once'),
  bytes: z.int().nonnegative().describe('Of the files'),
});
export type LineageProgress = z.infer<typeof progress>;

export const lineageJobView = z
  .strictObject({
    id: z.string(),
    state: z.enum(LINEAGE_JOB_STATES),
    registration: z.string().describe('Of the child'),
    relation: z.enum(RELATIONS),
    parents: z.array(digest).describe('One, or all of a merge'),
    requestedAt: z.string(),
    startedAt: z.string().nullable(),
    attempts: z.int().describe('How often a worker took the check'),
    progress: progress.nullable(),
    finding: z.enum(CHECK_FINDINGS).nullable().describe('What is `unexplained` does not go on record'),
    because: z.string().nullable(),
    statements: z.array(digest).describe('Payload digests of the statements that record the finding, one a parent'),
    error: z
      .strictObject({
        code: z.string(),
        detail: z.string(),
        field: z.string().optional(),
        fix: z.string().optional(),
      })
      .nullable()
      .describe('Why it failed'),
  })
  .meta({ id: 'LineageCheckJob' });
export type LineageJobView = z.infer<typeof lineageJobView>;

export const lineageJobParams = z.strictObject({ id: z.string().max(60) });
export const lineageJobsOf = z.strictObject({ registration: z.string().max(60) });
export type LineageJobsOf = z.infer<typeof lineageJobsOf>;
