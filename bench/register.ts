/**
 * Registering a model over HTTP, receipt in hand, at 64 connections; beside `pgbench` committing single-row inserts of
 * the same bytes with 32 clients on the same PostgreSQL, after one round that does not count. The statements are signed before the clock runs: signing is the
 * client's work, verifying is the server's.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { drive } from './load.ts';
import type { BenchResult, Round } from './result.ts';
import { median, ratioOf } from './result.ts';
import { signedRegistration, startServer } from './server.ts';

const ROUNDS = 3;
const SECONDS = 8;
const CONNECTIONS = 64;
const CLIENTS = 32;
/** More than a round can use up. */
const PREPARED = 40_000;

export async function run(): Promise<BenchResult[]> {
  const server = await startServer();
  try {
    const owner = await server.makeOwner('Bench');
    const headers = { authorization: `Bearer ${owner.apiKey}`, 'content-type': 'application/json' };
    const register = async (round: number) => {
      const bodies = Array.from(
        { length: PREPARED },
        (_, i) => signedRegistration(server.origin, owner, `${round} ${i}`).body,
      );
      const load = await drive({
        url: server.url,
        seconds: SECONDS,
        connections: CONNECTIONS,
        requests: bodies.map((body) => ({ method: 'POST', path: '/v1/models', headers, body })),
        again: false,
      });
      return { ...load, bytes: bodies[0]!.length };
    };
    // A server runs for weeks; in its first seconds its code is not compiled yet.
    await register(0);
    const rounds: (Round & { p50Ms: number; p99Ms: number })[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const { perSecond, p50Ms, p99Ms, bytes } = await register(round);
      rounds.push({ ours: perSecond, peer: await pgbench(server.databaseUrl, bytes), p50Ms, p99Ms });
    }
    return [
      {
        bench: 'register',
        value: median(rounds.map(({ ours }) => ours)),
        unit: 'registrations/s',
        peer: `pgbench single-row insert-commit, ${CLIENTS} clients`,
        peerValue: median(rounds.map(({ peer }) => peer)),
        ratio: ratioOf(rounds),
        p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
        p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
        rssMiB: await server.rss(),
      },
    ];
  } finally {
    await server.close();
  }
}

/** Transactions a second, each inserting one row of `bytes`. */
async function pgbench(databaseUrl: string, bytes: number): Promise<number> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS bench_insert (id bigserial PRIMARY KEY, content text NOT NULL)');
  const folder = await mkdtemp(join(tmpdir(), 'muniment-pgbench-'));
  try {
    const script = join(folder, 'insert.sql');
    await writeFile(script, `INSERT INTO bench_insert (content) VALUES ('${'x'.repeat(bytes)}');\n`);
    const options = ['-n', '-c', String(CLIENTS), '-j', '2', '-T', String(SECONDS), '-f', script, databaseUrl];
    const { stdout } = await promisify(execFile)('pgbench', options).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      throw new Error(
        'pgbench is not installed (Debian: postgresql-contrib); without it there is nothing to compare with.',
      );
    });
    const match = /tps = ([\d.]+)/.exec(stdout);
    if (!match) throw new Error(`pgbench printed no rate: ${stdout}`);
    return Number(match[1]);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await client.query('DROP TABLE bench_insert');
    await client.end();
  }
}
