/**
 * The OAuth endpoints: RFC 6749 §4.4 (client credentials), RFC 8693 (exchange), RFC 9449 (DPoP), RFC 7662, RFC 7009, and the documents by which a verifier
 * finds them (RFC 8414, RFC 7517). They authenticate clients by themselves, so the guard lets everybody through.
 */
import { Body, Controller, Get, Header, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { ApiBodyOptions } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { RegistryError } from '../core/errors.ts';
import { DETAILS_TYPE } from '../core/licensing/token-claims.ts';
import { ACTIONS } from '../core/licensing/actions.ts';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import { Config } from '../platform/config/index.ts';
import { AUTHENTICATION_METHODS, ClientAuthentication } from './client-authentication.ts';
import { DPOP_ALGORITHMS } from './dpop/index.ts';
import { Holders } from './holders.ts';
import { Issuer } from './issuer.ts';
import { cacheSeconds } from './key-schedule.ts';
import { jwksSchema } from './license-token/index.ts';
import { Refusals } from './refusals.ts';
import { TokenIssuance } from './token-issuance.ts';
import { TokenKeys } from './token-keys.ts';
import type { Metadata } from './token.schema.ts';
import {
  clientSchema,
  GRANT_TYPES,
  introspection,
  metadataSchema,
  readForm,
  readTokenRequest,
  tokenParameterSchema,
  tokenRequestSchema,
  tokenResponse,
} from './token.schema.ts';
import { TokenService } from './token.service.ts';

const FORM = 'application/x-www-form-urlencoded';

const formOf = (schema: z.ZodType): ApiBodyOptions =>
  ({ schema: z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0' }) }) as ApiBodyOptions;

@ApiTags('tokens')
@Controller()
@Requires('public')
export class OAuthController {
  constructor(
    private readonly tokens: TokenService,
    private readonly issuance: TokenIssuance,
    private readonly holders: Holders,
    private readonly keys: TokenKeys,
    private readonly clients: ClientAuthentication,
    private readonly refusals: Refusals,
    private readonly issuer: Issuer,
    private readonly config: Config,
  ) {}

  @Post('oauth/token')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @Header('pragma', 'no-cache')
  @ApiConsumes(FORM)
  @ApiBody(formOf(tokenRequestSchema))
  @ApiResponse({ status: 200, standardSchema: tokenResponse })
  async token(@Req() request: FastifyRequest, @Body() body: unknown) {
    return this.refusals.watch('token', async (about) => {
      const client = (about.client = await this.#client(request, body));
      const wanted = readTokenRequest(body);
      about.grant = wanted.grant_id;
      return this.issuance.issue(client, wanted, await this.holders.of(request));
    });
  }

  /** For a resource server that is a side of the grant; it may also show its API key as a bearer token. */
  @Post('oauth/introspect')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @ApiConsumes(FORM)
  @ApiBody(formOf(tokenParameterSchema))
  @ApiResponse({ status: 200, standardSchema: introspection })
  async introspect(
    @Req() request: FastifyRequest,
    @Body() body: unknown,
    @CurrentPrincipal() bearer: Principal | undefined,
  ) {
    return this.refusals.watch('introspect', async (about) => {
      requireForm(request);
      const server = (about.client = bearer ?? (await this.#client(request, body)));
      return this.tokens.introspect(server, readForm(tokenParameterSchema, body).token);
    });
  }

  @Post('oauth/revoke')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @ApiConsumes(FORM)
  @ApiBody(formOf(tokenParameterSchema))
  @ApiResponse({ status: 200, description: 'The token is not valid, or not any more' })
  async revoke(@Req() request: FastifyRequest, @Body() body: unknown): Promise<void> {
    await this.refusals.watch('revoke', async (about) => {
      const client = (about.client = await this.#client(request, body));
      await this.tokens.revokePresented(client, readForm(tokenParameterSchema, body).token);
    });
  }

  @Get('.well-known/jwks.json')
  @ApiResponse({ status: 200, standardSchema: jwksSchema })
  async jwks(@Res({ passthrough: true }) reply: FastifyReply) {
    const jwks = await this.keys.jwks();
    void reply.header('cache-control', `public, max-age=${cacheSeconds(this.config.tokenKeyLeadSeconds)}`);
    return jwks;
  }

  @Get('.well-known/oauth-authorization-server')
  @Header('cache-control', 'public, max-age=300')
  @ApiResponse({ status: 200, standardSchema: metadataSchema })
  metadata(): Metadata {
    const issuer = this.issuer.url;
    return {
      issuer,
      token_endpoint: `${issuer}/oauth/token`,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      introspection_endpoint: `${issuer}/oauth/introspect`,
      revocation_endpoint: `${issuer}/oauth/revoke`,
      status_list_aggregation_endpoint: `${issuer}/statuslists`,
      response_types_supported: [],
      grant_types_supported: [...GRANT_TYPES],
      dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
      scopes_supported: [...ACTIONS],
      authorization_details_types_supported: [DETAILS_TYPE],
      token_endpoint_auth_methods_supported: AUTHENTICATION_METHODS,
      introspection_endpoint_auth_methods_supported: [...AUTHENTICATION_METHODS, 'Bearer'],
      revocation_endpoint_auth_methods_supported: AUTHENTICATION_METHODS,
    };
  }

  #client(request: FastifyRequest, body: unknown): Promise<Principal> {
    requireForm(request);
    return this.clients.client(request, readForm(clientSchema, body));
  }
}

function requireForm({ headers }: FastifyRequest): void {
  if (headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() === FORM) return;
  throw new RegistryError('unsupported_media_type', 'The parameters are not sent as a form.', {
    fix: `Send them as ${FORM}.`,
  });
}
