/**
 * What timestamp authorities said of the log's checkpoints, as anybody checks it with `openssl ts -verify`: the reply as
 * it came, and beside it the exact bytes that it is over.
 */
import { Controller, Get, Param, Res } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { REPLY_TYPE } from '../../core/time/index.ts';
import { Requires } from '../../platform/auth/index.ts';
import { Timestamping } from './timestamping.service.ts';

const IMMUTABLE = 'public, max-age=31536000, immutable';

const params = z.strictObject({
  size: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER).describe('Tree size of an attested checkpoint'),
});
type Params = z.infer<typeof params>;

@ApiTags('ledger')
@Controller('v1/timestamps')
@Requires('public')
export class TimestampController {
  constructor(private readonly timestamping: Timestamping) {}

  /** The authority's reply (RFC 3161). Which sizes have one is told by receipts. */
  @Get(':size')
  @ApiResponse({
    status: 200,
    description: 'The TimeStampResp, DER',
    content: { [REPLY_TYPE]: { schema: { type: 'string', format: 'binary' } } },
  })
  async reply(@Param({ schema: params }) { size }: Params, @Res() reply: FastifyReply) {
    const { reply: bytes } = await this.timestamping.ofCheckpoint(size);
    await reply.header('content-type', REPLY_TYPE).header('cache-control', IMMUTABLE).send(Buffer.from(bytes));
  }

  /** The bytes that the timestamp is over: the checkpoint with the log's own signature alone. */
  @Get(':size/checkpoint')
  @ApiResponse({
    status: 200,
    description: 'The signed note (C2SP tlog-checkpoint) without cosignatures',
    content: { 'text/plain': { schema: { type: 'string' } } },
  })
  async checkpoint(@Param({ schema: params }) { size }: Params, @Res() reply: FastifyReply) {
    const { text } = await this.timestamping.ofCheckpoint(size);
    await reply.header('content-type', 'text/plain; charset=utf-8').header('cache-control', IMMUTABLE).send(text);
  }
}
