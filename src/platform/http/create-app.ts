/**
 * The HTTP side of the application, the same in `serve` and in the tests: Fastify with a request id, one log line a
 * request without bodies or credentials, security headers, strict body parsers, zod at the edges, one error filter.
 */
import { randomUUID } from 'node:crypto';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { LogController } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RegistryError } from '../../core/errors.ts';
import type { Config } from '../config/index.ts';
import { NestLog } from '../logging/index.ts';
import type { Log } from '../logging/index.ts';
import { VERSION } from '../version.ts';
import { registerBodyParsers } from './body-parsers.ts';
import { serveOpenApi } from './openapi.ts';
import { ProblemFilter, sendProblem } from './problem.filter.ts';
import { securityHeaders } from './security-headers.ts';
import { validation } from './validation.ts';

export interface App {
  nest: NestFastifyApplication;
  fastify: FastifyInstance;
  /** Every route that is served, those of plugins included. */
  routes: readonly { method: string; path: string }[];
  /** Takes no new requests, finishes those in flight for the configured time, then runs the modules' shutdown hooks. */
  close(): Promise<void>;
}

/** Builds the application without listening. */
export async function createApp(module: DynamicModule, config: Config, log: Log): Promise<App> {
  const adapter = new FastifyAdapter({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    requestIdHeader: false,
    genReqId: requestId,
    bodyLimit: config.bodyLimit,
    trustProxy: config.trustProxy,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestTimeout: 60_000,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => sendProblem(error, request, reply),
  });
  const routes: { method: string; path: string }[] = [];
  adapter.getInstance().addHook('onRoute', ({ method, path }) => {
    for (const one of [method].flat()) routes.push({ method: one, path });
  });
  const nest = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLog(log),
    bodyParser: false,
    abortOnError: false,
  });
  const fastify: FastifyInstance = adapter.getInstance();
  const closing = addHooks(fastify);
  registerBodyParsers(fastify);
  nest.useGlobalPipes(validation());
  nest.useGlobalFilters(new ProblemFilter());
  serveOpenApi(nest, VERSION);
  await nest.init();
  await fastify.ready();

  let closed: Promise<void> | undefined;
  return {
    nest,
    fastify,
    routes,
    close: () => {
      closing.begun = true;
      closed ??= closeInTime(nest, fastify, config.stopTimeoutMs, log);
      return closed;
    },
  };
}

/** A caller's id is taken over when it is harmless in a log line. */
function requestId({ headers }: { headers: Record<string, unknown> }): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}

function addHooks(fastify: FastifyInstance): { begun: boolean } {
  const closing = { begun: false };
  const headers = securityHeaders();
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.headers(headers).header('x-request-id', request.id);
    // No table keeps U+0000: what it would name cannot exist, and PostgreSQL would refuse the query as an error.
    if (/%00/.test(request.url)) {
      return done(new RegistryError('invalid_input', 'The address holds the character U+0000.'));
    }
    if (!closing.begun) return done();
    void reply.header('connection', 'close');
    done(new RegistryError('shutting_down', 'The server is stopping.', { fix: 'Try again in a moment.' }));
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const line = { req: request, res: reply, ms: Math.round(reply.elapsedTime * 10) / 10 };
    // Reads that went well are many and tell little.
    if (reply.statusCode >= 500) request.log.error(line, 'request failed');
    else if (reply.statusCode >= 400 || request.method !== 'GET') request.log.info(line, 'request');
    else request.log.debug(line, 'request');
    done();
  });
  return closing;
}

async function closeInTime(nest: NestFastifyApplication, fastify: FastifyInstance, timeoutMs: number, log: Log) {
  const cut = setTimeout(() => {
    log.warn('Requests were still in flight when the time to stop was over; their connections are cut.');
    fastify.server.closeAllConnections();
  }, timeoutMs);
  // A client that keeps its connection alive would hold the stop up after its last answer.
  const sweep = setInterval(() => fastify.server.closeIdleConnections(), 50);
  try {
    await nest.close();
  } finally {
    clearTimeout(cut);
    clearInterval(sweep);
  }
}
