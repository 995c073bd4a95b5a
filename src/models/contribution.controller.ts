import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Requires } from '../platform/auth/index.ts';
import type { ContributionQuery } from './model.schema.ts';
import { contributionParams, contributionQuery, contributionView } from './model.schema.ts';
import { ModelService } from './model.service.ts';

@ApiTags('models')
@Controller('v1/parties')
export class ContributionController {
  constructor(private readonly models: ModelService) {}

  /** The models whose registrations name the party as a contributor, the newest first. */
  @Get(':id/contributions')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: z.array(contributionView) })
  list(
    @Param({ schema: contributionParams }) { id }: z.infer<typeof contributionParams>,
    @Query({ schema: contributionQuery }) query: ContributionQuery,
  ) {
    return this.models.contributions(id, query);
  }
}
