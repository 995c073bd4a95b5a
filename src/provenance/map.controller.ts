import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import type { MapAnswer } from '../core/map/answer.ts';
import { mapAnswerSchema } from '../core/map/answer.ts';
import { mapAudit } from '../core/registry/index.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, SignedWrite } from '../ledger/index.ts';
import { IdempotencyKey, Ledger, MapReader, signedWriteSchema } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { hashParams, readHash } from './provenance.schema.ts';

@ApiTags('provenance')
@Controller('v1/map')
export class MapController {
  constructor(
    private readonly ledger: Ledger,
    private readonly reader: MapReader,
  ) {}

  /** All public statements about a digest as of the newest map, or the proof that there is none. */
  @Get(':hash')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: mapAnswerSchema })
  prove(@Param({ schema: hashParams }) { hash }: z.infer<typeof hashParams>): Promise<MapAnswer> {
    return this.reader.prove(readHash(hash));
  }

  /** What an auditor found who built the map anew; signed by the auditor's own key. */
  @Post('audits')
  @Requires('authenticated')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  audit(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: signedWriteSchema }) body: SignedWrite,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.ledger.accept(mapAudit, principal, body, { idempotency });
  }
}
