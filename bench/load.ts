/**
 * Drives HTTP load from a process of its own, bounded in connections and time, to 127.0.0.1 only: with wrk where it is
 * installed, since it leaves the machine to what is measured, else with autocannon, which takes ten times its CPU.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import autocannon from 'autocannon';

export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly by: 'autocannon' | 'wrk';
}

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export interface Drive {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
  readonly requests: readonly Request[];
  /** Whether to begin anew with the requests when they are used up; otherwise that is an error. */
  readonly again: boolean;
}

export async function drive(plan: Drive): Promise<Load> {
  if (new URL(plan.url).hostname !== '127.0.0.1') throw new Error('Load goes to this machine only.');
  const { total, failed, ...load } = (await hasWrk()) ? await withWrk(plan) : await withAutocannon(plan);
  if (failed > 0) throw new Error(`${failed} of ${total} requests failed, or were answered with no success.`);
  if (!plan.again && total > plan.requests.length) throw new Error(`The ${plan.requests.length} requests are used up.`);
  return load;
}

type Outcome = Load & { total: number; failed: number };

async function withAutocannon({ url, seconds, connections, requests }: Drive): Promise<Outcome> {
  let sent = 0;
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: [{ setupRequest: (request) => ({ ...request, ...requests[sent++ % requests.length] }) }],
  });
  return {
    by: 'autocannon',
    perSecond: result.requests.total / result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    total: sent,
    failed: result.non2xx + result.errors,
  };
}

const hasWrk = () =>
  promisify(execFile)('wrk', ['--version']).then(
    () => true,
    // wrk tells its version with exit code 1.
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );

/** Plays the requests of a file, each spelled out behind its length. */
const SCRIPT = `
  local requests, sent = {}, 0
  function init(args)
    local file = assert(io.open(args[1], 'rb'))
    for length in function() return file:read('*l') end do
      requests[#requests + 1] = file:read(tonumber(length))
    end
    file:close()
  end
  function request()
    sent = sent + 1
    return requests[(sent - 1) % #requests + 1]
  end
  function done(summary, latency)
    local errors = summary.errors
    io.write(string.format('{"requests":%d,"microseconds":%d,"failed":%d,"p50":%d,"p99":%d}\\n', summary.requests,
      summary.duration, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      latency:percentile(50), latency:percentile(99)))
  end`;

async function withWrk({ url, seconds, connections, requests }: Drive): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'muniment-load-'));
  try {
    const script = join(folder, 'play.lua');
    const file = join(folder, 'requests');
    await writeFile(script, SCRIPT);
    await writeFile(file, requests.map((request) => spelled(request, new URL(url).host)).join(''));
    const flags = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', script];
    const { stdout } = await promisify(execFile)('wrk', [...flags, url, '--', file]);
    const said = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, number>;
    return {
      by: 'wrk',
      perSecond: (said['requests']! / said['microseconds']!) * 1e6,
      p50Ms: said['p50']! / 1000,
      p99Ms: said['p99']! / 1000,
      // Requests in flight at the end are sent and not counted.
      total: said['requests']! + connections,
      failed: said['failed']!,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function spelled({ method, path, headers = {}, body = '' }: Request, host: string): string {
  const lines = Object.entries({ host, ...headers, 'content-length': String(Buffer.byteLength(body)) });
  const text = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
  return `${Buffer.byteLength(text)}\n${text}`;
}
