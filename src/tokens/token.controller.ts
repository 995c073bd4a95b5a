import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Revoke } from '../licenses/index.ts';
import { revokeSchema } from '../licenses/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { RefusalQuery } from './refusal.schema.ts';
import { refusalQuery, refusalView } from './refusal.schema.ts';
import { Refusals } from './refusals.ts';
import { TokenKeys } from './token-keys.ts';
import { keyParams, retireSchema, rotateSchema, tokenParams, tokenView } from './token.schema.ts';
import { TokenService } from './token.service.ts';

type Jti = z.infer<typeof tokenParams>;

@ApiTags('tokens')
@Controller('v1')
export class TokenController {
  constructor(
    private readonly tokens: TokenService,
    private readonly keys: TokenKeys,
    private readonly refusals: Refusals,
  ) {}

  /** What is on record about a token, with the proof that the log commits to it. */
  @Get('tokens/:jti')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: tokenView })
  get(@CurrentPrincipal() principal: Principal, @Param({ schema: tokenParams }) { jti }: Jti) {
    return this.tokens.get(principal, jti);
  }

  /** Ends one token; the grant and its other tokens stay. */
  @Post('tokens/:jti/revoke')
  @Requires('tokens:issue')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  revoke(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: tokenParams }) { jti }: Jti,
    @Body({ schema: revokeSchema }) body: Revoke,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.tokens.revoke(principal, jti, body, idempotency);
  }

  /** Who was refused a token, or with one, and why: your own refusals and those under grants that you gave. */
  @Get('token-refusals')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: z.array(refusalView) })
  refused(@CurrentPrincipal() principal: Principal, @Query({ schema: refusalQuery }) query: RefusalQuery) {
    return this.refusals.list(principal, query);
  }

  /** Makes the next key; it signs once every verifier can have fetched it. */
  @Post('token-keys')
  @Requires('registrar')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  rotate(
    @Body({ schema: rotateSchema }) body: z.infer<typeof rotateSchema>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.keys.rotate(body, idempotency);
  }

  /** For a key that leaked: all its tokens are refused from now on. */
  @Post('token-keys/:kid/retire')
  @Requires('registrar')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  retire(
    @Param({ schema: keyParams }) { kid }: z.infer<typeof keyParams>,
    @Body({ schema: retireSchema }) { reason }: z.infer<typeof retireSchema>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.keys.retire(kid, reason, idempotency);
  }
}
