import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { replay } from '../core/registry/index.ts';
import type { ReplayBody } from '../core/registry/replay.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { IdempotencyKey, Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { OfRun } from './replay.schema.ts';
import { ofRun, replayView, writeReplay } from './replay.schema.ts';
import { replaysOf } from './replay.store.ts';
import { RunService } from './run.service.ts';

@ApiTags('runs')
@Controller('v1/replays')
export class ReplayController {
  constructor(
    private readonly ledger: Ledger,
    private readonly runs: RunService,
    private readonly database: DataSource,
  ) {}

  /** What came out when somebody trained a run again from its record. */
  @Post()
  @Requires('runs:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  record(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: writeReplay }) body: Write<ReplayBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.ledger.write(replay, principal, body, { idempotency });
  }

  /** The newest first. */
  @Get()
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(replayView) })
  async list(@CurrentPrincipal() reader: Principal | undefined, @Query({ schema: ofRun }) query: OfRun) {
    await this.runs.get(reader, query.run);
    return replaysOf(this.database.manager, query);
  }
}
