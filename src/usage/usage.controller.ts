import { Body, Controller, Delete, Get, HttpCode, Param, Post, Req } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { SeatService } from './seat.service.ts';
import type { Lease, Report, TakeSeat } from './usage.schema.ts';
import {
  blockParams,
  blockView,
  countsView,
  grantParams,
  leaseSchema,
  openBlockView,
  reportSchema,
  seatParams,
  seatSchema,
  seatView,
  usageView,
} from './usage.schema.ts';
import { UsageService } from './usage.service.ts';

type Id = z.infer<typeof grantParams>;

@ApiTags('usage')
@Controller('v1/grants/:id')
export class UsageController {
  constructor(
    private readonly counted: UsageService,
    private readonly seats: SeatService,
  ) {}

  /** What was used of a grant, and what is left. */
  @Get('usage')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: usageView })
  usage(@CurrentPrincipal() principal: Principal, @Param({ schema: grantParams }) { id }: Id) {
    return this.counted.usage(principal, id);
  }

  /** Reports uses; each report counts once, however often it is sent. */
  @Post('usage')
  @HttpCode(200)
  @Requires('usage:write')
  @ApiResponse({ status: 200, standardSchema: countsView })
  report(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: grantParams }) { id }: Id,
    @Body({ schema: reportSchema }) body: Report,
  ) {
    return this.counted.report(principal, id, body);
  }

  /** The blocks that are not settled, the oldest first; 1,000 at most. */
  @Get('usage-blocks')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: z.array(openBlockView) })
  blocks(@CurrentPrincipal() principal: Principal, @Param({ schema: grantParams }) { id }: Id) {
    return this.counted.blocks(principal, id);
  }

  /** Leases a block of calls, to be spent without asking. */
  @Post('usage-blocks')
  @HttpCode(200)
  @Requires('usage:write')
  @ApiResponse({ status: 200, standardSchema: blockView })
  lease(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: grantParams }) { id }: Id,
    @Body({ schema: leaseSchema }) body: Lease,
  ) {
    return this.counted.lease(principal, id, body);
  }

  /** Gives back what was not spent of a block: who leased it, or the licensor where its gate has vanished. */
  @Post('usage-blocks/:block/settle')
  @HttpCode(200)
  @Requires('usage:write')
  @ApiResponse({ status: 200, standardSchema: blockView })
  settle(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: blockParams }) { id, block }: z.infer<typeof blockParams>,
  ) {
    return this.counted.settle(principal, id, block);
  }

  /** The seats that are taken now. */
  @Get('seats')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: z.array(seatView) })
  list(@CurrentPrincipal() principal: Principal, @Param({ schema: grantParams }) { id }: Id) {
    return this.seats.list(principal, id);
  }

  /** Takes a seat for the key that the header DPoP proves, or goes on with it: a heartbeat. */
  @Post('seats')
  @HttpCode(200)
  @Requires('usage:write')
  @ApiResponse({ status: 200, standardSchema: seatView })
  take(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: grantParams }) { id }: Id,
    @Body({ schema: seatSchema }) body: TakeSeat,
    @Req() request: FastifyRequest,
  ) {
    return this.seats.take(principal, id, body, request);
  }

  /** Gives a seat up: a side of the grant, or the key that holds it. */
  @Delete('seats/:holder')
  @HttpCode(204)
  @Requires('usage:write')
  @ApiResponse({ status: 204, description: 'It is free' })
  release(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: seatParams }) { id, holder }: z.infer<typeof seatParams>,
    @Req() request: FastifyRequest,
  ) {
    return this.seats.release(principal, id, holder, request);
  }
}
