/**
 * `@ByteStream()`: the bytes of a request as they arrive, for routes that take a file. A body of another media type is
 * refused with 415.
 *
 * A route may stop reading in the middle, when it has seen enough to refuse. The rest is then read and thrown away: it
 * stands in the connection before the next request, which would wait for ever.
 */
import { Readable } from 'node:stream';
import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { RegistryError } from '../../core/errors.ts';

export const ByteStream = createParamDecorator((_: unknown, context: ExecutionContext): AsyncIterable<Uint8Array> => {
  const { body } = context.switchToHttp().getRequest<FastifyRequest>();
  if (body instanceof Readable) return readOn(body);
  throw new RegistryError('unsupported_media_type', 'A file is sent as application/octet-stream.', {
    fix: 'Send the bytes with "Content-Type: application/octet-stream".',
  });
});

async function* readOn(body: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  } finally {
    body.resume();
  }
}
