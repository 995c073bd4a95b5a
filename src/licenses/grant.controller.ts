import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { GrantBody } from '../core/registry/grant.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { GrantActWrite, GrantQuery } from './grant.schema.ts';
import { createGrantSchema, grantActSchema, grantParams, grantQuery, grantView } from './grant.schema.ts';
import { GrantService } from './grant.service.ts';

type Id = z.infer<typeof grantParams>;

@ApiTags('licenses')
@Controller('v1/grants')
export class GrantController {
  constructor(private readonly grants: GrantService) {}

  /** Offers a license to one party, who accepts it by an act. */
  @Post()
  @Requires('licenses:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  offer(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: createGrantSchema }) body: Write<GrantBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.grants.offer(principal, body, idempotency);
  }

  /** The grants that the caller gave or got, and what was passed on of them; registrar and auditors see all. */
  @Get()
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: z.array(grantView) })
  list(@CurrentPrincipal() principal: Principal, @Query({ schema: grantQuery }) query: GrantQuery) {
    return this.grants.list(principal, query);
  }

  @Get(':id')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: grantView })
  get(@CurrentPrincipal() principal: Principal, @Param({ schema: grantParams }) { id }: Id) {
    return this.grants.get(principal, id);
  }

  /** Accepts or declines a grant, withdraws the offer, suspends, resumes or terminates it. */
  @Post(':id/acts')
  @HttpCode(201)
  @Requires('licenses:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  act(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: grantParams }) { id }: Id,
    @Body({ schema: grantActSchema }) body: GrantActWrite,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.grants.act(principal, id, body, idempotency);
  }
}
