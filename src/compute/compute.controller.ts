import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { ComputeQuery, SetQuota } from './compute.schema.ts';
import { computeParams, computeQuery, computeView, quotaView, setQuotaSchema } from './compute.schema.ts';
import { ComputeService } from './compute.service.ts';

type Id = z.infer<typeof computeParams>;

@ApiTags('compute')
@Controller('v1/parties')
export class ComputeController {
  constructor(private readonly compute: ComputeService) {}

  @Get(':id/compute')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: computeView })
  account(@Param({ schema: computeParams }) { id }: Id, @Query({ schema: computeQuery }) query: ComputeQuery) {
    return this.compute.account(id, query);
  }

  /** For the party itself, registrar and auditors. */
  @Get(':id/quota')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: quotaView })
  quota(@CurrentPrincipal() principal: Principal, @Param({ schema: computeParams }) { id }: Id) {
    return this.compute.quota(principal, id);
  }

  @Post(':id/quota')
  @Requires('registrar')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  setQuota(
    @Param({ schema: computeParams }) { id }: Id,
    @Body({ schema: setQuotaSchema }) body: SetQuota,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.compute.setQuota(id, body, idempotency);
  }
}
