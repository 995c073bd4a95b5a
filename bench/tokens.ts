/**
 * License tokens at 64 connections: issued and introspected, beside a bare Fastify with `jsonwebtoken` that signs claims of
 * the same size behind one batched insert, and verifies. And how long the status lists of `BENCH_TOKENS` tokens (1,000,000
 * at default) take to tell that a grant was suspended, beside the SQL that reads all their statuses anew.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Load, Request } from './load.ts';
import { drive } from './load.ts';
import type { BenchResult } from './result.ts';
import { median, medianOf } from './result.ts';
import type { BenchServer } from './server.ts';
import { anyRegistration, startServer } from './server.ts';

const ROUNDS = 3;
const SECONDS = 8;
const CONNECTIONS = 64;
const TOKENS = Number(process.env['BENCH_TOKENS'] ?? 1_000_000);
const LIST_SIZE = 131_072;
const REFRESHES = 9;

interface Sides {
  licensee: { party: string; apiKey: string };
  owner: { party: string; apiKey: string };
  grant: string;
}

export async function run(): Promise<BenchResult[]> {
  // What is measured is issuing; the batches of a minute would fall into one round and not into another.
  process.env['MUNIMENT_TOKEN_BATCH_SECONDS'] ??= '86400';
  const server = await startServer();
  try {
    const sides = await grantOn(server);
    return [...(await issueAndIntrospect(server, sides)), await refresh(server, sides)];
  } finally {
    await server.close();
  }
}

async function grantOn(server: BenchServer): Promise<Sides> {
  const party = async (name: string) => {
    const { id } = (await server.call('POST', '/v1/parties', { name })) as { id: string };
    const { key } = (await server.call('POST', `/v1/parties/${id}/api-keys`, {})) as { key: string };
    return { party: id, apiKey: key };
  };
  const [owner, licensee] = [await party('Owner'), await party('Licensee')];
  const { id } = await server.call('POST', '/v1/models', anyRegistration('a model', owner.party).body, owner.apiKey);
  return { owner, licensee, grant: await grant(server, { owner, licensee }, id as string) };
}

async function grant(server: BenchServer, { owner, licensee }: Omit<Sides, 'grant'>, registration: string) {
  const body = {
    ...{ registration, licensee: licensee.party, actions: ['infer', 'host'], sublicensing: false },
    constraints: { commercial: true, territory: ['DE', 'FR'], fieldOfUse: null, maxCalls: null, seats: null },
    termsDigest: `sha256:${randomBytes(32).toString('hex')}`,
    ...{ notBefore: '2020-01-01T00:00:00.000Z', expiresAt: null, acceptBy: '2999-01-01T00:00:00.000Z' },
  };
  const { id } = (await server.call('POST', '/v1/grants', body, owner.apiKey)) as { id: string };
  await server.call('POST', `/v1/grants/${id}/acts`, { act: 'accept' }, licensee.apiKey);
  return id;
}

async function issueAndIntrospect(server: BenchServer, { licensee, grant }: Sides): Promise<BenchResult[]> {
  const client = `client_id=apikey_${licensee.apiKey.split('_')[1]}&client_secret=${licensee.apiKey}`;
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const asked = `grant_type=client_credentials&grant_id=${grant}&audience=https://inference.example&${client}`;
  const tokensOf = (url: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, async () => {
        const response = await fetch(`${url}/oauth/token`, { method: 'POST', headers: form, body: asked });
        return ((await response.json()) as { access_token: string }).access_token;
      }),
    );
  const tokens = await tokensOf(server.url, 200);
  const claims = Buffer.from(tokens[0]!.split('.')[1]!, 'base64url').toString();
  const database = new pg.Client(server.databaseUrl);
  await database.connect();
  await database.query('CREATE TABLE bench_token (jti text PRIMARY KEY, issued_at bigint NOT NULL)');
  const peer = await startPeer(server.databaseUrl, claims);
  try {
    const theirs = await tokensOf(peer.url, 200);
    const post = (path: string, body: string): Request => ({ method: 'POST', path, headers: form, body });
    const issue = [post('/oauth/token', asked)];
    const introspect = (all: string[]) => all.map((token) => post('/oauth/introspect', `token=${token}&${client}`));
    const load = (url: string, requests: Request[]) =>
      drive({ url, seconds: SECONDS, connections: CONNECTIONS, requests, again: true });
    const results: BenchResult[] = [];
    for (const [bench, unit, ours, others] of [
      ['issue', 'tokens/s', issue, issue],
      ['introspect', 'answers/s', introspect(tokens), introspect(theirs)],
    ] as const) {
      const rounds: { ours: Load; theirs: Load }[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        rounds.push({ ours: await load(server.url, ours), theirs: await load(peer.url, others) });
      }
      results.push({
        bench: `tokens ${bench}`,
        value: medianOf(rounds, (each) => each.ours.perSecond),
        unit,
        peer:
          bench === 'issue'
            ? 'bare Fastify + jsonwebtoken.sign + one batched insert'
            : 'bare Fastify + jsonwebtoken.verify',
        peerValue: medianOf(rounds, (each) => each.theirs.perSecond),
        ratio: medianOf(rounds, (each) => each.ours.perSecond / each.theirs.perSecond),
        p50Ms: medianOf(rounds, (each) => each.ours.p50Ms),
        p99Ms: medianOf(rounds, (each) => each.ours.p99Ms),
        rssMiB: await server.rss(),
        more: { 'p99 of the peer (ms)': medianOf(rounds, (each) => each.theirs.p99Ms) },
      });
    }
    return results;
  } finally {
    peer.stop();
    await database.query('DROP TABLE bench_token');
    await database.end();
  }
}

async function refresh(server: BenchServer, sides: Sides): Promise<BenchResult> {
  const { registration } = (await server.call('GET', `/v1/grants/${sides.grant}`, undefined)) as {
    registration: string;
  };
  const small = await grant(server, sides, registration);
  const database = new pg.Client(server.databaseUrl);
  await database.connect();
  try {
    const lists = Math.ceil(TOKENS / LIST_SIZE);
    // Batched already, so that the server has nothing to do about them.
    const fill = `INSERT INTO registry.token_issuance
      (jti, grant_id, licensee, kid, claims_digest, issued_at, expires_at, salt, status_list, status_index, batch_id, position)
      SELECT 'token_' || $2 || lpad(i::text, 25, '0'), $1, $3, repeat('A', 43), 'sha256:' || repeat('0', 64),
        extract(epoch FROM now())::bigint, extract(epoch FROM now())::bigint + 86400, repeat('0', 32),
        1000 + i / ${LIST_SIZE}, i % ${LIST_SIZE}, 'bench' || $2, i FROM generate_series(0, $4::int - 1) i`;
    await database.query(fill, [sides.grant, '1', sides.licensee.party, TOKENS - 1000]);
    await database.query(fill, [small, '2', sides.licensee.party, 1000]);
    await database.query(
      `INSERT INTO ops.status_list SELECT 1000 + n, ''::bytea, ${LIST_SIZE} FROM generate_series(0, $1::int - 1) n`,
      [lists],
    );
    await database.query('ANALYZE registry.token_issuance');
    const uris = Array.from({ length: lists }, (_, n) => `${server.url}/statuslists/${1000 + n}`);
    const read = () => Promise.all(uris.map(async (uri) => (await fetch(uri)).text()));
    await read();
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let i = 0; i < REFRESHES; i++) {
      const act = i % 2 === 0 ? 'suspend' : 'resume';
      await server.call('POST', `/v1/grants/${small}/acts`, { act }, sides.owner.apiKey);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const began = performance.now();
      await read();
      ours.push(performance.now() - began);
      const anew = performance.now();
      await database.query(
        `SELECT i.status_list, i.status_index, g.stage FROM registry.token_issuance i
         JOIN registry.license_grant g ON g.id = i.grant_id WHERE i.status_list >= 1000`,
      );
      theirs.push(performance.now() - anew);
    }
    return {
      bench: 'tokens status lists',
      value: 1000 / median(ours),
      unit: `refreshes/s of ${lists} lists with ${TOKENS} tokens, over HTTP`,
      peer: 'SQL that reads the status of every token anew, as it comes from the database',
      peerValue: 1000 / median(theirs),
      ratio: median(theirs) / median(ours),
      p50Ms: median(ours),
      p99Ms: Math.max(...ours),
      rssMiB: await server.rss(),
    };
  } finally {
    await database.end();
  }
}

async function startPeer(databaseUrl: string, claims: string): Promise<{ url: string; stop(): void }> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('peers/tokens-fastify.js', import.meta.url))], {
    env: { ...process.env, DATABASE_URL: databaseUrl, CLAIMS: claims, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
    child.once('exit', (code) => reject(new Error(`The peer ended with ${code}.`)));
  });
  return { url, stop: () => void child.kill('SIGTERM') };
}
