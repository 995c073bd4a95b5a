/**
 * The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header): a request repeated under the same key gets
 * the record that the first one made; another request under that key is refused.
 */
import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { canonicalize } from '../core/canonical-json.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { sha256 } from '../platform/crypto.ts';
import type { WriteOptions } from './write.ts';

export type Idempotency = WriteOptions['idempotency'];

export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext): Idempotency => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(key)) {
    throw new RegistryError('invalid_input', 'The idempotency key is not 1 to 200 visible ASCII characters.', {
      field: 'Idempotency-Key',
    });
  }
  const requestDigest = formatDigest(sha256(canonicalize({ path: request.url, body: request.body })));
  return { key, requestDigest };
});
