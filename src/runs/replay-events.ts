/** A replay as it goes, for those who watch it. */
import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import { ProgressEvents } from './progress-events.ts';
import type { ReplayJobView } from './replay.schema.ts';
import { isOver } from './replay.schema.ts';
import { findReplayJobs } from './replay.store.ts';

@Injectable()
export class ReplayEvents extends ProgressEvents<ReplayJobView> {
  constructor(@Inject(LOG) log: Log, database: DataSource) {
    super(log, {
      find: (ids) => findReplayJobs(database.manager, ids),
      isOver,
      standing: ({ state, attempts, outcome, firstDifference, environment, statement, error }) => ({
        state,
        attempts,
        outcome,
        firstDifference,
        environment,
        statement,
        error,
      }),
    });
  }
}
