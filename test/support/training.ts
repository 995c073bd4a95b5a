/** What tests of runs have in common: parties with API keys, a small part of MNIST as a dataset, workers, and patience. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatDigest } from '../../src/core/digest.ts';
import { manifestOf } from '../../src/core/registry/dataset.ts';
import { newId, sha256 } from '../../src/platform/crypto.ts';
import type { RunView } from '../../src/runs/index.ts';
import { mnistFolder } from '../../src/training/index.ts';
import type { TestApp } from './app.ts';
import { spawnBuilt } from './server.ts';

export interface Answer {
  status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

/** One party's way to the API. */
export class Caller {
  constructor(
    public url: string,
    readonly key: string,
    readonly party = '',
  ) {}

  async call(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(this.key === '' ? {} : { authorization: `Bearer ${this.key}` }),
        ...(body instanceof Uint8Array
          ? { 'content-type': 'application/octet-stream' }
          : body === undefined
            ? {}
            : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  }

  async ok<T = Record<string, string>>(method: string, path: string, body?: object): Promise<T> {
    const { status, body: answer } = await this.call(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${JSON.stringify(answer)}`);
    return answer as T;
  }
}

export async function registrar(url: string, dataFolder: string): Promise<Caller> {
  return new Caller(url, (await readFile(join(dataFolder, 'registrar.key'), 'utf8')).trim());
}

export async function makeParty(operator: Caller, name: string, scopes?: string[]): Promise<Caller> {
  const { id } = await operator.ok('POST', '/v1/parties', { name });
  const { key } = await operator.ok('POST', `/v1/parties/${id}/api-keys`, scopes ? { scopes } : {});
  return new Caller(operator.url, key!, id);
}

/** The first pictures of MNIST as IDX files in memory. */
export async function smallMnistFiles(train: number, test: number) {
  const cut = async (name: string, count: number, header: number, size: number) => {
    const bytes = (await readFile(join(mnistFolder(), name))).subarray(0, header + count * size);
    bytes.writeUInt32BE(count, 4);
    return { name, bytes: Uint8Array.from(bytes), digest: digestOf(bytes) };
  };
  return Promise.all([
    cut('train-images-idx3-ubyte', train, 16, 784),
    cut('train-labels-idx1-ubyte', train, 8, 1),
    cut('t10k-images-idx3-ubyte', test, 16, 784),
    cut('t10k-labels-idx1-ubyte', test, 8, 1),
  ]);
}

export const digestOf = (bytes: Uint8Array) => formatDigest(createHash('sha256').update(bytes).digest());

/** Registers a dataset and, unless `stored` is false, stores its files. */
export async function makeDataset(
  maker: Caller,
  files: { name: string; bytes: Uint8Array; digest: `sha256:${string}` }[],
  stored = true,
): Promise<string> {
  const listed = files.map(({ name, bytes, digest }) => ({ name, bytes: bytes.length, digest }));
  const { id } = await maker.ok('POST', '/v1/datasets', {
    name: 'a part of mnist',
    version: newId('version'),
    ...manifestOf(sha256, listed),
    originUrl: 'http://yann.lecun.com/exdb/mnist',
    license: { expression: 'CC-BY-SA-3.0', status: 'asserted' },
    holder: { name: 'Yann LeCun and Corinna Cortes', party: null },
    collection: null,
  });
  if (stored) {
    for (const { bytes, digest } of files) await maker.ok('PUT', `/v1/datasets/${id}/files/${digest}`, bytes);
  }
  return id!;
}

export const runOf = (owner: Caller, dataset: string, hyperparameters: object = {}) => ({
  name: 'a small classifier',
  dataset,
  hyperparameters,
  backend: 'wasm',
  owners: [{ party: owner.party, share: '1' }],
  license: { expression: 'CC-BY-SA-3.0', textDigest: null },
});

/** Asks until the run is as wanted. */
export const until = (caller: Caller, id: string, wanted: (run: RunView) => boolean, timeoutMs?: number) =>
  untilOf(caller, `/v1/runs/${id}`, wanted, timeoutMs);

/** Asks until a run or replay is as wanted. */
export async function untilOf<View extends { state: string }>(
  caller: Caller,
  path: string,
  wanted: (view: View) => boolean,
  timeoutMs = 60_000,
): Promise<View> {
  let last: Answer | undefined;
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(50)) {
    try {
      last = await caller.call('GET', path);
    } catch (error) {
      // The server is being killed and started again.
      if (!(error instanceof TypeError)) throw error;
      continue;
    }
    if (last.status === 200 && wanted(last.body as View)) return last.body as View;
    if (last.status === 200 && (last.body as View).state === 'failed') break;
  }
  throw new Error(`the training did not get there: ${JSON.stringify(last)}`);
}

/** What a process needs to work on the same data as a test's application. */
export const workerEnvironment = ({ config, database }: Pick<TestApp, 'config' | 'database'>) => ({
  MUNIMENT_DATA: config.data,
  DATABASE_URL: database.appUrl.reveal(),
  MUNIMENT_MIGRATION_DATABASE_URL: database.ownerUrl.reveal(),
  MUNIMENT_THREADS: '1',
});

export interface SpawnedWorker {
  pid: number;
  output(): string;
  /** Resident memory at its highest, in MiB. */
  peakMiB(): Promise<number>;
  stop(signal?: NodeJS.Signals): Promise<number | string>;
}

/** A worker process of the build, once it takes jobs. */
export async function spawnWorker(env: Record<string, string | undefined>): Promise<SpawnedWorker> {
  const child = spawnBuilt(['src/worker.js'], { MUNIMENT_BACKEND: 'wasm', ...env });
  let text = '';
  const ended = new Promise<number | string>((resolve) =>
    child.once('close', (code, signal) => resolve(signal ?? code ?? -1)),
  );
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      text += chunk.toString('utf8');
      if (text.includes('The worker is ready.')) resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', () => reject(new Error(`the worker ended:\n${text}`)));
  });
  return {
    pid: child.pid ?? 0,
    output: () => text,
    peakMiB: async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
    },
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

export interface StreamEvent {
  id: string;
  event: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  data: any;
}

/** Reads server-sent events until the stream ends or `enough` is true. */
export async function watch(
  caller: Caller,
  id: string,
  {
    lastEventId,
    path = 'runs',
    enough = () => false,
  }: { lastEventId?: string; path?: string; enough?: (event: StreamEvent) => boolean } = {},
): Promise<StreamEvent[]> {
  const leave = new AbortController();
  const response = await fetch(`${caller.url}/v1/${path}/${id}/events`, {
    headers: {
      authorization: `Bearer ${caller.key}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
    signal: leave.signal,
  });
  if (response.status !== 200 || response.body === null) throw new Error(`the stream answered ${response.status}`);
  const events: StreamEvent[] = [];
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    rest += chunk;
    for (let end = rest.indexOf('\n\n'); end !== -1; end = rest.indexOf('\n\n')) {
      const block = rest.slice(0, end);
      rest = rest.slice(end + 2);
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
      const event = field('event');
      if (event === undefined) continue;
      events.push({ id: field('id') ?? '', event, data: JSON.parse(field('data') ?? '') as unknown });
      if (enough(events.at(-1)!)) {
        leave.abort();
        return events;
      }
    }
  }
  return events;
}
