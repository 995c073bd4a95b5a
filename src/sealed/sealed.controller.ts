import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { FieldOpeningBody } from '../core/registry/field-opening.ts';
import type { OpeningBody, SealedBody } from '../core/registry/sealed.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { openFieldsSchema, openSchema, sealedParams, sealedQuery, sealedView, sealSchema } from './sealed.schema.ts';
import type { SealedQuery } from './sealed.schema.ts';
import { SealedService } from './sealed.service.ts';

type Id = z.infer<typeof sealedParams>;

@ApiTags('sealed')
@Controller('v1/sealed')
export class SealedController {
  constructor(private readonly sealed: SealedService) {}

  /** Puts a commitment on record; what was committed to is told when it is opened. */
  @Post()
  @Requires('models:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  seal(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: sealSchema }) body: Write<SealedBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.sealed.seal(principal, body, idempotency);
  }

  /** What the caller sealed, the newest first. */
  @Get()
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: z.array(sealedView) })
  list(@CurrentPrincipal() principal: Principal, @Query({ schema: sealedQuery }) query: SealedQuery) {
    return this.sealed.list(principal, query);
  }

  /** What the caller sealed, or anybody opened. */
  @Get(':id')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: sealedView })
  get(@CurrentPrincipal() reader: Principal | undefined, @Param({ schema: sealedParams }) { id }: Id) {
    return this.sealed.get(reader, id);
  }

  /** Reveals what was sealed, and with it that its maker knew it before. */
  @Post(':id/open')
  @HttpCode(201)
  @Requires('models:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  open(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: sealedParams }) { id }: Id,
    @Body({ schema: openSchema }) body: Write<OpeningBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.sealed.open(principal, id, body, idempotency);
  }

  /** Reveals fields of a sealed title; what is not revealed stays sealed. */
  @Post(':id/fields')
  @HttpCode(201)
  @Requires('models:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  openFields(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: sealedParams }) { id }: Id,
    @Body({ schema: openFieldsSchema }) body: Write<FieldOpeningBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.sealed.openFields(principal, id, body, idempotency);
  }
}
