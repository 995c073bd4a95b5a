import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Requires } from '../platform/auth/index.ts';
import type { ReleaseQuery } from './release.schema.ts';
import { releaseParams, releaseQuery, releaseView } from './release.schema.ts';
import { ReleaseService } from './release.service.ts';

@ApiTags('licenses')
@Controller('v1/models')
export class ReleaseController {
  constructor(private readonly releases: ReleaseService) {}

  /** The texts that go with the model when it is released, and what is missing before it is fit for that. */
  @Get(':id/release')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: releaseView })
  of(
    @Param({ schema: releaseParams }) { id }: z.infer<typeof releaseParams>,
    @Query({ schema: releaseQuery }) query: ReleaseQuery,
  ) {
    return this.releases.of(id, query);
  }
}
