/** `/health/live`: the process answers. `/health/ready`: it can do its work; 503 when it cannot. Both for everybody. */
import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Requires } from '../auth/index.ts';
import { HealthRegistry } from './health-registry.ts';
import type { HealthReport } from './health-registry.ts';

const liveSchema = z.strictObject({ status: z.literal('live') });
const reportSchema = z
  .strictObject({
    status: z.enum(['ready', 'not_ready']),
    checks: z.record(
      z.string(),
      z.strictObject({
        ok: z.boolean(),
        detail: z.string().optional(),
        warning: z.string().optional(),
        reason: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'HealthReport' });

@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(private readonly health: HealthRegistry) {}

  @Get('live')
  @Requires('public')
  @ApiOperation({ summary: 'Tells whether the process answers' })
  @ApiResponse({ status: 200, standardSchema: liveSchema })
  live(): { status: 'live' } {
    return { status: 'live' };
  }

  @Get('ready')
  @Requires('public')
  @ApiOperation({ summary: 'Tells whether the server can do its work, and what stands in its way' })
  @ApiResponse({ status: 200, standardSchema: reportSchema })
  @ApiResponse({ status: 503, description: 'The same, with what stands in its way', standardSchema: reportSchema })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthReport> {
    const report = await this.health.report();
    void reply.header('cache-control', 'no-store');
    if (report.status !== 'ready') void reply.code(503);
    return report;
  }
}
