import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { lineageCheck } from '../core/registry/index.ts';
import type { LineageCheckBody } from '../core/registry/lineage-check.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { IdempotencyKey, Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { LineageCheckView, OfChild } from './lineage-check.schema.ts';
import { lineageCheckView, ofChild, writeLineageCheck } from './lineage-check.schema.ts';
import { lineageChecksOf } from './lineage-check.store.ts';
import { ModelService } from './model.service.ts';

@ApiTags('models')
@Controller('v1/lineage-checks')
export class LineageCheckController {
  constructor(
    private readonly ledger: Ledger,
    private readonly models: ModelService,
    private readonly database: DataSource,
  ) {}

  /** What somebody found who compared a model with a parent that it declares. */
  @Post()
  @Requires('models:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  record(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: writeLineageCheck }) body: Write<LineageCheckBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ): Promise<Receipt> {
    return this.ledger.write(lineageCheck, principal, body, { idempotency });
  }

  /** The newest first, whoever made them. */
  @Get()
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(lineageCheckView) })
  async list(@Query({ schema: ofChild }) query: OfChild): Promise<LineageCheckView[]> {
    await this.models.get(query.registration);
    return lineageChecksOf(this.database.manager, query);
  }
}
