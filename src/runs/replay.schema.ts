import { z } from 'zod';
import { replay } from '../core/registry/index.ts';
import { REPLAY_OUTCOMES } from '../core/registry/replay.ts';
import { digest, id } from '../core/statement/statement.ts';
import { writeSchema } from '../ledger/index.ts';
import { epochSchema, errorSchema, progressSchema } from './run.schema.ts';

export const writeReplay = writeSchema(replay).meta({ id: 'WriteReplay' });

export const replayView = z
  .strictObject({
    id: z.string(),
    run: z.string(),
    maker: z.string().describe('Who replayed it'),
    outcome: z.enum(REPLAY_OUTCOMES),
    throughEpoch: z.int().positive(),
    firstDifference: z.int().positive().nullable(),
    statement: digest,
    recordedIndex: z.int().nonnegative(),
  })
  .meta({ id: 'Replay' });
export type ReplayView = z.infer<typeof replayView>;

export const ofRun = z.strictObject({
  run: z.string().max(60),
  before: z.coerce.number().int().nonnegative().optional().describe('Only replays at lower indexes'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type OfRun = z.infer<typeof ofRun>;

const epoch = z.int().min(1).max(10_000);

export const startReplaySchema = z
  .strictObject({
    id: id('replay').optional().describe('Made by the client, so that a repeated request names the same replay'),
    run: id('run').describe('A run that is on record'),
    fromEpoch: epoch.default(1).describe('The first one; a run on wasm is replayed from its seed'),
    throughEpoch: epoch.optional().describe('The last epoch to replay; the last of the run where it is left out'),
  })
  .meta({ id: 'StartReplay' });
export type StartReplay = z.output<typeof startReplaySchema>;

const replayEpoch = epochSchema.omit({ checkpointDigest: true }).extend({
  differing: z.array(z.string()).describe('Which of the figures are not those on record'),
  distance: z.number().optional().describe('As in the statement, where the replay is an approximate one'),
  relative: z.number().optional(),
  largest: z.number().optional(),
});
export type ReplayEpoch = z.infer<typeof replayEpoch>;

export const JOB_STATES = ['queued', 'running', 'recorded', 'failed', 'cancelled'] as const;

export const replayJobView = z
  .strictObject({
    id: z.string().describe('Also of the statement that comes out'),
    state: z.enum(JOB_STATES),
    owner: z.string().describe('Who asked for it'),
    run: z.string(),
    fromEpoch: z.int().positive(),
    throughEpoch: z.int().positive(),
    requestedAt: z.string(),
    startedAt: z.string().nullable(),
    attempts: z.int().describe('How often a worker took the replay'),
    progress: progressSchema.nullable(),
    epochs: z.array(replayEpoch).describe('As they came out, one after the other'),
    outcome: z.enum(REPLAY_OUTCOMES).nullable(),
    firstDifference: z.int().positive().nullable(),
    environment: z.record(z.string(), z.json()).nullable(),
    statement: digest.nullable().describe('Payload digest of the statement that records the result'),
    error: errorSchema.nullable().describe('Why it failed'),
  })
  .meta({ id: 'ReplayJob' });
export type ReplayJobView = z.infer<typeof replayJobView>;

export const isOver = ({ state }: Pick<ReplayJobView, 'state'>): boolean => state !== 'queued' && state !== 'running';

export const replayJobQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(100) });
export type ReplayJobQuery = z.infer<typeof replayJobQuery>;
