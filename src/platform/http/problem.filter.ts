/**
 * The one way in which a failure leaves the server: `application/problem+json` (RFC 9457) with a stable code and the
 * request's id. What is not a `RegistryError` is a bug or a broken dependency: it is logged with its stack, and the
 * outside learns nothing but `internal` or `database_unavailable`.
 */
import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RegistryError } from '../../core/errors.ts';
import type { ErrorCode, Problem } from '../../core/errors.ts';
import { isStorageFull } from '../storage-full.ts';

@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = toRegistryError(error, request);
  if (known.status >= 500) request.log.error({ err: error, cause: known.cause }, known.message);
  if (reply.raw.headersSent) {
    // A stream broke in the middle: only a cut connection tells the client that what it has is not all.
    reply.raw.destroy();
    return;
  }
  if (known.status === 503) void reply.header('retry-after', '2');
  const problem: Problem & { requestId: string } = { ...known.toProblem(), requestId: request.id };
  void reply.code(known.status).type('application/problem+json').header('cache-control', 'no-store').send(problem);
}

function toRegistryError(error: unknown, request: FastifyRequest): RegistryError {
  if (error instanceof RegistryError) return error;
  if (isDatabaseGone(error)) {
    return new RegistryError('database_unavailable', 'The database cannot be reached at the moment.', {
      fix: 'Try again; a write that carries an Idempotency-Key is not done twice.',
      cause: error,
    });
  }
  if (isStorageFull(error)) {
    return new RegistryError('storage_full', 'A disk of the registry is full; nothing of this request was recorded.', {
      fix: 'Try again when the operator has made room.',
      cause: error,
    });
  }
  const status =
    error instanceof HttpException ? error.getStatus() : (error as { statusCode?: unknown } | null)?.statusCode;
  return (
    fromStatus(status, request) ??
    new RegistryError('internal', 'Something went wrong inside the server.', { cause: error })
  );
}

/** Failures that Fastify and Nest find before any of our code runs. */
function fromStatus(status: unknown, request: FastifyRequest): RegistryError | undefined {
  const path = request.url.split('?', 1)[0]?.slice(0, 200);
  const known: Record<number, [ErrorCode, string, string?]> = {
    400: ['invalid_input', 'The request is not well-formed HTTP.'],
    403: ['forbidden', 'This is not allowed.'],
    404: ['not_found', `There is no ${request.method} ${path}.`, 'GET /openapi.json lists all routes.'],
    406: ['not_acceptable', 'There is no answer in the media type asked for.'],
    408: ['invalid_input', 'The request took too long to arrive.'],
    413: ['payload_too_large', 'The body is too large.'],
    414: ['invalid_input', 'The address is too long.'],
    415: ['unsupported_media_type', 'The body has a media type that is not taken here.', 'Send application/json.'],
    431: ['invalid_input', 'The headers are too large.'],
  };
  const [code, message, fix] = (typeof status === 'number' && known[status]) || [];
  return code && message ? new RegistryError(code, message, fix === undefined ? {} : { fix }) : undefined;
}

/**
 * SQLSTATE classes 08 (connection) and 57P (shutdown), 53300 (too many connections), and what the driver says itself; the
 * last two are TypeORM's words for a connection that broke between two queries of a transaction.
 */
export function isDatabaseGone(error: unknown): boolean {
  const {
    code,
    message = '',
    driverError,
  } = (error ?? {}) as { code?: unknown; message?: string; driverError?: unknown };
  if (driverError !== undefined && driverError !== error && isDatabaseGone(driverError)) return true;
  return (
    (typeof code === 'string' && /^(?:08|57P0|53300|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EAI_AGAIN)/.test(code)) ||
    /^(?:Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query runner already released|Database connection provided by a query runner was already released)/.test(
      String(message),
    )
  );
}
