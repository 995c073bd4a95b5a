import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Idempotency } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { ReplayEvents } from './replay-events.ts';
import type { ReplayJobQuery, StartReplay } from './replay.schema.ts';
import { replayJobQuery, replayJobView, startReplaySchema } from './replay.schema.ts';
import { ReplayService } from './replay.service.ts';
import { runParams } from './run.schema.ts';

type Id = z.infer<typeof runParams>;

@ApiTags('runs')
@Controller('v1/replay-jobs')
export class ReplayJobController {
  constructor(
    private readonly replays: ReplayService,
    private readonly events: ReplayEvents,
  ) {}

  /** Asks for a run to be trained again by a worker of the registry, which puts the result on record. */
  @Post()
  @Requires('runs:write')
  @ApiResponse({ status: 201, standardSchema: replayJobView })
  start(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: startReplaySchema }) body: StartReplay,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.replays.start(principal, body, idempotency);
  }

  /** The caller's own, the newest first. */
  @Get()
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: z.array(replayJobView) })
  list(@CurrentPrincipal() reader: Principal, @Query({ schema: replayJobQuery }) { limit }: ReplayJobQuery) {
    return this.replays.list(reader, limit);
  }

  @Get(':id')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: replayJobView })
  get(@CurrentPrincipal() reader: Principal, @Param({ schema: runParams }) { id }: Id) {
    return this.replays.get(reader, id);
  }

  /** Server-sent events `progress`, `epoch` and `state` with parts of the replay, until its final state. */
  @Get(':id/events')
  @Requires('read')
  @ApiResponse({
    status: 200,
    description: 'Server-sent events; the data of each is JSON',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  })
  async watch(
    @CurrentPrincipal() reader: Principal,
    @Param({ schema: runParams }) { id }: Id,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    await this.events.answer(await this.replays.get(reader, id), request, reply);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiResponse({ status: 200, standardSchema: replayJobView })
  cancel(@CurrentPrincipal() principal: Principal, @Param({ schema: runParams }) { id }: Id) {
    return this.replays.cancel(principal, id);
  }
}
