/** Commits the log to the tokens that were issued: a `token-batch` statement for each batch of them. */
import { Inject, Injectable } from '@nestjs/common';
import { formatIssuanceRecord } from '../core/licensing/issuance-record.ts';
import { tokenBatch } from '../core/registry/index.ts';
import { Ledger, RowBatches } from '../ledger/index.ts';
import { Config } from '../platform/config/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import type { IssuanceRow } from './token.store.ts';
import { findBatch, placeInBatch, readBatch, readOpenIssuances } from './token.store.ts';

@Injectable()
export class TokenBatches extends RowBatches<IssuanceRow> {
  constructor(ledger: Ledger, config: Config, @Inject(LOG) log: Log, database: DataSource) {
    super(ledger, database, log, config.tokenBatchSeconds, {
      kind: tokenBatch,
      lock: 0x746b6261,
      format: formatIssuanceRecord,
      timeOf: ({ issuedAt }) => new Date(issuedAt * 1000).toISOString(),
      readOpen: readOpenIssuances,
      place: (manager, id, rows) =>
        placeInBatch(
          manager,
          id,
          rows.map(({ jti }) => jti),
        ),
      findBatch,
      readBatch,
    });
  }
}
