import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { AdverseClaimBody } from '../core/registry/adverse-claim.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { ClaimActWrite, ClaimQuery } from './claim.schema.ts';
import { claimActSchema, claimParams, claimQuery, claimView, fileClaimSchema } from './claim.schema.ts';
import { ClaimService } from './claim.service.ts';

type Id = z.infer<typeof claimParams>;

@ApiTags('titles')
@Controller('v1/claims')
export class ClaimController {
  constructor(private readonly claims: ClaimService) {}

  /** Files an adverse claim. It stands beside the title and moves nobody's share. */
  @Post()
  @Requires('titles:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  file(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: fileClaimSchema }) body: Write<AdverseClaimBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.claims.file(principal, body, idempotency);
  }

  @Get()
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(claimView) })
  list(@Query({ schema: claimQuery }) query: ClaimQuery) {
    return this.claims.list(query);
  }

  @Get(':id')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: claimView })
  get(@Param({ schema: claimParams }) { id }: Id) {
    return this.claims.get(id);
  }

  /** Withdraws a claim, as its claimant, or acknowledges it, as an owner of the asset. */
  @Post(':id/acts')
  @HttpCode(201)
  @Requires('titles:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  act(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: claimParams }) { id }: Id,
    @Body({ schema: claimActSchema }) body: ClaimActWrite,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.claims.act(principal, id, body, idempotency);
  }
}
