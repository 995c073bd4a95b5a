/** Token status lists (draft-ietf-oauth-status-list §8), for everybody; how one stood earlier, for who may see disputes. */
import { Controller, Get, Header, Param, Query, Req, Res } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { RegistryError } from '../core/errors.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { Config } from '../platform/config/index.ts';
import { isHad, takesGzip } from '../platform/http/index.ts';
import { STATUS_LIST_MEDIA_TYPE } from './status-list/index.ts';
import { StatusLists } from './status-lists.ts';
import { statusListParams, statusListQuery, statusListUris } from './token.schema.ts';

@ApiTags('tokens')
@Controller('statuslists')
@Requires('public')
export class StatusController {
  constructor(
    private readonly lists: StatusLists,
    private readonly config: Config,
  ) {}

  /** All lists that there are (§9.3). */
  @Get()
  @Header('cache-control', 'public, max-age=60')
  @ApiResponse({ status: 200, standardSchema: statusListUris })
  async all(): Promise<z.infer<typeof statusListUris>> {
    return { status_lists: await this.lists.uris() };
  }

  @Get(':number')
  @ApiResponse({
    status: 200,
    content: { [STATUS_LIST_MEDIA_TYPE]: { schema: { type: 'string' } } },
    description: 'The signed list',
  })
  @ApiResponse({ status: 304, description: 'It is the one that the client has' })
  async get(
    @Param({ schema: statusListParams }) { number }: z.infer<typeof statusListParams>,
    @Query({ schema: statusListQuery }) { time }: z.infer<typeof statusListQuery>,
    @CurrentPrincipal() reader: Principal | undefined,
    @Req() { headers }: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (time !== undefined) requireOverseer(reader);
    const { token, gzip, etag } = await (time === undefined ? this.lists.get(number) : this.lists.asOf(number, time));
    const kept = Math.max(1, Math.floor(this.config.statusListTtlSeconds / 2));
    void reply
      .type(STATUS_LIST_MEDIA_TYPE)
      .header('cache-control', time === undefined ? `public, max-age=${kept}` : 'private, no-store')
      .header('etag', etag)
      .header('vary', 'accept-encoding');
    if (isHad(headers, etag)) return void (await reply.code(304).send());
    await (takesGzip(headers) ? reply.header('content-encoding', 'gzip').send(gzip) : reply.send(token));
  }
}

/** What differs between two times would tell of a confidential case. */
function requireOverseer(reader: Principal | undefined): void {
  if (reader !== undefined && reader.roles.length > 0) return;
  throw new RegistryError('forbidden', 'Only registrar and auditors see how a status list stood earlier.', {
    field: 'time',
  });
}
