import { randomBytes } from 'node:crypto';
import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { toHex } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import type { BehaviourBody } from '../core/registry/behaviour.ts';
import { behaviour, behaviourSeed } from '../core/registry/index.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { IdempotencyKey, Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { AskSeed } from './behaviour.schema.ts';
import { askSeed, behaviourParams, behaviourView, writeBehaviour } from './behaviour.schema.ts';
import { findBehaviour } from './behaviour.store.ts';

@ApiTags('behaviours')
@Controller('v1/behaviours')
export class BehaviourController {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {}

  /** The registry draws its half of the seed, once for a registration, after an owner committed to the other half. */
  @Post('seeds')
  @Requires('models:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  drawSeed(
    @CurrentPrincipal() { partyId: askedBy }: Principal,
    @Body({ schema: askSeed }) { id, ...asked }: AskSeed,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    const body = { ...asked, askedBy, value: toHex(randomBytes(32)) };
    // All such statements have one maker; the keys of those who ask for them are their own.
    const own = idempotency && { ...idempotency, key: `${askedBy} ${idempotency.key}` };
    return this.ledger.attest(behaviourSeed, { maker: this.ledger.registryParty, id, body }, { idempotency: own });
  }

  /** What the model answers to the challenges that follow from the seed, as a commitment. */
  @Post()
  @Requires('models:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  record(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: writeBehaviour }) body: Write<BehaviourBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.ledger.write(behaviour, principal, body, { idempotency });
  }

  @Get(':registration')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: behaviourView })
  async get(@Param({ schema: behaviourParams }) { registration }: z.infer<typeof behaviourParams>) {
    const found = await findBehaviour(this.database.manager, registration);
    if (found !== undefined) return found;
    throw new RegistryError('not_found', `There is no behaviour of ${registration} on record.`, {
      field: 'registration',
    });
  }
}
