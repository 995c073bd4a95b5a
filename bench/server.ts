/** A server of its own for a benchmark: a built process on a throw-away data folder, with parties and keys made. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { utf8 } from '../src/core/bytes.ts';
import type { Digest } from '../src/core/digest.ts';
import { formatDigest } from '../src/core/digest.ts';
import { registration } from '../src/core/registry/index.ts';
import type { RegistrationBody } from '../src/core/registry/registration.ts';
import { possessionText } from '../src/core/registry/key.ts';
import { formatEnvelope, pae } from '../src/core/statement/dsse.ts';
import { formatStatement } from '../src/core/statement/statement.ts';
import { loadConfig } from '../src/platform/config/index.ts';
import { createLog } from '../src/platform/logging/index.ts';
import { openDatabase } from '../src/platform/database/index.ts';
import type { StatementKey } from '../src/platform/crypto.ts';
import { makeP256, newId, newNonce, sha256, statementKey } from '../src/platform/crypto.ts';

export interface Owner {
  readonly party: string;
  readonly apiKey: string;
  readonly key: StatementKey;
}

export interface BenchServer {
  readonly url: string;
  readonly origin: string;
  /** Login of the database's owner. */
  readonly databaseUrl: string;
  readonly process: ChildProcess;
  call(method: string, path: string, body: unknown, apiKey?: string): Promise<Record<string, unknown>>;
  makeOwner(name: string): Promise<Owner>;
  /** Returns when everything on record is in the map of digests, so that the server has nothing left to do. */
  rest(owner: Owner): Promise<void>;
  /** Memory of the API process in MiB. */
  rss(): Promise<number>;
  close(): Promise<void>;
}

/** An hour: the map of a million models that went on record at once takes half of that. */
const REST_TIMEOUT_MS = 3_600_000;

/** With which the image and `npm run serve` start the server, too. */
const NODE_FLAGS = ['--max-semi-space-size=64'];

/** @param folder is kept; without one the server works in a folder that is removed with it */
export async function startServer(folder?: string): Promise<BenchServer> {
  const data = folder ?? (await mkdtemp(join(tmpdir(), 'muniment-bench-')));
  await chmod(data, 0o711);
  const port = await freePort();
  const child = spawn(process.execPath, [...NODE_FLAGS, fileURLToPath(new URL('../src/main.js', import.meta.url))], {
    env: {
      ...process.env,
      MUNIMENT_DATA: data,
      MUNIMENT_PORT: String(port),
      MUNIMENT_WORKER: 'false',
      MUNIMENT_LOG_LEVEL: 'error',
      NODE_ENV: 'production',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  await ready(url, child);
  const registrar = (await readFile(join(data, 'registrar.key'), 'utf8')).trim();
  const call: BenchServer['call'] = async (method, path, body, apiKey = registrar) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const { origin } = (await call('GET', '/v1/log', undefined)) as { origin: string };
  return {
    url,
    origin,
    databaseUrl: await databaseUrl(data),
    process: child,
    call,
    makeOwner: (name) => makeOwner(call, origin, name),
    rest: async (owner) => {
      const { body, digest } = signedRegistration(origin, owner, `the last one ${newNonce()}`);
      await call('POST', '/v1/models', JSON.parse(body), owner.apiKey);
      for (const end = Date.now() + REST_TIMEOUT_MS; ;) {
        const { entries } = await call('GET', `/v1/map/${digest}`, undefined);
        if ((entries as number[]).length > 0) return;
        if (Date.now() > end) throw new Error('The server does not come to rest.');
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
    rss: async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
    },
    close: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
      if (folder === undefined) await rm(data, { recursive: true, force: true });
    },
  };
}

async function makeOwner(call: BenchServer['call'], origin: string, name: string): Promise<Owner> {
  const party = (await call('POST', '/v1/parties', { name }))['id'] as string;
  const apiKey = (await call('POST', `/v1/parties/${party}/api-keys`, {}))['key'] as string;
  const key = statementKey(makeP256().pkcs8);
  const possession = key.sign(possessionText(origin, party, key.keyId));
  const body = { spki: key.spki, fingerprint: key.keyId, possession: Buffer.from(possession).toString('base64') };
  await call('POST', `/v1/parties/${party}/keys`, body, apiKey);
  return { party, apiKey, key };
}

/** What a registration of weights that nobody has says; they follow from the name. */
export function anyRegistration(name: string, party: string): { body: RegistrationBody; digest: Digest } {
  const digestOf = (part: string): Digest => formatDigest(sha256(utf8(`${name} ${part}`)));
  const body: RegistrationBody = {
    name,
    weights: {
      fileDigest: digestOf('file'),
      weightDigest: digestOf('weights'),
      namelessDigest: digestOf('nameless'),
      container: 'safetensors',
      bytes: 407_000,
      tensors: 4,
      parameters: 101_770,
    },
    owners: [{ party, share: '1/1' }],
    license: { expression: 'Apache-2.0', textDigest: null },
    run: null,
    datasets: [],
    parents: [],
  };
  return { body, digest: digestOf('weights') };
}

/** A registration of weights that nobody has, signed by its owner: the body of `POST /v1/models`. */
export function signedRegistration(
  origin: string,
  { party, key }: Owner,
  name: string,
): { body: string; digest: Digest } {
  const { body: registered, digest } = anyRegistration(name, party);
  const common = {
    origin,
    maker: party,
    id: newId('registration'),
    nonce: newNonce(),
    statedAt: new Date().toISOString(),
    basis: [],
  };
  const payload = formatStatement(sha256, registration, common, registered);
  const envelope = formatEnvelope({ payload, signature: key.sign(pae(payload)), keyId: key.keyId });
  return { body: JSON.stringify(envelope), digest };
}

const BATCH = 500;
const AT_ONCE = 4;

/**
 * Puts models `from` ≤ i < `to` of an owner on record, many in a request.
 * @returns their weight digests
 */
export async function register(
  server: BenchServer,
  owner: Owner,
  from: number,
  to: number,
  onProgress: (done: number) => void = () => undefined,
): Promise<Digest[]> {
  const digests = new Array<Digest>(to - from);
  let next = from;
  const send = async (): Promise<void> => {
    while (next < to) {
      const [first, end] = [next, (next = Math.min(to, next + BATCH))];
      const models = Array.from({ length: end - first }, (_, i) =>
        signedRegistration(server.origin, owner, `${owner.party} ${first + i}`),
      );
      const body = { registrations: models.map(({ body: envelope }) => JSON.parse(envelope) as unknown) };
      const { results } = await server.call('POST', '/v1/models/batch', body, owner.apiKey);
      const refused = (results as { problem?: object }[]).find(({ problem }) => problem !== undefined);
      if (refused !== undefined) throw new Error(`POST /v1/models/batch: ${JSON.stringify(refused)}`);
      for (const [i, { digest }] of models.entries()) digests[first - from + i] = digest;
      onProgress(end);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
  return digests;
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (child.exitCode !== null) throw new Error('The server ended before it was ready.');
    try {
      if ((await fetch(`${url}/health/ready`)).ok) return;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('The server was not ready within 30 seconds.');
}

/** The login of the running server's database, got the way any further process joins it. */
async function databaseUrl(data: string): Promise<string> {
  const config = loadConfig({ MUNIMENT_DATA: data });
  const database = await openDatabase(config, createLog({ logLevel: 'error' }));
  return database.ownerUrl.reveal();
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
