/**
 * Failures of the OAuth endpoints leave in the shape of RFC 6749 §5.2, whoever found them: guard, body parser or
 * service. Our stable `code`, and `field` and `fix` where there are some, travel beside the members of the RFC.
 */
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '../core/errors.ts';

const PATH = /^\/oauth\//;

@Injectable()
export class OAuthErrors implements OnModuleInit {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  onModuleInit(): void {
    // Where the modules run without HTTP, there is nothing to answer.
    const fastify = this.adapterHost.httpAdapter?.getInstance<FastifyInstance | undefined>();
    fastify?.addHook('onSend', (request, reply, payload, done) => {
      const failed = PATH.test(request.url) && String(reply.getHeader('content-type')).includes('problem+json');
      done(null, failed ? translate(String(payload), request, reply) : payload);
    });
  }
}

function translate(payload: string, request: FastifyRequest, reply: FastifyReply): string {
  const problem = JSON.parse(payload) as Problem & { requestId: string };
  const { code, detail, field, fix, requestId } = problem;
  const error = oauthError(problem);
  void reply.type('application/json').header('cache-control', 'no-store').header('pragma', 'no-cache');
  reply.removeHeader('content-length');
  if (reply.statusCode < 500 && ![413, 415, 429].includes(reply.statusCode)) {
    void reply.code(error === 'invalid_client' ? 401 : 400);
  }
  if (error === 'invalid_client' && request.headers.authorization !== undefined) {
    void reply.header('www-authenticate', 'Basic realm="muniment", charset="UTF-8"');
  }
  // Member values of error_description are visible ASCII without quote and backslash (RFC 6749 §5.2).
  const description = detail.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?');
  return JSON.stringify({ error, error_description: description, code, field, fix, requestId });
}

/** RFC 6749 §5.2; `invalid_target` is RFC 8707 §2. */
export function oauthError({ code, field, status }: Pick<Problem, 'code' | 'field' | 'status'>): string {
  if (code === 'unauthenticated') return 'invalid_client';
  if (code === 'scope_missing' || code === 'forbidden') return 'unauthorized_client';
  if (code === 'not_found' || code === 'state_conflict' || code === 'grant_too_wide')
    return field === 'grant_id' ? 'invalid_grant' : 'invalid_request';
  if (code === 'unsupported_grant_type') return code;
  if (code.startsWith('dpop_')) return 'invalid_dpop_proof';
  if (code.startsWith('token_') || code === 'signature_invalid') return 'invalid_request';
  if (status === 503 || status === 429) return 'temporarily_unavailable';
  if (status >= 500) return 'server_error';
  if (field === 'scope') return 'invalid_scope';
  if (field === 'audience') return 'invalid_target';
  return 'invalid_request';
}
