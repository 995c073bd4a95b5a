import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { RegistrationBody } from '../core/registry/registration.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency, SignedWrite, Write } from '../ledger/index.ts';
import { IdempotencyKey, signedWriteSchema } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { ByteStream } from '../platform/http/byte-stream.ts';
import type { ModelQuery } from './model.schema.ts';
import {
  modelParams,
  modelQuery,
  modelSignatureView,
  modelView,
  registerAllSchema,
  registeredAll,
  writeRegistrationSchema,
} from './model.schema.ts';
import { ModelService } from './model.service.ts';

type Id = z.infer<typeof modelParams>;

@ApiTags('models')
@Controller('v1/models')
export class ModelController {
  constructor(private readonly models: ModelService) {}

  @Post()
  @Requires('models:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  register(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: writeRegistrationSchema }) body: Write<RegistrationBody>,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.models.register(principal, body, idempotency);
  }

  /** For many models at once: registered in their order, each recorded or refused for itself. */
  @Post('batch')
  @HttpCode(200)
  @Requires('models:write')
  @ApiResponse({ status: 200, standardSchema: registeredAll })
  registerAll(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: registerAllSchema }) { registrations }: { registrations: Write<RegistrationBody>[] },
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.models.registerAll(principal, registrations, idempotency);
  }

  @Get()
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(modelView) })
  list(@Query({ schema: modelQuery }) query: ModelQuery) {
    return this.models.list(query);
  }

  @Get(':id')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: modelView })
  get(@Param({ schema: modelParams }) { id }: Id) {
    return this.models.get(id);
  }

  /** The body is the artifact's bytes; they must have the file digest on record. */
  @Put(':id/artifact')
  @HttpCode(204)
  @Requires('models:write')
  @ApiConsumes('application/octet-stream')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiResponse({ status: 204, description: 'Stored' })
  storeArtifact(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: modelParams }) { id }: Id,
    @ByteStream() content: AsyncIterable<Uint8Array>,
  ) {
    return this.models.storeArtifact(principal, id, content);
  }

  /** An owner's signature over the model's file, in the form of OpenSSF model signing; made and signed by the owner. */
  @Post(':id/signatures')
  @Requires('models:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  sign(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: modelParams }) { id }: Id,
    @Body({ schema: signedWriteSchema }) body: SignedWrite,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.models.sign(principal, id, body, idempotency);
  }

  @Get(':id/signatures')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(modelSignatureView) })
  signatures(@Param({ schema: modelParams }) { id }: Id) {
    return this.models.signatures(id);
  }
}
