import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Requires } from '../platform/auth/index.ts';
import type { ObligationsQuery } from './obligations.schema.ts';
import { obligationsParams, obligationsQuery, obligationsView } from './obligations.schema.ts';
import { ObligationsService } from './obligations.service.ts';

@ApiTags('licenses')
@Controller('v1/models')
export class ObligationsController {
  constructor(private readonly obligations: ObligationsService) {}

  /** What may be done with a model and what must be done for it, from the licenses of all that it came from. */
  @Get(':id/obligations')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: obligationsView })
  of(
    @Param({ schema: obligationsParams }) { id }: z.infer<typeof obligationsParams>,
    @Query({ schema: obligationsQuery }) query: ObligationsQuery,
  ) {
    return this.obligations.of(id, query);
  }
}
