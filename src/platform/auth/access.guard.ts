/**
 * The one gate in front of every route. Default deny: a route that names no requirement is refused, so a forgotten
 * decorator shows at once and lets nobody in. It answers 401 before it tells whether the caller would be allowed.
 */
import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply } from 'fastify';
import { RegistryError } from '../../core/errors.ts';
import { AuthenticatorRegistry } from './principal.ts';
import type { AuthenticatedRequest, Principal } from './principal.ts';
import { REQUIREMENT } from './requires.ts';
import { isRole } from './scopes.ts';
import type { Requirement } from './scopes.ts';

/** RFC 6750 §2.1; nothing that follows the scheme is longer than a key or a token of 8 KB. */
const BEARER = /^Bearer ([A-Za-z0-9._~+/-]{1,8192}=*)$/i;

@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticators: AuthenticatorRegistry,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const requirement = this.reflector.getAllAndOverride<Requirement | undefined>(REQUIREMENT, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (requirement === undefined) throw new RegistryError('forbidden', 'This route is not open to anybody.');

    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const { authorization } = request.headers;
    if (authorization === undefined && requirement === 'public') return true;
    try {
      request.principal = await this.identify(authorization);
    } catch (error) {
      // A public route may carry another scheme's credentials (client authentication, license tokens): not its concern.
      if (requirement === 'public' && error instanceof RegistryError && error.status === 401) return true;
      if (error instanceof RegistryError && error.status === 401) challenge(context, authorization !== undefined);
      throw error;
    }
    judge(request.principal, requirement);
    return true;
  }

  private async identify(authorization: string | undefined): Promise<Principal> {
    if (authorization === undefined) {
      throw new RegistryError('unauthenticated', 'This needs an API key.', {
        fix: 'Send it as "Authorization: Bearer mun_…".',
      });
    }
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) {
      throw new RegistryError('unauthenticated', 'The Authorization header holds no bearer token.', {
        fix: 'Send the API key as "Authorization: Bearer mun_…".',
      });
    }
    return this.authenticators.authenticate(token);
  }
}

/** @throws RegistryError `forbidden`, `scope_missing` */
export function judge({ roles, scopes }: Principal, requirement: Requirement): void {
  if (requirement === 'public' || requirement === 'authenticated' || roles.includes('registrar')) return;
  if (isRole(requirement)) {
    if (roles.includes(requirement)) return;
    throw new RegistryError('forbidden', `This needs the role ${requirement}.`);
  }
  if (scopes.includes(requirement) || (requirement === 'read' && roles.includes('auditor'))) return;
  throw new RegistryError('scope_missing', `The API key lacks the scope ${requirement}.`, {
    fix: `Use a key that was made with the scope ${requirement}.`,
  });
}

/** RFC 6750 §3: without credentials no error code is told. */
function challenge(context: ExecutionContext, wrong: boolean): void {
  void context
    .switchToHttp()
    .getResponse<FastifyReply>()
    .header('www-authenticate', `Bearer realm="muniment"${wrong ? ', error="invalid_token"' : ''}`);
}
