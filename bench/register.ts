/**
 * Registering a model over HTTP, receipt in hand, at 64 connections, after one round that does not count; beside `pgbench`
 * committing single-row inserts of the same bytes with 32 clients on the same PostgreSQL, and beside another transparency
 * log that is sent the same requests. The statements are signed before the clock runs: signing is the client's work,
 * verifying is the server's.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Load } from './load.ts';
import { drive } from './load.ts';
import { startTessera } from './peers/tessera.ts';
import type { BenchResult } from './result.ts';
import { medianOf } from './result.ts';
import type { BenchServer } from './server.ts';
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
    return await measureRegister(server);
  } finally {
    await server.close();
  }
}

export async function measureRegister(server: BenchServer): Promise<BenchResult[]> {
  const tessera = await startTessera();
  try {
    const owner = await server.makeOwner('Bench');
    const headers = { authorization: `Bearer ${owner.apiKey}`, 'content-type': 'application/json' };
    const run = randomBytes(6).toString('hex');
    const send = (url: string, path: string, bodies: readonly string[], again = false) =>
      drive({
        url,
        seconds: SECONDS,
        connections: CONNECTIONS,
        requests: bodies.map((body) => ({ method: 'POST', path, headers, body })),
        again,
      });
    const register = async (round: number) => {
      const bodies = Array.from(
        { length: PREPARED },
        (_, i) => signedRegistration(server.origin, owner, `${run} ${round} ${i}`).body,
      );
      const load = await send(server.url, '/v1/models', bodies);
      await server.rest(owner);
      return { bodies, load };
    };
    // A server runs for weeks; in its first seconds its code is not compiled yet.
    await register(0);
    const rounds: { load: Load; pgbench: number; tessera: Load | undefined }[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const { bodies, load } = await register(round);
      rounds.push({
        load,
        pgbench: await pgbench(server.databaseUrl, bodies[0]!.length),
        tessera: tessera && (await send(tessera.url, '/add', bodies, true)),
      });
    }
    const ours = {
      value: medianOf(rounds, ({ load }) => load.perSecond),
      unit: 'registrations/s',
      p50Ms: medianOf(rounds, ({ load }) => load.p50Ms),
      p99Ms: medianOf(rounds, ({ load }) => load.p99Ms),
      rssMiB: await server.rss(),
    };
    return [
      {
        bench: 'register',
        ...ours,
        peer: `pgbench single-row insert-commit, ${CLIENTS} clients`,
        peerValue: medianOf(rounds, (round) => round.pgbench),
        ratio: medianOf(rounds, ({ load, pgbench: peer }) => load.perSecond / peer),
      },
      ...(tessera === undefined
        ? []
        : [
            {
              bench: 'register-tessera',
              ...ours,
              peer: 'Tessera (POSIX), same bytes, nothing verified, no proof handed out',
              peerValue: medianOf(rounds, (round) => round.tessera!.perSecond),
              ratio: medianOf(rounds, ({ load, tessera: peer }) => load.perSecond / peer!.perSecond),
              more: { 'p99 of Tessera (ms)': medianOf(rounds, (round) => round.tessera!.p99Ms) },
            },
          ]),
    ];
  } finally {
    await tessera?.stop();
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
