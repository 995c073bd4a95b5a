/**
 * Who asks at an OAuth endpoint: a program that holds an API key. `client_id` is the key's id and `client_secret` the
 * whole key, by HTTP Basic or as form fields (RFC 6749 §2.3.1), never both. Every failure is the same one.
 */
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { RegistryError } from '../core/errors.ts';
import type { Principal } from '../platform/auth/index.ts';
import { AuthenticatorRegistry } from '../platform/auth/index.ts';
import type { ClientFields } from './token.schema.ts';

export const AUTHENTICATION_METHODS = ['client_secret_basic', 'client_secret_post'];

@Injectable()
export class ClientAuthentication {
  constructor(private readonly authenticators: AuthenticatorRegistry) {}

  /** @throws RegistryError `unauthenticated`; `invalid_input` when two ways are used at once */
  async client(request: Pick<FastifyRequest, 'headers'>, fields: ClientFields): Promise<Principal> {
    const { id, secret } = credentials(request.headers.authorization, fields);
    const principal = await this.authenticators.authenticate(secret);
    if (principal.apiKeyId !== id) throw unknownClient();
    return principal;
  }
}

function credentials(authorization: string | undefined, { client_id, client_secret }: ClientFields) {
  if (authorization === undefined) {
    if (client_id === undefined || client_secret === undefined) throw unknownClient();
    return { id: client_id, secret: client_secret };
  }
  if (client_secret !== undefined) {
    throw new RegistryError('invalid_input', 'The client authenticates in two ways at once.', {
      field: 'client_secret',
      fix: 'Send its secret by HTTP Basic or as a form field, not both.',
    });
  }
  const encoded = /^Basic ([A-Za-z0-9+/]{1,400}={0,2})$/i.exec(authorization)?.[1];
  const [id, secret, ...more] = Buffer.from(encoded ?? '', 'base64')
    .toString('latin1')
    .split(':')
    .map(formDecoded);
  if (id === undefined || secret === undefined || more.length > 0) throw unknownClient();
  if (client_id !== undefined && client_id !== id) throw unknownClient();
  return { id, secret };
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they are joined. */
const formDecoded = (text: string): string => new URLSearchParams(`v=${text}`).get('v') ?? '';

const unknownClient = (): RegistryError =>
  new RegistryError('unauthenticated', 'The client is not known, or its secret is wrong.', {
    fix: 'Send the id of an API key as client_id and the whole key as client_secret.',
  });
