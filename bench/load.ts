/** Drives HTTP load from a process of its own, bounded in connections and time, to 127.0.0.1 only. */
import autocannon from 'autocannon';

export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** @param next the request to send, asked for once each */
export async function drive(url: string, seconds: number, connections: number, next: () => Request): Promise<Load> {
  if (new URL(url).hostname !== '127.0.0.1') throw new Error('Load goes to this machine only.');
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: [{ setupRequest: (request) => ({ ...request, ...next() }) }],
  });
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${result.non2xx} answers were no success, ${result.errors} requests failed.`);
  }
  return { perSecond: result.requests.total / result.duration, p50Ms: result.latency.p50, p99Ms: result.latency.p99 };
}
