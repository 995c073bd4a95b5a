/**
 * Structured logs: one JSON line an event, on standard error, so that standard output stays a command's own. Headers
 * that carry credentials are removed wherever they appear; request bodies are never logged at all.
 */
import type { LoggerService } from '@nestjs/common';
import { destination, pino, stdSerializers } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type { Config } from '../config/index.ts';

export type Log = Logger;

const CREDENTIALS = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'dpop', 'x-api-key'];
const NAMES = ['password', 'secret', 'apiKey', 'api_key', 'token', 'access_token', 'client_secret', 'masterKey'];

/** Paths that pino blanks, one and two levels deep and under `req` / `res`. */
const REDACTED = [
  ...[...CREDENTIALS, ...NAMES].flatMap((name) => [`["${name}"]`, `*["${name}"]`]),
  ...CREDENTIALS.flatMap((name) => [`req.headers["${name}"]`, `res.headers["${name}"]`]),
];

export function createLog(
  config: Pick<Config, 'logLevel'>,
  stream: DestinationStream = destination({ dest: 2, sync: true }),
): Log {
  return pino(
    {
      level: config.logLevel,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
      redact: { paths: REDACTED, censor: '[secret]' },
      serializers: { err: scrubbed, error: scrubbed, req: request, res: response },
    },
    stream,
  );
}

/** A password inside a connection URL may end up in a driver's message; nothing between the colon and the at passes. */
function scrubbed(error: Error) {
  const { type, message, stack, code } = stdSerializers.err(error) as unknown as Record<string, string | undefined>;
  return { type, code, message: withoutPasswords(message), stack: withoutPasswords(stack) };
}

export const withoutPasswords = (text: string | undefined): string | undefined =>
  text?.replace(/(\w+:\/\/[^\s:/@]+):[^\s@]+@/g, '$1:[secret]@').replace(/\bmun_\w+/g, 'mun_[secret]');

/** The query string stays out: a token may travel in it. */
function request(req: { method?: string; url?: string; ip?: string }) {
  return { method: req.method, path: req.url?.split('?', 1)[0], from: req.ip };
}

function response(res: { statusCode?: number }) {
  return { status: res.statusCode };
}

/** Nest's own messages through the same log. Its start-up chatter (one line a route) is for `debug`. */
export class NestLog implements LoggerService {
  constructor(private readonly to: Log) {}

  log(message: unknown, context?: string): void {
    this.to.debug({ context }, String(message));
  }

  warn(message: unknown, context?: string): void {
    this.to.warn({ context }, String(message));
  }

  error(message: unknown, stack?: string, context?: string): void {
    this.to.error({ context, stack: withoutPasswords(stack) }, withoutPasswords(String(message)));
  }

  fatal(message: unknown, context?: string): void {
    this.to.fatal({ context }, String(message));
  }

  debug(message: unknown, context?: string): void {
    this.to.debug({ context }, String(message));
  }

  verbose(message: unknown, context?: string): void {
    this.to.trace({ context }, String(message));
  }
}

/** Injection token of the log: `@Inject(LOG) private readonly log: Log`. */
export const LOG = Symbol('log');
