/** Stored weights on their way out: whole or in part, to go on where a transfer broke off (RFC 9110 §13, §14; RFC 9530). */
import { Readable } from 'node:stream';
import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiResponse, ApiSecurity, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { toBase64 } from '../core/bytes.ts';
import { parseDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { isHad } from '../platform/http/index.ts';
import { DPOP_ALGORITHMS } from '../tokens/index.ts';
import type { AccessQuery } from './artifact.schema.ts';
import { accessParams, accessQuery, accessView, artifactParams, provenAccess } from './artifact.schema.ts';
import { ArtifactService } from './artifact.service.ts';
import { partOf } from './part.ts';

type Id = z.infer<typeof artifactParams>;

const BYTES = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } as const;

/** RFC 6750 §3, RFC 9449 §7.1. */
const CHALLENGE = `Bearer realm="muniment", DPoP algs="${DPOP_ALGORITHMS.join(' ')}"`;

@ApiTags('models')
@Controller('v1/models')
export class ArtifactController {
  constructor(private readonly artifacts: ArtifactService) {}

  /** The weights as they were registered, for an owner with its API key or whoever shows a license token. */
  @Get(':id/artifact')
  @Requires('public')
  @ApiSecurity('apiKey')
  @ApiResponse({ status: 200, description: 'The whole file', content: BYTES })
  @ApiResponse({ status: 206, description: 'The range that was asked for', content: BYTES })
  @ApiResponse({ status: 304, description: 'It is the file that the client has' })
  async get(
    @CurrentPrincipal() principal: Principal | undefined,
    @Param({ schema: artifactParams }) { id }: Id,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const fetched = await this.artifacts.open(id, principal, request).catch((error: unknown) => {
      if (error instanceof RegistryError && error.status === 401) void reply.header('www-authenticate', CHALLENGE);
      throw error;
    });
    const { artifact, access } = fetched;
    const etag = `"${access.fileDigest}"`;
    const had = isHad(request.headers, etag);
    // What the client has goes before the part that it asks for (§13.2.2), and nothing but GET knows ranges (§14.2).
    const part = had || request.method !== 'GET' ? 'all' : partOf(request.headers, artifact.size, etag);
    if (part === 'none') {
      void reply.header('content-range', `bytes */${artifact.size}`);
      throw unsatisfiable(artifact.size);
    }
    void reply.header('accept-ranges', 'bytes').header('cache-control', 'private, no-cache').header('etag', etag);
    if (had) return void (await reply.code(304).send());
    if (part !== 'all')
      void reply.code(206).header('content-range', `bytes ${part.start}-${part.end}/${artifact.size}`);
    const { start, end } = part === 'all' ? { start: 0, end: artifact.size - 1 } : part;
    void reply
      .header('content-type', 'application/octet-stream')
      .header('content-length', end - start + 1)
      .header('repr-digest', `sha-256=:${toBase64(parseDigest(access.fileDigest))}:`);
    // Sent as a stream, it leaves the length that was said above as it is.
    if (request.method === 'HEAD') return void (await reply.send(Readable.from([])));
    await reply.send(Readable.from(await this.artifacts.deliver(fetched, start, end + 1)));
  }

  /** Who fetched the weights, when, by which license token, and how much of them left. */
  @Get(':id/accesses')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: z.array(accessView) })
  accesses(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: artifactParams }) { id }: Id,
    @Query({ schema: accessQuery }) query: AccessQuery,
  ) {
    return this.artifacts.accesses(principal, id, query);
  }

  /** One access, with what proves that it was written down when the log says. */
  @Get(':id/accesses/:number')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: provenAccess })
  access(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: accessParams }) { id, number }: z.infer<typeof accessParams>,
  ) {
    return this.artifacts.access(principal, id, number);
  }
}

const unsatisfiable = (size: number): RegistryError =>
  new RegistryError('range_unsatisfiable', `The file has ${size} bytes, none of which was asked for.`, {
    field: 'range',
    fix: 'Ask for a range within it, or for the whole.',
  });
