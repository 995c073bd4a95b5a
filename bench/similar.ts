/**
 * Near copies among BENCH_MODELS fingerprints (1,000,000 without it), of which 100 are asked for by copies of them: by
 * SimHash and an exact ranking of the shortlist, and by pgvector's HNSW over the SimHashes where there is pgvector.
 *
 * Peers are the exact scan on the same server: every retrieval vector is compared with the one in question. Without
 * pgvector SQL has no such product, so all vectors are read by one binary COPY and compared here; with it the server
 * compares half-precision vectors itself, in C and in parallel.
 *
 * Models are made of neurons drawn from the zoo of `npm run bench derivation` (`derivation/resampled.ts`), which is trained
 * first where it is not there. The planted copies are of all derivations that keep 90 % of their accuracy.
 *
 * MUNIMENT_BENCH_PGVECTOR is the address of an empty database, as its superuser, on a server with pgvector 0.7 or newer.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { EntityManager } from 'typeorm';
import { DataSource } from 'typeorm';
import { toBase64, utf8 } from '../src/core/bytes.ts';
import { parseRetrieval } from '../src/core/fingerprint/document.ts';
import { nearness } from '../src/core/fingerprint/evidence.ts';
import { SCHEME } from '../src/core/fingerprint/fingerprint.ts';
import { RETRIEVAL_DIMENSIONS } from '../src/core/fingerprint/retrieval.ts';
import { simHash } from '../src/core/fingerprint/simhash.ts';
import { randomFrom } from '../src/core/random.ts';
import { SHORTLIST } from '../src/fingerprints/fingerprint.service.ts';
import type { Shortlisted } from '../src/fingerprints/fingerprint.store.ts';
import { shortlistByIndex, shortlistByScan } from '../src/fingerprints/fingerprint.store.ts';
import { CopyOut, readTuples } from '../src/ledger/fsck/copy-out.ts';
import { openGround } from '../src/main.ts';
import { loadConfig } from '../src/platform/config/index.ts';
import { sha256 } from '../src/platform/crypto.ts';
import { dataSourceOptions } from '../src/platform/database/index.ts';
import { MAKE_NEAR_INDEX } from '../src/platform/database/near-index.ts';
import { createLog } from '../src/platform/logging/index.ts';
import { Resampler } from './derivation/resampled.ts';
import type { BenchResult } from './result.ts';
import { median, print } from './result.ts';

const MODELS = Number(process.env['BENCH_MODELS'] ?? 1_000_000);
const PGVECTOR = process.env['MUNIMENT_BENCH_PGVECTOR'];
const COPIES = 100;
const SCANS = 5;
const BATCH = 2000;
const TOLD = 100_000;

/** Tells each result as soon as it is there: among a million models the last ones take half an hour. */
export async function run(): Promise<BenchResult[]> {
  const models = draw(await Resampler.open());
  await withoutPgvector(models);
  if (PGVECTOR === undefined) console.error('similar: no MUNIMENT_BENCH_PGVECTOR, so HNSW is left out.');
  else await withPgvector(models, PGVECTOR);
  return [];
}

async function withoutPgvector(models: Models): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), 'muniment-bench-'));
  await chmod(data, 0o711);
  const ground = await openGround(loadConfig({ MUNIMENT_DATA: data }), createLog({ logLevel: 'error' }));
  try {
    const url = ground.database.ownerUrl.reveal();
    await connected(url, async (database) => {
      const { planted } = models;
      await load(models, database.manager);
      await database.query('VACUUM ANALYZE registry.fingerprint');
      const scan = await exactScanHere(url, planted);
      const peer = { peer: 'exact scan: all vectors by one binary COPY, compared in Node', seconds: scan };
      print(await compare('similar-simhash', database.manager, planted, 'scan', peer));
    });
  } finally {
    await ground.database.close();
    await rm(data, { recursive: true, force: true });
  }
}

