/**
 * Looking a model up by its weight digest, proof included, at 64 connections; beside a bare Fastify with one prepared
 * `SELECT` through `pg` that serves the very same bytes from one row.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { drive } from './load.ts';
import type { BenchResult, Round } from './result.ts';
import { median, ratioOf } from './result.ts';
import { signedRegistration, startServer } from './server.ts';

const ROUNDS = 3;
const SECONDS = 8;
const CONNECTIONS = 64;
const MODELS = 2000;

export async function run(): Promise<BenchResult[]> {
  const server = await startServer();
  const client = new pg.Client(server.databaseUrl);
  await client.connect();
  let peer: Awaited<ReturnType<typeof startPeer>> | undefined;
  try {
    const owner = await server.makeOwner('Bench');
    const models = Array.from({ length: MODELS }, (_, i) => signedRegistration(server.origin, owner, `lookup ${i}`));
    let sent = 0;
    const send = async (): Promise<void> => {
      for (let i = sent++; i < MODELS; i = sent++) {
        await server.call('POST', '/v1/models', JSON.parse(models[i]!.body), owner.apiKey);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, send));

    await client.query('CREATE TABLE bench_lookup (digest text PRIMARY KEY, answer text NOT NULL)');
    for (const { digest } of models) {
      const answer = await (await fetch(`${server.url}/v1/provenance/${digest}`)).text();
      await client.query('INSERT INTO bench_lookup VALUES ($1, $2)', [digest, answer]);
    }
    peer = await startPeer(server.databaseUrl);
    const requests = models.map(({ digest }) => ({ method: 'GET' as const, path: `/v1/provenance/${digest}` }));
    const lookups = (url: string) => drive({ url, seconds: SECONDS, connections: CONNECTIONS, requests, again: true });
    const rounds: (Round & { p50Ms: number; p99Ms: number })[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const ours = await lookups(server.url);
      const theirs = await lookups(peer.url);
      rounds.push({ ours: ours.perSecond, peer: theirs.perSecond, p50Ms: ours.p50Ms, p99Ms: ours.p99Ms });
    }
    return [
      {
        bench: 'lookup',
        value: median(rounds.map(({ ours }) => ours)),
        unit: 'look-ups/s',
        peer: 'bare Fastify + pg, one prepared SELECT of the same bytes',
        peerValue: median(rounds.map((round) => round.peer)),
        ratio: ratioOf(rounds),
        p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
        p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
        rssMiB: await server.rss(),
      },
    ];
  } finally {
    peer?.stop();
    await client.end();
    await server.close();
  }
}

async function startPeer(databaseUrl: string): Promise<{ url: string; stop(): void }> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('peers/lookup-fastify.js', import.meta.url))], {
    env: { ...process.env, DATABASE_URL: databaseUrl, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
    child.once('exit', (code) => reject(new Error(`The peer ended with ${code}.`)));
  });
  return { url, stop: () => void child.kill('SIGTERM') };
}
