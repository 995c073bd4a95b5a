/**
 * A gate in front of a server: as middleware for Express, Connect and plain Node, as a hook for Fastify, as a guard for
 * Nest. What was admitted is at `request.license`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { refusalOf } from './answer.ts';
import type { Admission, Gate, GateRequest } from './gate.ts';

export interface Licensed {
  license?: Admission;
}

type Next = (error?: unknown) => void;

/** Where middleware is mounted under a path, Express keeps the whole in `originalUrl`. */
type NodeRequest = IncomingMessage & Licensed & { originalUrl?: string };

export function expressGate(gate: Gate): (request: NodeRequest, response: ServerResponse, next: Next) => void {
  return (request, response, next) => {
    const { method = 'GET', url = '/', originalUrl = url, headers } = request;
    gate.admit({ method, url: originalUrl, headers }).then(
      (admission) => {
        request.license = admission;
        next();
      },
      (error: unknown) => {
        try {
          const { status, headers: said, body } = refusalOf(error);
          response.writeHead(status, said).end(body);
        } catch (other) {
          next(other);
        }
      },
    );
  };
}

interface FastifyReplyLike {
  code(status: number): FastifyReplyLike;
  headers(values: Record<string, string>): FastifyReplyLike;
  send(body: string): unknown;
}

/** For `fastify.addHook('onRequest', …)`, or one route's `onRequest`. */
export function fastifyGate(
  gate: Gate,
): (request: GateRequest & Licensed, reply: FastifyReplyLike) => Promise<unknown> {
  return async (request, reply) => {
    try {
      request.license = await gate.admit(request);
    } catch (error) {
      const { status, headers, body } = refusalOf(error);
      return reply.code(status).headers(headers).send(body);
    }
    return undefined;
  };
}

interface ContextLike {
  switchToHttp(): { getRequest<T>(): T; getResponse<T>(): T };
}

/** The same in Express and Fastify. */
interface ResponseLike {
  header(name: string, value: string): unknown;
}

/**
 * For `@UseGuards(nestGate(gate, HttpException))`, on Express or Fastify alike.
 * @param HttpException of `@nestjs/common`: that of the application, so that its filters know it
 */
export function nestGate(
  gate: Gate,
  HttpException: new (response: object, status: number) => Error,
): { canActivate(context: ContextLike): Promise<boolean> } {
  return {
    async canActivate(context) {
      const request = context.switchToHttp().getRequest<GateRequest & Licensed & { originalUrl?: string }>();
      const { method, headers, originalUrl, url } = request;
      try {
        request.license = await gate.admit({ method, headers, url: originalUrl ?? url });
        return true;
      } catch (error) {
        const { status, headers: said, body } = refusalOf(error);
        const response = context.switchToHttp().getResponse<ResponseLike>();
        for (const [name, value] of Object.entries(said)) response.header(name, value);
        throw new HttpException(JSON.parse(body) as object, status);
      }
    },
  };
}