/** The same table, and its vectors once more as pgvector has them. */
async function withPgvector(models: Models, url: string): Promise<void> {
  const { planted } = models;
  await connected(url, async (database) => {
    const { manager } = database;
    await database.query('CREATE EXTENSION IF NOT EXISTS vector');
    await database.query('DROP SCHEMA IF EXISTS registry CASCADE');
    await database.query('CREATE SCHEMA registry');
    const { Fingerprints1700000000043: Fingerprints } = await import('../migrations/0043-fingerprints.ts');
    const runner = database.createQueryRunner();
    await new Fingerprints().up(runner);
    await runner.release();
    await database.query(
      `CREATE TABLE registry.bench_vector (id text NOT NULL, v halfvec(${RETRIEVAL_DIMENSIONS}) NOT NULL)`,
    );
    await load(models, manager, async (ids, vectors) => {
      await manager.query(`INSERT INTO registry.bench_vector SELECT * FROM unnest($1::text[], $2::halfvec[])`, [
        ids,
        vectors.map((vector) => `[${vector.join(',')}]`),
      ]);
    });
    for (const table of ['fingerprint', 'bench_vector']) await database.query(`VACUUM ANALYZE registry.${table}`);
    // Measured anew each time: what else the machine does may change while the index is built.
    const exactScan = async () => ({
      peer: "exact scan: pgvector's own, in parallel, half-precision vectors",
      seconds: await exactScanThere(manager, planted),
    });
    print(await compare('similar-simhash-beside-pgvector', manager, planted, 'scan', await exactScan()));
    const started = performance.now();
    await database.query(MAKE_NEAR_INDEX);
    const built = (performance.now() - started) / 1000;
    const [size] = await database.query<{ mib: number }[]>(
      `SELECT pg_relation_size('registry.fingerprint_near') / 1048576.0::float8 AS mib`,
    );
    const hnsw = await compare('similar-hnsw', manager, planted, 'hnsw', await exactScan());
    const more = { ...hnsw.more, 'index (MiB)': size!.mib, 'building it (s)': built };
    print({ ...hnsw, more });
  });
}

async function connected<T>(url: string, work: (database: DataSource) => Promise<T>): Promise<T> {
  const options = dataSourceOptions(url, [], 4);
  const database = new DataSource({ ...options, extra: { ...options.extra, statement_timeout: 0 } });
  await database.initialize();
  try {
    return await work(database);
  } finally {
    await database.destroy();
  }
}

/** What is asked for, and of which model it is a copy. */
interface Question {
  id: string;
  derivation: string;
  vector: Int8Array;
  simhash: string;
}

interface Models {
  /** `[MODELS][RETRIEVAL_DIMENSIONS]` */
  vectors: Int8Array;
  planted: Question[];
}

function draw(resampler: Resampler): Models {
  const random = randomFrom(sha256(utf8('bench similar')));
  const vectors = new Int8Array(MODELS * RETRIEVAL_DIMENSIONS);
  const planted: Question[] = [];
  const every = Math.max(1, Math.floor(MODELS / COPIES));
  for (let i = 0; i < MODELS; i++) {
    let vector: Int8Array;
    if (i % every === 0 && planted.length < COPIES) {
      const { original, copy, derivation } = resampler.planted(random, planted.length);
      planted.push({ id: idOf(i), derivation, vector: copy, simhash: simHash(copy) });
      vector = original;
    } else {
      vector = resampler.model(random);
    }
    vectors.set(vector, i * RETRIEVAL_DIMENSIONS);
    if ((i + 1) % TOLD === 0) console.error(`similar: ${i + 1} of ${MODELS} models drawn`);
  }
  return { vectors, planted };
}

const idOf = (index: number): string => `registration_${index}`;

