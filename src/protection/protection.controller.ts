import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { DataRightsBody } from '../core/registry/data-rights.ts';
import type { MarketBody } from '../core/registry/market-record.ts';
import type { ProtectionBody } from '../core/registry/protection-record.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { OfDataset, OfRegistration } from './protection.schema.ts';
import {
  dataRightsView,
  marketView,
  ofDataset,
  ofRegistration,
  protectionView,
  writeDataRights,
  writeMarket,
  writeProtection,
} from './protection.schema.ts';
import { ProtectionService } from './protection.service.ts';

@ApiTags('protection')
@Controller('v1')
export class ProtectionController {
  constructor(private readonly protection: ProtectionService) {}

  /** By which right an owner holds a model to be protected in a jurisdiction; a later record supersedes an earlier one. */
  @Post('protection-records')
  @Requires('models:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  protect(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: writeProtection }) body: Write<ProtectionBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.protection.protect(principal, body, idempotency);
  }

  @Get('protection-records')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(protectionView) })
  protections(@Query({ schema: ofRegistration }) query: OfRegistration) {
    return this.protection.protections(query);
  }

  /** What an owner states of a model on one market, for the disclosures that its law asks for. */
  @Post('market-records')
  @Requires('models:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  market(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: writeMarket }) body: Write<MarketBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.protection.market(principal, body, idempotency);
  }

  @Get('market-records')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(marketView) })
  marketRecords(@Query({ schema: ofRegistration }) query: OfRegistration) {
    return this.protection.marketRecords(query);
  }

  /** Where a dataset comes from and by which right, as the party states that put it on record. */
  @Post('data-rights')
  @Requires('datasets:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  stateDataRights(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: writeDataRights }) body: Write<DataRightsBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.protection.stateDataRights(principal, body, idempotency);
  }

  @Get('data-rights')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(dataRightsView) })
  dataRights(@Query({ schema: ofDataset }) query: OfDataset) {
    return this.protection.dataRights(query);
  }
}
