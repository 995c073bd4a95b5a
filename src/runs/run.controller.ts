import { Readable } from 'node:stream';
import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Idempotency } from '../ledger/index.ts';
import { IdempotencyKey } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { RunEvents } from './run-events.ts';
import type { RunQuery, StartRun } from './run.schema.ts';
import { proposedContributors, runParams, runQuery, runView, startRunSchema } from './run.schema.ts';
import { RunService } from './run.service.ts';

type Id = z.infer<typeof runParams>;

@ApiTags('runs')
@Controller('v1/runs')
export class RunController {
  constructor(
    private readonly runs: RunService,
    private readonly events: RunEvents,
  ) {}

  @Post()
  @Requires('runs:write')
  @ApiResponse({ status: 201, standardSchema: runView })
  start(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: startRunSchema }) body: StartRun,
    @IdempotencyKey() idempotency: Idempotency,
  ) {
    return this.runs.start(principal, body, idempotency);
  }

  /** Runs on record, and the caller's own. */
  @Get()
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(runView) })
  list(@CurrentPrincipal() reader: Principal | undefined, @Query({ schema: runQuery }) query: RunQuery) {
    return this.runs.list(reader, query);
  }

  @Get(':id')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: runView })
  get(@CurrentPrincipal() reader: Principal | undefined, @Param({ schema: runParams }) { id }: Id) {
    return this.runs.get(reader, id);
  }

  /** Whom the registration of the model names, unless its owner says otherwise. */
  @Get(':id/contributors')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: proposedContributors })
  contributors(@CurrentPrincipal() reader: Principal | undefined, @Param({ schema: runParams }) { id }: Id) {
    return this.runs.proposedContributors(reader, id);
  }

  /** Server-sent events `progress`, `epoch` and `state` with parts of the run, until its final state. */
  @Get(':id/events')
  @Requires('public')
  @ApiResponse({
    status: 200,
    description: 'Server-sent events; the data of each is JSON',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  })
  async watch(
    @CurrentPrincipal() reader: Principal | undefined,
    @Param({ schema: runParams }) { id }: Id,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    await this.events.answer(await this.runs.get(reader, id), request, reply);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Requires('runs:write')
  @ApiResponse({ status: 200, standardSchema: runView })
  cancel(@CurrentPrincipal() principal: Principal, @Param({ schema: runParams }) { id }: Id) {
    return this.runs.cancel(principal, id);
  }

  @Get(':id/artifact')
  @Requires('read')
  @ApiResponse({
    status: 200,
    description: 'The weights that came out',
    content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
  })
  async artifact(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: runParams }) { id }: Id,
    @Res() reply: FastifyReply,
  ) {
    const { artifact, fileDigest } = await this.runs.openArtifact(principal, id);
    await reply
      .header('content-type', 'application/octet-stream')
      .header('content-length', artifact.size)
      .header('etag', `"${fileDigest}"`)
      .send(Readable.from(artifact.stream()));
  }
}
