/**
 * Looking a model up by its weight digest, proof included, at 64 connections; beside a bare Fastify with one prepared
 * `SELECT` through `pg` that serves the very same bytes from one row.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Digest } from '../src/core/digest.ts';
import type { Load } from './load.ts';
import { drive } from './load.ts';
import type { BenchResult } from './result.ts';
import { medianOf } from './result.ts';
import type { BenchServer } from './server.ts';
import { register, startServer } from './server.ts';

const ROUNDS = 3;
const SECONDS = 8;
const CONNECTIONS = 64;
const MODELS = 2000;

export async function run(): Promise<BenchResult[]> {
  const server = await startServer();
  try {
    const owner = await server.makeOwner('Bench');
    const digests = await register(server, owner, 0, MODELS);
    await server.rest(owner);
    return [await measureLookup('lookup', server, digests)];
  } finally {
    await server.close();
  }
}

/** Looks up models that are on record, each by its weight digest. */
export async function measureLookup(
  bench: string,
  server: BenchServer,
  digests: readonly Digest[],
): Promise<BenchResult> {
  const client = new pg.Client(server.databaseUrl);
  await client.connect();
  let peer: Awaited<ReturnType<typeof startPeer>> | undefined;
  try {
    await client.query('CREATE TABLE bench_lookup (digest text PRIMARY KEY, answer text NOT NULL)');
    for (const digest of digests) {
      const answer = await (await fetch(`${server.url}/v1/provenance/${digest}`)).text();
      await client.query('INSERT INTO bench_lookup VALUES ($1, $2)', [digest, answer]);
    }
    peer = await startPeer(server.databaseUrl);
    const requests = digests.map((digest) => ({ method: 'GET' as const, path: `/v1/provenance/${digest}` }));
    const lookups = (url: string) => drive({ url, seconds: SECONDS, connections: CONNECTIONS, requests, again: true });
    const rounds: { ours: Load; theirs: Load }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({ ours: await lookups(server.url), theirs: await lookups(peer.url) });
    }
    return {
      bench,
      value: medianOf(rounds, ({ ours }) => ours.perSecond),
      unit: 'look-ups/s',
      peer: 'bare Fastify + pg, one prepared SELECT of the same bytes',
      peerValue: medianOf(rounds, ({ theirs }) => theirs.perSecond),
      ratio: medianOf(rounds, ({ ours, theirs }) => ours.perSecond / theirs.perSecond),
      p50Ms: medianOf(rounds, ({ ours }) => ours.p50Ms),
      p99Ms: medianOf(rounds, ({ ours }) => ours.p99Ms),
      rssMiB: await server.rss(),
      more: { 'p99 of the peer (ms)': medianOf(rounds, ({ theirs }) => theirs.p99Ms) },
    };
  } finally {
    peer?.stop();
    await client.query('DROP TABLE IF EXISTS bench_lookup');
    await client.end();
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
