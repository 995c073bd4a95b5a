import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { SuccessionBody } from '../core/registry/succession.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { SuccessionActWrite, SuccessionQuery } from './succession.schema.ts';
import {
  stateSuccessionSchema,
  successionActSchema,
  successionParams,
  successionQuery,
  successionView,
} from './succession.schema.ts';
import { SuccessionService } from './succession.service.ts';

type Id = z.infer<typeof successionParams>;

@ApiTags('titles')
@Controller('v1/successions')
export class SuccessionController {
  constructor(private readonly successions: SuccessionService) {}

  /** States that a party merges or splits, as that party or as the registrar; in force when every successor accepted. */
  @Post()
  @Requires('titles:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  state(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: stateSuccessionSchema }) body: Write<SuccessionBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.successions.state(principal, body, idempotency);
  }

  @Get()
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(successionView) })
  list(@Query({ schema: successionQuery }) query: SuccessionQuery) {
    return this.successions.list(query);
  }

  @Get(':id')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: successionView })
  get(@Param({ schema: successionParams }) { id }: Id) {
    return this.successions.get(id);
  }

  /** Accepts or rejects a succession, as a successor, or withdraws it, as who stated it. */
  @Post(':id/acts')
  @HttpCode(201)
  @Requires('titles:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  act(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: successionParams }) { id }: Id,
    @Body({ schema: successionActSchema }) body: SuccessionActWrite,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.successions.act(principal, id, body, idempotency);
  }
}
