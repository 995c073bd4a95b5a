import { z } from 'zod';
import { replay } from '../core/registry/index.ts';
import { REPLAY_OUTCOMES } from '../core/registry/replay.ts';
import { digest } from '../core/statement/statement.ts';
import { writeSchema } from '../ledger/index.ts';

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
