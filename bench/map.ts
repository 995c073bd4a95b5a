/**
 * Keeping the map of digests: folding new digests into one of 10⁴, 10⁵ and 10⁶, as a busy registry does once a minute;
 * beside the plainest index that answers the same question and proves nothing, a table with a primary key. Told as well:
 * what a fold writes for each digest, how large a proof is, and how long reading one takes.
 *
 * BENCH_KEYS sets the largest map (1,000,000 without it).
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { formatDigest } from '../src/core/digest.ts';
import { formatClaim } from '../src/core/map/answer.ts';
import type { Naming } from '../src/core/map/fold.ts';
import { foldMap } from '../src/core/map/fold.ts';
import { mapKey } from '../src/core/map/map.ts';
import { claimOf } from '../src/core/map/way.ts';
import { ENTITIES } from '../src/entities.ts';
import type { StoredVersion } from '../src/ledger/map/map.store.ts';
import { keepVersion, readNodes, readWay } from '../src/ledger/map/map.store.ts';
import { openGround } from '../src/main.ts';
import { loadConfig } from '../src/platform/config/index.ts';
import { sha256 } from '../src/platform/crypto.ts';
import { dataSourceOptions } from '../src/platform/database/index.ts';
import { createLog } from '../src/platform/logging/index.ts';
import type { BenchResult } from './result.ts';
import { medianOf } from './result.ts';

const KEYS = Number(process.env['BENCH_KEYS'] ?? 1_000_000);
const SIZES = [10_000, 100_000, 1_000_000].filter((size) => size <= KEYS);
const GROWN = 100_000;
/** Digests of a hundred registrations. */
const FOLDED = 300;
const ROUNDS = 9;
const PROOFS = 200;

export async function run(): Promise<BenchResult[]> {
  const data = await mkdtemp(join(tmpdir(), 'muniment-bench-'));
  await chmod(data, 0o711);
  const ground = await openGround(loadConfig({ MUNIMENT_DATA: data }), createLog({ logLevel: 'error' }));
  try {
    const url = ground.database.ownerUrl.reveal();
    const database = new DataSource(dataSourceOptions(url, ENTITIES, 4));
    await database.initialize();
    try {
      await database.query(`CREATE TABLE public.bench_digest (digest bytea PRIMARY KEY, entries bigint[] NOT NULL)`);
      const growing = new GrowingMap(database);
      const results: BenchResult[] = [];
      for (const size of SIZES) results.push(await measure(growing, size));
      return results;
    } finally {
      await database.destroy();
    }
  } finally {
    await ground.database.close();
    await rm(data, { recursive: true, force: true });
  }
}

interface Fold {
  perSecond: number;
  nodes: number;
  bytes: number;
  wal: number;
}

class GrowingMap {
  #version: StoredVersion | undefined;
  #index = 0;

  constructor(readonly database: DataSource) {}

  get keys(): number {
    return this.#version?.keys ?? 0;
  }

  async fold(count: number): Promise<Fold> {
    const { manager } = this.database;
    const namings = this.#namings(count);
    const before = await this.#wal();
    const started = performance.now();
    const store = { read: (hashes: readonly Uint8Array[]) => readNodes(manager, hashes) };
    const { root, keys, created, replaced } = await foldMap(sha256, store, this.#version ?? null, namings);
    const next = { size: this.#index, root, keys, replaced: [...replaced] };
    await this.database.transaction((transaction) => keepVersion(transaction, this.#version, next, created));
    const seconds = (performance.now() - started) / 1000;
    this.#version = next;
    const bytes = created.reduce((sum, { content }) => sum + 32 + content.length, 0);
    const wal = (await this.#wal()) - before;
    return { perSecond: count / seconds, nodes: created.length / count, bytes: bytes / count, wal: wal / count };
  }

  async insert(count: number): Promise<number> {
    const namings = this.#namings(count);
    const started = performance.now();
    await this.database.query(
      `INSERT INTO public.bench_digest SELECT d, ARRAY[i] FROM unnest($1::bytea[], $2::bigint[]) AS k(d, i)`,
      [namings.map(({ digest }) => Buffer.from(digest.slice(7), 'hex')), namings.map(({ index }) => index)],
    );
    return count / ((performance.now() - started) / 1000);
  }

  /** Puts the newest version on record, as far as reading needs it. */
  async record(): Promise<void> {
    const { size, root, keys } = this.#version!;
    await this.database.query(`INSERT INTO registry.map_root VALUES ($1, $2, $1, $3, $1, $2)`, [
      formatDigest(root),
      size,
      keys,
    ]);
  }

  #namings(count: number): Naming[] {
    return Array.from({ length: count }, () => ({ digest: formatDigest(randomBytes(32)), index: this.#index++ }));
  }

  async #wal(): Promise<number> {
    const [row] = await this.database.query<{ lsn: string }[]>(
      `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text AS lsn`,
    );
    return Number(row!.lsn);
  }
}

async function measure(map: GrowingMap, size: number): Promise<BenchResult> {
  while (map.keys < size) {
    const more = Math.min(GROWN, size - map.keys);
    await map.fold(more);
    await map.insert(more);
  }
  // As autovacuum would have done by now on tables that grew this far, so that no round pays for it.
  for (const table of ['ledger.map_node', 'public.bench_digest']) await map.database.query(`VACUUM ANALYZE ${table}`);
  const rounds: (Fold & { peer: number })[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ ...(await map.fold(FOLDED)), peer: await map.insert(FOLDED) });
  }
  return {
    bench: `map-${size}`,
    value: medianOf(rounds, ({ perSecond }) => perSecond),
    unit: 'digests/s',
    peer: 'a table with a primary key, proving nothing',
    peerValue: medianOf(rounds, ({ peer }) => peer),
    ratio: medianOf(rounds, ({ perSecond, peer }) => perSecond / peer),
    more: {
      'ms a digest': medianOf(rounds, ({ perSecond }) => 1000 / perSecond),
      'nodes written a digest': medianOf(rounds, ({ nodes }) => nodes),
      'bytes of nodes a digest': medianOf(rounds, ({ bytes }) => bytes),
      'bytes of WAL a digest': medianOf(rounds, ({ wal }) => wal),
      ...(await proofs(map)),
    },
  };
}

/** Proofs of absence: reading one from the database, and its size in the answer. */
async function proofs(map: GrowingMap): Promise<Record<string, number>> {
  await map.record();
  const read: { ms: number; hashes: number; bytes: number }[] = [];
  for (let i = 0; i < PROOFS; i++) {
    const digest = formatDigest(randomBytes(32));
    const started = performance.now();
    const found = await readWay(map.database.manager, mapKey(sha256, digest));
    const claim = claimOf(sha256, digest, found!.way);
    read.push({
      ms: performance.now() - started,
      hashes: claim.proof.path.length,
      bytes: JSON.stringify(formatClaim(claim)).length,
    });
  }
  return {
    'ms a proof': medianOf(read, ({ ms }) => ms),
    'hashes in a proof': medianOf(read, ({ hashes }) => hashes),
    'bytes of JSON a proof': medianOf(read, ({ bytes }) => bytes),
  };
}
