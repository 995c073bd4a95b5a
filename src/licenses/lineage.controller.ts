import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Requires } from '../platform/auth/index.ts';
import type { LineageQuery, LineageView } from './lineage.schema.ts';
import { lineageParams, lineageQuery, lineageView } from './lineage.schema.ts';
import { LineageService } from './lineage.service.ts';

@ApiTags('licenses')
@Controller('v1/models')
export class LineageController {
  constructor(private readonly lineages: LineageService) {}

  /** Everything that a model came from, or everything that came from it, as the makers declared it. */
  @Get(':id/lineage')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: lineageView })
  of(
    @Param({ schema: lineageParams }) { id }: z.infer<typeof lineageParams>,
    @Query({ schema: lineageQuery }) { direction }: LineageQuery,
  ): Promise<LineageView> {
    return this.lineages.of(id, direction);
  }
}
