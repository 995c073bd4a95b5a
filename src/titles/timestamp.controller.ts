import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { RecordTimestamp, TimestampQuery } from './timestamp.schema.ts';
import { recordTimestampSchema, timestampParams, timestampQuery, timestampView } from './timestamp.schema.ts';
import { TimestampService } from './timestamp.service.ts';

@ApiTags('titles')
@Controller('v1/document-timestamps')
export class DocumentTimestampController {
  constructor(private readonly timestamps: TimestampService) {}

  /** Puts on record that an authority outside the registry stamped a document. The registrar verifies and signs it. */
  @Post()
  @Requires('titles:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  record(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: recordTimestampSchema }) body: RecordTimestamp,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.timestamps.record(principal, body, idempotency);
  }

  @Get()
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(timestampView) })
  list(@Query({ schema: timestampQuery }) query: TimestampQuery) {
    return this.timestamps.list(query);
  }

  @Get(':id')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: timestampView })
  get(@Param({ schema: timestampParams }) { id }: z.infer<typeof timestampParams>) {
    return this.timestamps.get(id);
  }
}
