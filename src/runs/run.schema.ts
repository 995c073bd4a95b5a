import { z } from 'zod';
import { CONTRIBUTOR_ROLES } from '../core/registry/contributor.ts';
import { registration, run } from '../core/registry/index.ts';
import { digest, id } from '../core/statement/statement.ts';
import { namedContributors } from '../models/index.ts';

const { owners, license, name } = (
  registration.body as unknown as z.ZodObject<{
    owners: z.ZodType<{ party: string; share: string }[]>;
    license: z.ZodType<{ expression: string; textDigest: z.infer<typeof digest> | null }>;
    name: z.ZodType<string>;
  }>
).shape;
const { result } = (run.body as unknown as z.ZodObject<{ result: z.ZodType<RunResult> }>).shape;

export const BACKENDS = ['auto', 'cuda', 'webgpu', 'wasm', 'native'] as const;

export const startRunSchema = z
  .strictObject({
    id: id('run').optional().describe('Made by the client, so that a repeated request names the same run'),
    name: name.describe('Of the model that comes out'),
    dataset: id('dataset'),
    hyperparameters: z.record(z.string(), z.json()).default({}).describe('What is left out has its default'),
    backend: z.enum(BACKENDS).default('auto').describe('`auto`: what the worker is set to'),
    owners,
    contributors: namedContributors.nullable().default(null),
    license,
  })
  .meta({ id: 'StartRun' });
export type StartRun = z.output<typeof startRunSchema>;

export const STATES = ['queued', 'running', 'trained', 'registered', 'failed', 'cancelled'] as const;

export const progressSchema = z.strictObject({
  epoch: z.int(),
  epochs: z.int(),
  batch: z.int(),
  batches: z.int(),
  loss: z.number().nullable(),
  accuracy: z.number(),
  imagesPerSecond: z.number(),
  etaSeconds: z.number(),
});
export type RunProgress = z.infer<typeof progressSchema>;

export const epochSchema = z.strictObject({
  epoch: z.int(),
  loss: z.number(),
  trainAccuracy: z.number(),
  validationAccuracy: z.number().nullable(),
  testAccuracy: z.number(),
  weightDigest: digest,
  checkpointDigest: digest.optional().describe('Of what a replay begins with, where that is not the seed'),
  seconds: z.number(),
});
export type RunEpoch = z.infer<typeof epochSchema>;

export interface RunResult {
  weightDigest: z.infer<typeof digest>;
  namelessDigest: z.infer<typeof digest>;
  fileDigest: z.infer<typeof digest>;
  bytes: number;
  tensors: number;
  parameters: number;
}

const json = z.record(z.string(), z.json());

export const errorSchema = z.strictObject({
  code: z.string(),
  detail: z.string(),
  field: z.string().optional(),
  fix: z.string().optional(),
});

export const runView = z
  .strictObject({
    id: z.string(),
    state: z
      .enum(STATES)
      .describe('`trained`: on record, and waiting for a registration signed by its owner; or see `error`'),
    owner: z.string(),
    name: z.string().nullable(),
    dataset: z.string(),
    hyperparameters: json,
    backend: z.string().nullable().describe('As asked for; `environment` tells which one trained'),
    owners: owners.nullable().describe('For the registration of the model'),
    contributors: namedContributors.nullable().describe('For the registration; null: those that the record proposes'),
    license: license.nullable(),
    requestedAt: z.string().nullable(),
    startedAt: z.string().nullable(),
    attempts: z.int().describe('How often a worker took the run'),
    progress: progressSchema.nullable(),
    epochs: z.array(epochSchema),
    result: result.nullable().describe('Once the run is on record'),
    environment: json.nullable(),
    registrationId: z.string().nullable(),
    statement: digest.nullable().describe('Payload digest of the statement that records the run'),
    error: errorSchema.nullable().describe('Why it failed, or why the registry could not register it for its owner'),
  })
  .meta({ id: 'Run' });
export type RunView = z.infer<typeof runView>;

export const FINAL_STATES: readonly RunView['state'][] = ['trained', 'registered', 'failed', 'cancelled'];
export const isFinal = ({ state }: Pick<RunView, 'state'>): boolean => FINAL_STATES.includes(state);

export const proposedContributors = z
  .array(z.strictObject({ party: z.string(), role: z.enum(CONTRIBUTOR_ROLES) }))
  .meta({ id: 'ProposedContributors' });

export const runParams = z.strictObject({ id: z.string().max(60) });
export const runQuery = z.strictObject({
  owner: z.string().max(60).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type RunQuery = z.infer<typeof runQuery>;