async function load(
  { vectors }: Models,
  manager: EntityManager,
  also: (ids: string[], vectors: Int8Array[]) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  for (let from = 0; from < MODELS; from += BATCH) {
    const indexes = Array.from({ length: Math.min(BATCH, MODELS - from) }, (_, i) => from + i);
    const batch = indexes.map((i) => vectors.subarray(i * RETRIEVAL_DIMENSIONS, (i + 1) * RETRIEVAL_DIMENSIONS));
    await manager.query(
      `INSERT INTO registry.fingerprint (simhash, registration_id, scheme, maker, shape, retrieval, layers, outputs, statement,
         recorded_index)
       SELECT h::bit(1024), id, $1, 'party_00000000000000000000000000', '784-128-10', r, $5::jsonb, '{}', $6, $7 + at
       FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS k(id, h, r, at)`,
      [
        SCHEME,
        indexes.map(idOf),
        batch.map(simHash),
        batch.map((vector) => toBase64(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength))),
        JSON.stringify([{ units: 128, width: 785 }]),
        `sha256:${'0'.repeat(64)}`,
        from,
      ],
    );
    await also(indexes.map(idOf), batch);
    if ((from + BATCH) % TOLD === 0) console.error(`similar: ${from + BATCH} of ${MODELS} models loaded`);
  }
}

async function compare(
  bench: string,
  manager: EntityManager,
  planted: readonly Question[],
  by: keyof typeof SHORTLIST,
  { peer, seconds }: { peer: string; seconds: number },
): Promise<BenchResult> {
  const shortlist = by === 'scan' ? shortlistByScan : shortlistByIndex;
  const times: number[] = [];
  const missed: string[] = [];
  for (const { id, derivation, vector, simhash } of planted) {
    const started = performance.now();
    const ten = rank(vector, await shortlist(manager, { scheme: SCHEME, simhash }, SHORTLIST[by]));
    times.push(performance.now() - started);
    if (!ten.includes(id)) missed.push(derivation);
  }
  if (missed.length > 0) console.error(`${bench}: not among ten: ${missed.join('; ')}`);
  const p50Ms = median(times);
  return {
    bench: `${bench}-${MODELS}`,
    value: 1000 / p50Ms,
    unit: 'searches/s',
    peer,
    peerValue: 1 / seconds,
    ratio: (1000 * seconds) / p50Ms,
    p50Ms,
    p99Ms: times.sort((a, b) => a - b)[Math.ceil(0.99 * times.length) - 1]!,
    more: { 'exact scan (ms)': 1000 * seconds, 'planted recall@10': 1 - missed.length / planted.length },
  };
}

/** As the service ranks them. */
function rank(vector: Int8Array, found: readonly Shortlisted[]): string[] {
  return found
    .map(({ registrationId, retrieval }) => ({ registrationId, near: nearness(vector, parseRetrieval(retrieval)) }))
    .sort((a, b) => b.near - a.near)
    .slice(0, 10)
    .map(({ registrationId }) => registrationId);
}

async function exactScanHere(url: string, planted: readonly Question[]): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const seconds: number[] = [];
    for (const { vector } of planted.slice(0, SCANS)) {
      const started = performance.now();
      const near: number[] = [];
      const copy = new CopyOut(`SELECT decode(retrieval, 'base64') FROM registry.fingerprint`, (tuple) => {
        const [[bytes]] = readTuples(tuple) as unknown as [[Buffer]];
        near.push(nearness(vector, new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
      });
      client.query(copy);
      await copy.done;
      near.sort((a, b) => b - a);
      seconds.push((performance.now() - started) / 1000);
    }
    return median(seconds);
  } finally {
    await client.end();
  }
}

async function exactScanThere(manager: EntityManager, planted: readonly Question[]): Promise<number> {
  const seconds: number[] = [];
  for (const { vector } of planted.slice(0, SCANS)) {
    const started = performance.now();
    await manager.transaction(async (transaction) => {
      await transaction.query('SET LOCAL enable_seqscan = on');
      await transaction.query(
        `SELECT id FROM registry.bench_vector ORDER BY v <=> $1::halfvec(${RETRIEVAL_DIMENSIONS}) LIMIT 10`,
        [`[${vector.join(',')}]`],
      );
    });
    seconds.push((performance.now() - started) / 1000);
  }
  return median(seconds);
}
