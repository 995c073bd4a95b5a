/** Commits the log to accesses to stored weights: an `access-batch` statement for each batch of them. */
import { Inject, Injectable } from '@nestjs/common';
import type { AccessRecord } from '../core/licensing/access-record.ts';
import { formatAccessRecord } from '../core/licensing/access-record.ts';
import { accessBatch } from '../core/registry/index.ts';
import { Ledger, RowBatches } from '../ledger/index.ts';
import { Config } from '../platform/config/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import { findBatch, placeInBatch, readBatch, readOpenAccesses } from './artifact.store.ts';

@Injectable()
export class AccessBatches extends RowBatches<AccessRecord> {
  constructor(ledger: Ledger, config: Config, @Inject(LOG) log: Log, database: DataSource) {
    super(ledger, database, log, config.tokenBatchSeconds, {
      kind: accessBatch,
      lock: 0x61636261,
      format: formatAccessRecord,
      timeOf: ({ at }) => at,
      readOpen: readOpenAccesses,
      place: (manager, id, rows) =>
        placeInBatch(
          manager,
          id,
          rows.map(({ number }) => number),
        ),
      findBatch,
      readBatch,
    });
  }
}
