/**
 * Obligations of a model with a large lineage, `BENCH_NODES` ancestors (10,000 at default): as a chain, the deepest there
 * is, and as layers in which each has four parents. Beside it a bare walk of the same graph that judges nothing.
 */
import type { Lineage, LineageEdge } from '../src/core/licensing/lineage.ts';
import { obligationsOf } from '../src/core/licensing/obligations.ts';
import { LINEAGE_RELATIONS } from '../src/core/licensing/relations.ts';
import { CURRENT_RULES, RULES } from '../src/core/licensing/rules/index.ts';
import type { BenchResult } from './result.ts';
import { median, medianOf, ratioOf } from './result.ts';

const NODES = Number(process.env['BENCH_NODES'] ?? 10_000);
const ROUNDS = 15;
const WARM_UP = 3;

const LICENSES = RULES[CURRENT_RULES].families.flatMap(({ licenses }) => licenses);

export function run(): Promise<BenchResult[]> {
  const shapes: [string, (i: number) => number[]][] = [
    ['chain', (i) => [i + 1]],
    ['layers', (i) => [1, 2, 3, 4].map((k) => 4 * i + k)],
  ];
  return Promise.resolve(shapes.map(([shape, parents]) => measure(shape, makeLineage(parents))));
}

function makeLineage(parentsOf: (i: number) => number[]): Lineage {
  const nodes = Array.from({ length: NODES }, (_, i) => ({ id: `node ${i}`, license: LICENSES[i % LICENSES.length]! }));
  const edges = nodes.flatMap(({ id }, i) =>
    parentsOf(i)
      .filter((parent) => parent < NODES)
      .map((parent): LineageEdge => {
        const relation = LINEAGE_RELATIONS[(i + parent) % LINEAGE_RELATIONS.length]!;
        return { child: id, parent: `node ${parent}`, relation };
      }),
  );
  return { nodes, edges };
}

function measure(shape: string, lineage: Lineage): BenchResult {
  const judge = () => {
    obligationsOf({
      lineage,
      model: 'node 0',
      use: { actions: ['redistribute', 'host'], commercial: true },
      on: '2026-11-27',
    });
  };
  const rounds: { ours: number; peer: number }[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const [ours, peer] = [timed(judge), timed(() => bareWalk(lineage))];
    if (round >= WARM_UP) rounds.push({ ours: 1000 / ours, peer: 1000 / peer });
  }
  return {
    bench: `obligations: ${shape} of ${NODES}`,
    value: medianOf(rounds, ({ ours }) => ours),
    unit: 'lineages/s',
    peer: 'a walk that judges nothing',
    peerValue: medianOf(rounds, ({ peer }) => peer),
    ratio: ratioOf(rounds),
    p50Ms: median(rounds.map(({ ours }) => 1000 / ours)),
    more: { 'slowest (ms)': Math.max(...rounds.map(({ ours }) => 1000 / ours)) },
  };
}

function timed(work: () => void): number {
  const from = performance.now();
  work();
  return performance.now() - from;
}

function bareWalk({ edges }: Lineage): number {
  const parents = new Map<string, string[]>();
  for (const { child, parent } of edges) parents.set(child, [...(parents.get(child) ?? []), parent]);
  const seen = new Set(['node 0']);
  for (const id of seen) for (const parent of parents.get(id) ?? []) seen.add(parent);
  return seen.size;
}
