/**
 * The lineage of a model out of `BENCH_EDGES` relations (100,000 at default): ancestors and descendants, once in layers
 * in which each model has ten parents, once as a chain, the deepest there is. Beside it the same SQL by a bare `pg` client.
 * As in any registry, there are others, whose parents are not on record.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { ENTITIES } from '../src/entities.ts';
import type { Direction } from '../src/licenses/lineage.schema.ts';
import { DIRECTIONS } from '../src/licenses/lineage.schema.ts';
import { findLineage, LINEAGE_SQL } from '../src/licenses/lineage.store.ts';
import { openGround } from '../src/main.ts';
import { loadConfig } from '../src/platform/config/index.ts';
import { dataSourceOptions } from '../src/platform/database/index.ts';
import { createLog } from '../src/platform/logging/index.ts';
import type { BenchResult } from './result.ts';
import { median, medianOf, ratioOf } from './result.ts';

const EDGES = Number(process.env['BENCH_EDGES'] ?? 100_000);
const PARENTS = 10;
const WIDTH = 100;
const ROUNDS = 15;
const WARM_UP = 3;

/** Models by number; the parents of each have higher numbers, the last model is an ancestor of the first. */
interface Shape {
  readonly name: string;
  /** Where its log indexes begin */
  readonly first: number;
  readonly models: number;
  /** Those that are no model of the shape are not on record */
  readonly parentsOf: (model: number) => number[];
}

const OTHERS: Shape = { name: 'others', first: 2 * EDGES, models: EDGES / PARENTS, parentsOf: (model) => [-1 - model] };

const LAYERS: Shape = {
  name: 'layers',
  first: 0,
  models: EDGES / PARENTS,
  parentsOf: (model) => {
    const next = (Math.floor(model / WIDTH) + 1) * WIDTH;
    const parents = Array.from({ length: PARENTS }, (_, k) => next + ((model + k * 7) % WIDTH));
    return parents.filter((parent) => parent < EDGES / PARENTS);
  },
};
const CHAIN: Shape = {
  name: 'chain',
  first: EDGES,
  models: EDGES / PARENTS,
  parentsOf: (model) => [model + 1].filter((parent) => parent < EDGES / PARENTS),
};

export async function run(): Promise<BenchResult[]> {
  const data = await mkdtemp(join(tmpdir(), 'muniment-bench-'));
  await chmod(data, 0o711);
  const ground = await openGround(loadConfig({ MUNIMENT_DATA: data }), createLog({ logLevel: 'error' }));
  const database = new DataSource(dataSourceOptions(ground.database.appUrl.reveal(), ENTITIES, 4));
  const bare = new pg.Client({ connectionString: ground.database.appUrl.reveal() });
  try {
    await database.initialize();
    await bare.connect();
    const results: BenchResult[] = [];
    await fill(ground.database.ownerUrl.reveal(), OTHERS);
    for (const shape of [LAYERS, CHAIN]) {
      await fill(ground.database.ownerUrl.reveal(), shape);
      for (const direction of DIRECTIONS) results.push(await measure(database, bare, shape, direction));
    }
    return results;
  } finally {
    await bare.end();
    await database.destroy();
    await ground.database.close();
    await rm(data, { recursive: true, force: true });
  }
}

/** The rows as registrations leave them, without the statements: no lineage reads these. */
async function fill(ownerUrl: string, { name, first, models, parentsOf }: Shape): Promise<void> {
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  try {
    const numbers = Array.from({ length: models }, (_, model) => model);
    const digestOf = (model: number) => `sha256:${createHash('sha256').update(`${name}${model}`).digest('hex')}`;
    const indexOf = (parent: number) => (parent < 0 ? null : first + parent);
    await owner.query(
      `INSERT INTO registry.registration (id, model_digest, nameless_digest, file_digest, maker, name, license_expression,
         parents, awaited, statement, recorded_index)
       SELECT $1 || n, digest, digest || 'nameless', digest || 'file', 'a party', 'model ' || n, 'Apache-2.0',
         parents, '{}', 'a statement', $2 + n
       FROM unnest($3::int[], $4::text[], $5::json[]) m(n, digest, parents)`,
      [
        name,
        first,
        numbers,
        numbers.map(digestOf),
        numbers.map((child) => ({
          'merged-from': parentsOf(child).map((parent) => indexOf(parent) ?? digestOf(parent)),
        })),
      ],
    );
    const edges = numbers.flatMap((child) => parentsOf(child).map((parent, position) => ({ child, parent, position })));
    await owner.query(
      `INSERT INTO registry.relation (registration_id, position, relation, digest, parent_index, standing, statement, recorded_index)
       SELECT $1 || e.child, e.position, 'merged-from', e.digest, e.parent, 'declared', 'a statement', $2 + e.child
       FROM unnest($3::int[], $4::int[], $5::text[], $6::bigint[]) e(child, position, digest, parent)`,
      [
        name,
        first,
        edges.map(({ child }) => child),
        edges.map(({ position }) => position),
        edges.map(({ parent }) => digestOf(parent)),
        edges.map(({ parent }) => indexOf(parent)),
      ],
    );
    // As autovacuum would have done by now on a registry that grew this far.
    await owner.query('VACUUM ANALYZE');
  } finally {
    await owner.end();
  }
}

async function measure(
  database: DataSource,
  bare: pg.Client,
  { name, models }: Shape,
  direction: Direction,
): Promise<BenchResult> {
  const id = `${name}${direction === 'ancestors' ? 0 : models - 1}`;
  const peerQuery = { name: direction, text: LINEAGE_SQL[direction], values: [id] };
  let found = { nodes: 0, edges: 0 };
  const rounds: { ours: number; peer: number }[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const ours = await timed(async () => {
      const { nodes, edges } = await findLineage(database.manager, id, direction);
      found = { nodes: nodes.length, edges: edges.length };
    });
    const peer = await timed(() => bare.query(peerQuery));
    if (round >= WARM_UP) rounds.push({ ours: 1000 / ours, peer: 1000 / peer });
  }
  const times = rounds.map(({ ours }) => 1000 / ours);
  return {
    bench: `lineage: ${direction}, ${name} of ${found.nodes} models and ${found.edges} relations`,
    value: medianOf(rounds, ({ ours }) => ours),
    unit: 'lineages/s',
    peer: 'bare pg, the same SQL',
    peerValue: medianOf(rounds, ({ peer }) => peer),
    ratio: ratioOf(rounds),
    p50Ms: median(times),
    more: { 'slowest (ms)': Math.max(...times) },
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}
