/**
 * One delivery over HTTP: a POST to an address that is checked as it is connected to, without redirects, on a connection
 * of its own. Receiver and network are strangers: time is limited as a whole, and what is answered is read to a bound and
 * thrown away.
 */
import { request as http } from 'node:http';
import { request as https } from 'node:https';
import { isIP } from 'node:net';
import { RegistryError } from '../core/errors.ts';
import { VERSION } from '../platform/version.ts';
import type { Targets } from './target.ts';
import { guardedLookup, hostOf, mayReach, notAllowed, parseTarget } from './target.ts';

export const TIMEOUT_MS = 15_000;
const MAX_ANSWER = 64 * 1024;

export interface Post {
  url: string;
  headers: Record<string, string>;
  body: string;
}

/**
 * @returns the status, whatever it is
 * @throws RegistryError `invalid_input` for an address that is not allowed, `unreachable` otherwise
 */
export function send({ url, headers, body }: Post, targets: Targets, stop: AbortSignal): Promise<number> {
  const target = parseTarget(url, targets);
  const host = hostOf(target);
  if (isIP(host) !== 0 && !mayReach(host, targets)) throw notAllowed(host);
  const signal = AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)]);
  return new Promise((resolve, reject) => {
    const request = (target.protocol === 'https:' ? https : http)(
      target,
      {
        method: 'POST',
        agent: false,
        lookup: guardedLookup(targets),
        signal,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': `muniment/${VERSION}`,
          connection: 'close',
          ...headers,
        },
      },
      (answer) => {
        let read = 0;
        answer.on('data', (chunk: Buffer) => {
          read += chunk.length;
          if (read > MAX_ANSWER) request.destroy();
        });
        // The status has come; how the rest of the answer ends changes nothing.
        answer.on('error', () => undefined);
        answer.on('close', () => resolve(answer.statusCode ?? 0));
      },
    );
    request.on('error', (cause) => reject(failed(cause, signal)));
    request.end(body);
  });
}

function failed(cause: Error, signal: AbortSignal): RegistryError {
  if (cause instanceof RegistryError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  const timedOut = signal.aborted && (signal.reason as Error).name === 'TimeoutError';
  const why = timedOut ? `did not answer in ${TIMEOUT_MS / 1000} seconds` : `cannot be reached (${code ?? cause.name})`;
  return new RegistryError('unreachable', `The receiver ${why}.`, { cause });
}
