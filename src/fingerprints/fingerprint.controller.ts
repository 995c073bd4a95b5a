import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { FingerprintBody } from '../core/registry/fingerprint.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { SimilarQuery } from './fingerprint.schema.ts';
import { fingerprintView, ofRegistration, similarQuery, similarView, writeFingerprint } from './fingerprint.schema.ts';
import { FingerprintService } from './fingerprint.service.ts';

@ApiTags('fingerprints')
@Controller('v1')
export class FingerprintController {
  constructor(private readonly fingerprints: FingerprintService) {}

  /** The fingerprint of a model's weights, so that near copies of it are found; once from each maker. */
  @Post('fingerprints')
  @Requires('models:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  record(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: writeFingerprint }) body: Write<FingerprintBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.fingerprints.record(principal, body, idempotency);
  }

  /** All of a model, in log order. */
  @Get('fingerprints')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(fingerprintView) })
  list(@Query({ schema: ofRegistration }) { registration }: z.infer<typeof ofRegistration>) {
    return this.fingerprints.of(registration);
  }

  /** Models that the one in hand may be a near copy of, or that may be near copies of it. Records nothing. */
  @Post('similar')
  @HttpCode(200)
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: similarView })
  similar(@Body({ schema: similarQuery }) query: SimilarQuery) {
    return this.fingerprints.similar(query);
  }
}
