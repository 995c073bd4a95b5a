/**
 * Title: the portfolio of a party with many models, page by page, and the abstract of an asset with many instruments;
 * each beside the plain SQL that reads the same rows. `BENCH_MODELS` and `BENCH_INSTRUMENTS` say of how many.
 */
import pg from 'pg';
import type { BenchResult } from './result.ts';
import { median, medianOf } from './result.ts';
import { drive } from './load.ts';
import type { BenchServer, Owner } from './server.ts';
import { anyRegistration, register, startServer } from './server.ts';

const MODELS = Number(process.env['BENCH_MODELS'] ?? 100_000);
const INSTRUMENTS = Number(process.env['BENCH_INSTRUMENTS'] ?? 10_000);
const ROUNDS = 3;
const SECONDS = 8;
const CONNECTIONS = 16;
const PAGE = 100;

const PAGE_OF_TITLES = `SELECT asset_id, share_num, share_den FROM registry.title
  WHERE party_id = $1 AND asset_id > $2 AND share_num > 0 ORDER BY asset_id LIMIT ${PAGE}`;
const INSTRUMENTS_OF = `SELECT i.*, a.* FROM registry.instrument i
  JOIN registry.instrument_act a ON a.instrument_id = i.id
  WHERE i.asset_id = $1 AND i.in_force_index IS NOT NULL ORDER BY i.in_force_index, a.recorded_index`;

export async function run(): Promise<BenchResult[]> {
  const server = await startServer();
  const pool = new pg.Pool({ connectionString: server.databaseUrl, max: CONNECTIONS });
  try {
    const owner = await server.makeOwner('Bench');
    await register(server, owner, 0, MODELS);
    const asset = await assignMany(server);
    await server.rest(owner);
    return [await measurePortfolio(server, pool, owner), await measureAbstract(server, pool, asset)];
  } finally {
    await pool.end();
    await server.close();
  }
}

async function measurePortfolio(server: BenchServer, pool: pg.Pool, { party }: Owner): Promise<BenchResult> {
  const { rows } = await pool.query<{ asset_id: string }>(
    `SELECT asset_id FROM registry.title WHERE party_id = $1 ORDER BY random() LIMIT 1000`,
    [party],
  );
  const cursors = rows.map(({ asset_id }) => asset_id);
  const requests = cursors.map((after) => ({
    method: 'GET' as const,
    path: `/v1/parties/${party}/titles?limit=${PAGE}&after=${after}`,
  }));
  const rounds: { ours: Awaited<ReturnType<typeof drive>>; theirs: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const ours = await drive({ url: server.url, seconds: SECONDS, connections: CONNECTIONS, requests, again: true });
    rounds.push({ ours, theirs: await pagesPerSecond(pool, party, cursors) });
  }
  const walk = await drive({ url: server.url, seconds: SECONDS, connections: 1, requests, again: true });
  return {
    bench: 'title: portfolio',
    value: medianOf(rounds, ({ ours }) => ours.perSecond),
    unit: `pages of ${PAGE}/s`,
    peer: 'plain SQL of the same rows',
    peerValue: medianOf(rounds, ({ theirs }) => theirs),
    ratio: medianOf(rounds, ({ ours, theirs }) => ours.perSecond / theirs),
    p50Ms: medianOf(rounds, ({ ours }) => ours.p50Ms),
    p99Ms: medianOf(rounds, ({ ours }) => ours.p99Ms),
    more: { models: MODELS, oneByOneP50Ms: walk.p50Ms, oneByOneP99Ms: walk.p99Ms },
  };
}

async function pagesPerSecond(pool: pg.Pool, party: string, cursors: readonly string[]): Promise<number> {
  const end = Date.now() + SECONDS * 1000;
  let pages = 0;
  const ask = async () => {
    while (Date.now() < end) {
      const values = [party, cursors[pages % cursors.length]!];
      pages++;
      await pool.query({ name: 'page', text: PAGE_OF_TITLES, values });
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, ask));
  return pages / SECONDS;
}

async function measureAbstract(server: BenchServer, pool: pg.Pool, asset: string): Promise<BenchResult> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < 2 * ROUNDS + 1; round++) {
    ours.push(
      await milliseconds(async () => {
        const { instruments } = await server.call(
          'GET',
          `/v1/titles/${asset}/abstract?limit=${INSTRUMENTS}`,
          undefined,
        );
        requireAll((instruments as unknown[]).length);
      }),
    );
    theirs.push(await milliseconds(async () => requireAll((await pool.query(INSTRUMENTS_OF, [asset])).rows.length)));
  }
  return {
    bench: 'title: abstract',
    value: 1000 / median(ours),
    unit: 'abstracts/s',
    peer: 'plain SQL of the same rows',
    peerValue: 1000 / median(theirs),
    ratio: median(ours.map((own, i) => theirs[i]! / own)),
    p50Ms: median(ours),
    more: { instruments: INSTRUMENTS },
  };
}

async function milliseconds(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function requireAll(found: number): void {
  if (found !== INSTRUMENTS) throw new Error(`${found} instruments were found, not ${INSTRUMENTS}.`);
}

/** One seller assigns a small share many times. @returns the asset */
async function assignMany(server: BenchServer): Promise<string> {
  const [seller, buyer] = [await party(server, 'Seller'), await party(server, 'Buyer')];
  const { id: asset } = await server.call('POST', '/v1/models', anyRegistration('sold', seller.id).body, seller.apiKey);
  const offers: string[] = [];
  const effectiveFrom = new Date().toISOString().slice(0, 10);
  await all(async () => {
    const { id } = await server.call(
      'POST',
      '/v1/instruments',
      {
        asset,
        terms: { type: 'assignment', share: `1/${2 * INSTRUMENTS}`, under: null },
        counterparties: [buyer.id],
        documentDigest: null,
        executedOn: null,
        effectiveFrom,
        jurisdiction: null,
        lapsesAt: null,
      },
      seller.apiKey,
    );
    offers.push(id as string);
  });
  let next = 0;
  await all(async () => {
    await server.call('POST', `/v1/instruments/${offers[next++]!}/acts`, { act: 'accept' }, buyer.apiKey);
  });
  return asset as string;
}

async function all(one: () => Promise<void>): Promise<void> {
  let started = 0;
  const work = async () => {
    while (started < INSTRUMENTS) {
      started++;
      await one();
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
}

async function party(server: BenchServer, name: string): Promise<{ id: string; apiKey: string }> {
  const { id } = await server.call('POST', '/v1/parties', { name });
  const { key } = await server.call('POST', `/v1/parties/${id as string}/api-keys`, {});
  return { id: id as string, apiKey: key as string };
}
