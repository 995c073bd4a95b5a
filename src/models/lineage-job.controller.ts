import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { LineageJobsOf, StartLineageJobs } from './lineage-job.schema.ts';
import { lineageJobParams, lineageJobsOf, lineageJobView, startLineageJobs } from './lineage-job.schema.ts';
import { LineageJobService } from './lineage-job.service.ts';

@ApiTags('models')
@Controller('v1/lineage-check-jobs')
export class LineageJobController {
  constructor(private readonly checks: LineageJobService) {}

  /**
   * Asks the registry to check the declared parents of a model whose files it keeps, which it does by itself when the last
   * of them is stored. What was checked is not checked again.
   */
  @Post()
  @Requires('models:write')
  @ApiResponse({ status: 201, standardSchema: z.array(lineageJobView) })
  start(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: startLineageJobs }) { registration }: StartLineageJobs,
  ) {
    return this.checks.start(principal, registration);
  }

  /** Of a model, for its owners and the registrar. */
  @Get()
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: z.array(lineageJobView) })
  list(@CurrentPrincipal() reader: Principal, @Query({ schema: lineageJobsOf }) { registration }: LineageJobsOf) {
    return this.checks.list(reader, registration);
  }

  @Get(':id')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: lineageJobView })
  get(
    @CurrentPrincipal() reader: Principal,
    @Param({ schema: lineageJobParams }) { id }: z.infer<typeof lineageJobParams>,
  ) {
    return this.checks.get(reader, id);
  }
}
