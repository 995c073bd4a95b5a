import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { GrantBody } from '../core/registry/grant.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { GrantQuery, Revoke } from './grant.schema.ts';
import { createGrantSchema, grantParams, grantQuery, grantView, revokeSchema } from './grant.schema.ts';
import { GrantService } from './grant.service.ts';

type Id = z.infer<typeof grantParams>;

@ApiTags('licenses')
@Controller('v1/grants')
export class GrantController {
  constructor(private readonly grants: GrantService) {}

  @Post()
  @Requires('licenses:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  create(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: createGrantSchema }) body: Write<GrantBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.grants.create(principal, body, idempotency);
  }

  /** The grants that the caller gave or got; registrar and auditors see all. */
  @Get()
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: z.array(grantView) })
  list(@CurrentPrincipal() principal: Principal, @Query({ schema: grantQuery }) { registration }: GrantQuery) {
    return this.grants.list(principal, registration);
  }

  @Get(':id')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: grantView })
  get(@CurrentPrincipal() principal: Principal, @Param({ schema: grantParams }) { id }: Id) {
    return this.grants.get(principal, id);
  }

  /** Ends the grant, and with it every token under it. */
  @Post(':id/revoke')
  @HttpCode(201)
  @Requires('licenses:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  revoke(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: grantParams }) { id }: Id,
    @Body({ schema: revokeSchema }) body: Revoke,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.grants.revoke(principal, { grant: id, token: null }, body, idempotency);
  }
}
