import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { receiptSchema } from '../core/statement/receipt.ts';
import type { Idempotency } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { ByteStream } from '../platform/http/byte-stream.ts';
import type { WriteDataset } from './dataset.schema.ts';
import { datasetFileParams, datasetParams, datasetQuery, datasetView, writeDatasetSchema } from './dataset.schema.ts';
import { DatasetService } from './dataset.service.ts';

@ApiTags('datasets')
@Controller('v1/datasets')
export class DatasetController {
  constructor(private readonly datasets: DatasetService) {}

  @Post()
  @Requires('datasets:write')
  @ApiResponse({ status: 201, standardSchema: receiptSchema })
  register(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: writeDatasetSchema }) body: WriteDataset,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.datasets.register(principal, body, idempotency);
  }

  @Get()
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(datasetView) })
  list(@Query({ schema: datasetQuery }) { manifest }: z.infer<typeof datasetQuery>) {
    return this.datasets.list(manifest);
  }

  @Get(':id')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: datasetView })
  get(@Param({ schema: datasetParams }) { id }: z.infer<typeof datasetParams>) {
    return this.datasets.get(id);
  }

  /** The body is the file's bytes; they must have the digest in the path. */
  @Put(':id/files/:digest')
  @HttpCode(204)
  @Requires('datasets:write')
  @ApiConsumes('application/octet-stream')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiResponse({ status: 204, description: 'Stored' })
  storeFile(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: datasetFileParams }) { id, digest }: z.infer<typeof datasetFileParams>,
    @ByteStream() content: AsyncIterable<Uint8Array>,
  ) {
    return this.datasets.storeFile(principal, id, digest, content);
  }
}
