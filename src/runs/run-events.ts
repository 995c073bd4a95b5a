/** A run as it goes, for those who watch it. */
import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import { ProgressEvents } from './progress-events.ts';
import type { RunView } from './run.schema.ts';
import { isFinal } from './run.schema.ts';
import { findRuns } from './run.store.ts';

@Injectable()
export class RunEvents extends ProgressEvents<RunView> {
  constructor(@Inject(LOG) log: Log, database: DataSource) {
    super(log, {
      find: (ids) => findRuns(database.manager, ids),
      isOver: isFinal,
      standing: ({ state, attempts, result, environment, registrationId, statement, error }) => ({
        state,
        attempts,
        result,
        environment,
        registrationId,
        statement,
        error,
      }),
    });
  }
}
