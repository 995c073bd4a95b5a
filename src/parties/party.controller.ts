import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { ErasureBody } from '../core/registry/commitment.ts';
import type { KeyRevocationBody } from '../core/registry/key.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, SignedWrite, Write } from '../ledger/index.ts';
import { IdempotencyKey, signedWriteSchema } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { CreateApiKey, CreateParty, PartyQuery } from './party.schema.ts';
import {
  apiKeyCreated,
  createApiKeySchema,
  createPartySchema,
  eraseSchema,
  partyKeyView,
  partyParams,
  partyQuery,
  partyView,
  registerKeySchema,
  revokeApiKeySchema,
  revokeKeySchema,
  whoami,
} from './party.schema.ts';
import { PartyService } from './party.service.ts';

type Id = z.infer<typeof partyParams>;

@ApiTags('parties')
@Controller('v1')
export class PartyController {
  constructor(private readonly parties: PartyService) {}

  @Get('whoami')
  @Requires('authenticated')
  @ApiResponse({ status: 200, standardSchema: whoami })
  async whoami(@CurrentPrincipal() { partyId, apiKeyId, scopes, roles }: Principal) {
    return { party: await this.parties.get(partyId), apiKeyId, scopes, roles };
  }

  @Post('parties')
  @Requires('registrar')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  create(@Body({ schema: createPartySchema }) body: CreateParty, @IdempotencyKey() idempotency: Idempotency) {
    return this.parties.create(body, idempotency);
  }

  @Get('parties')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: z.array(partyView) })
  list(@Query({ schema: partyQuery }) query: PartyQuery) {
    return this.parties.list(query);
  }

  @Get('parties/:id')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: partyView })
  get(@Param({ schema: partyParams }) { id }: Id) {
    return this.parties.get(id);
  }

  /** Open to everybody: whoever holds a receipt may ask whether its key had ended. */
  @Get('parties/:id/keys')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(partyKeyView) })
  async listKeys(@Param({ schema: partyParams }) { id }: Id) {
    return (await this.parties.get(id)).keys;
  }

  @Post('parties/:id/keys')
  @Requires('parties:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  registerKey(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: partyParams }) { id }: Id,
    @Body({ schema: registerKeySchema }) body: Write<never>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.parties.registerKey(principal, id, body, idempotency);
  }

  /** Ends a key: it signs nothing from there on, and what it signed before stays valid. */
  @Post('parties/:id/key-revocations')
  @Requires('parties:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  revokeKey(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: partyParams }) { id }: Id,
    @Body({ schema: revokeKeySchema }) body: Write<KeyRevocationBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.parties.revokeKey(principal, id, body, idempotency);
  }

  @Post('parties/:id/api-keys')
  @Requires('parties:write')
  @ApiResponse({ status: 201, standardSchema: z.union([apiKeyCreated, receiptSchema]) })
  createApiKey(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: partyParams }) { id }: Id,
    @Body({ schema: z.union([signedWriteSchema, createApiKeySchema]) }) body: CreateApiKey | SignedWrite,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return 'payload' in body
      ? this.parties.acceptApiKey(principal, id, body, idempotency)
      : this.parties.createApiKey(principal, id, body, idempotency);
  }

  /** Erases names and other personal values; what was signed stays, and every proof of it holds. */
  @Post('erasures')
  @Requires('parties:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  erase(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: eraseSchema }) body: Write<ErasureBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.parties.erase(principal, body, idempotency);
  }

  @Post('api-keys/:id/revoke')
  @HttpCode(200)
  @Requires('parties:write')
  @ApiResponse({ status: 200, standardSchema: receiptSchema })
  revokeApiKey(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: partyParams }) { id }: Id,
    @Body({ schema: z.union([signedWriteSchema, revokeApiKeySchema]) }) body: SignedWrite | { reason: string },
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return 'payload' in body
      ? this.parties.acceptApiKeyRevocation(principal, id, body, idempotency)
      : this.parties.revokeApiKey(principal, id, body.reason, idempotency);
  }
}
