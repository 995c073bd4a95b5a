/** Who makes a request, and how a bearer token becomes that. */
import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { RegistryError } from '../../core/errors.ts';
import type { Role } from './scopes.ts';

export interface Principal {
  partyId: string;
  apiKeyId: string;
  scopes: readonly string[];
  roles: readonly Role[];
}

/** Implemented by the feature that keeps the keys. */
export interface Authenticator {
  /**
   * @param token what follows `Bearer `, unchecked
   * @throws RegistryError `unauthenticated`, the same for a key that is unknown, wrong, expired or revoked
   */
  authenticate(token: string): Promise<Principal>;
}

/** The hook by which a higher floor hands its authenticator down. Before that, every token is refused. */
export class AuthenticatorRegistry {
  #authenticator: Authenticator | undefined;

  register(authenticator: Authenticator): void {
    if (this.#authenticator) throw new Error('An authenticator is registered already.');
    this.#authenticator = authenticator;
  }

  authenticate(token: string): Promise<Principal> {
    if (!this.#authenticator) throw new RegistryError('unauthenticated', 'The API key is not valid.');
    return this.#authenticator.authenticate(token);
  }
}

export type AuthenticatedRequest = FastifyRequest & { principal?: Principal };

/** The principal of the request. On a `public` route it is `undefined` unless the caller sent a valid key. */
export const CurrentPrincipal = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<AuthenticatedRequest>().principal,
);
